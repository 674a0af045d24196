"""Who takes part in an evidence, and the records behind it."""

from sensor.detectors.parties import flow_records, keys_of, last_records, message_record, party, seen_as
from sensor.model import addresses
from sensor.model.evidence import Record
from sensor.model.metadata import Ssh
from tests.detectors.ticks import entities, tick
from tests.scenes import common, flow, flows


def test_a_device_is_named_as_one_and_an_address_by_its_name():
    """The id ties evidence together, the name is for a person."""
    known = entities()
    tick(known, flows(flow("10.0.0.5", "10.0.0.9")))
    peers = [party(known, known.locate(0, "10.0.0.5"), *addresses.parse("10.0.0.5"))]
    peers.append(party(known, -1, *addresses.parse("203.0.113.7")))

    assert [("device", "10.0.0.5"), ("address", "203.0.113.7")] == [(peer.kind, peer.name) for peer in peers]
    assert (f"device:{peers[0].id}", "address:203.0.113.7") == keys_of(peers)


def test_a_device_is_seen_as_its_name_and_address():
    """The address is written where the name does not say it."""
    known = entities()
    tick(known, flows(flow("10.0.0.5", "10.0.0.9")))
    device = known.locate(0, "10.0.0.5")

    assert ["10.0.0.5", "10.0.0.5 (10.0.7.7)"] == [seen_as(known, device, one) for one in ("10.0.0.5", "10.0.7.7")]


def test_records_are_the_last_sixteen():
    """Flows of a log by row, messages by their offset; repeated ones once."""
    known = entities()
    records = flow_records(known, flows(*(flow(at_s=k) for k in range(20))))

    assert (16, 4, 19) == (len(records), records[0].row, records[-1].row)
    assert "given" == message_record(known, Ssh(**common())).input
    assert (Record(input="a", row=1),) == last_records([Record(input="a", row=1)] * 3)
