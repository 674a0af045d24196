"""Accounts and their links as they are shown."""

from sensor.entities.inventory_accounts import accounts, users_of
from sensor.model.metadata import Kerberos, Ntlm
from tests.entities.test_entities import fresh, resolve
from tests.scenes import common, flow, flows


def scene():
    entities = fresh()
    resolve(entities, flows(flow()))
    told = [
        Kerberos(**common(), client="zoe/R", success=True),
        Ntlm(**common(), username="ann", domainname="R", success=True),
        Kerberos(**common(), client="pc5$/R", success=True),
    ]  # fmt: skip
    resolve(entities, messages=told)
    return entities


def test_accounts_are_shown_by_name_with_their_links():
    """One row an account; a link says its kind, its device, its address and where it was seen."""
    entities = scene()
    rows = list(accounts(entities))

    assert [("ann@r", "user"), ("pc5$@r", "machine"), ("zoe@r", "user")] == [(one.name, one.kind) for one in rows]
    (link,) = rows[0].links
    assert ("ntlm", "strong", entities.device_id(0), "10.0.0.5", 1.0, False) == (
        link.kind, link.strength, link.device, link.address, link.weight, link.shared,
    )  # fmt: skip
    assert (entities.device_id(0),) == rows[0].devices


def test_users_of_a_device_are_no_machines():
    """The device's own account is not one of its users; a service's is told apart."""
    entities = scene()
    resolve(entities, messages=[Kerberos(**common(9), client="svc-backup/R", success=True)])

    assert {"ann@r": "user", "svc-backup@r": "service", "zoe@r": "user"} == users_of(entities, 0)
