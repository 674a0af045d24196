"""An account adds up, and an empty batch has the columns of a full one."""

from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.source import Account, Batch


def test_rejections_add_up_by_reason() -> None:
    """Each reason has its own count; one at a time or many at once."""
    account = Account(path="x.pcap", site="local", format="pcap")
    account.reject("bad_checksum")
    account.reject("bad_checksum", 4)
    account.reject("not_ip", 2)
    assert {"bad_checksum": 5, "not_ip": 2} == account.rejected


def test_accounts_share_nothing() -> None:
    """A rejection in one input is not counted in another."""
    first, second = (Account(path=path, site="local", format="pcap") for path in "ab")
    first.reject("not_ip")
    assert {} == second.rejected


def test_an_empty_batch_has_its_columns() -> None:
    """Code that reads columns needs no case for a batch without rows."""
    batch = Batch()
    assert (FLOW, ARP, 0, 0, []) == (
        batch.flows.dtype,
        batch.arp.dtype,
        len(batch.flows),
        len(batch.arp),
        batch.messages,
    )
