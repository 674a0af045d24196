"""The inventory as it is shown."""

from sensor.entities import inventory
from sensor.model.metadata import Kerberos
from sensor.model.times import rfc3339
from tests.entities.test_entities import fresh, resolve
from tests.scenes import START, common, flow, flows


def test_a_device_is_shown_with_address_mac_account_and_learning():
    """Everything known of a device is in its row, and the risk comes from its open incidents."""
    entities = fresh()
    resolve(entities, flows(flow(orig_mac=0x00AABBCCDD01)), [])
    resolve(entities, messages=[Kerberos(**common(), client="ann/R", success=True)])
    identity = entities.device_id(0)

    one = next(inventory.devices(entities, lambda row: 0.25 if row == 0 else 1.0, {identity: 31.5}))

    assert (identity, "A", ("A",), "10.0.0.5", ("00:aa:bb:cc:dd:01",), ("10.0.0.5",), ("ann@r",)) == (
        one.id, one.site, one.sites, one.name, one.macs, one.addresses, one.accounts,
    )  # fmt: skip
    assert ("learning", 0.25, 1, 31.5, True) == (
        one.learning.state, one.learning.progress, one.flows, one.risk_db, one.confirmed,
    )  # fmt: skip
    assert rfc3339(START) == one.first_seen


def test_services_accounts_make_no_workstation():
    """They are listed, and only people's count for a device's role."""
    entities = fresh()
    resolve(entities, flows(flow()))
    for client in ("svc-backup/R", "krbtgt/R"):
        resolve(entities, messages=[Kerberos(**common(), client=client, success=True)])
    service = next(iter(inventory.devices(entities, lambda _: 0.0, {})))
    resolve(entities, messages=[Kerberos(**common(), client="ann/R", success=True)])
    person = next(iter(inventory.devices(entities, lambda _: 0.0, {})))

    assert (None, ("krbtgt@r", "svc-backup@r")) == (service.role, service.accounts)
    assert ("workstation", ("1 account of people logged on there",)) == (person.role, person.role_evidence)
