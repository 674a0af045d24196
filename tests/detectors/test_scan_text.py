"""Evidence of scans in words and records."""

import numpy as np

from sensor.detectors.scan_text import Ring, failed_contacts, records_of, subject_text
from tests.detectors.ticks import entities, tick
from tests.scenes import START, flow, flows


def test_the_ring_keeps_the_last_contact_of_each_service():
    """Retries are one entry, the oldest of many services fall out, other hosts can be left out."""
    ring = Ring()
    failed = flows(*(flow(resp=f"10.0.1.{k % 100 + 1}", at_s=k, state="S0") for k in range(120)))
    ring.push(failed_contacts(failed, np.zeros(120, np.uint8)))
    rows = ring.distinct(0, START, None)

    assert 64 == len(rows)
    assert (START + 119 * 10**9) == rows["ts"][-1]
    assert 1 == len(ring.distinct(0, START, (0, int(rows["lo"][0]))))
    assert 0 == len(ring.distinct(1, START, None))


def test_rings_survive_a_restart():
    """pack and unpack are inverse, by device."""
    rings = {3: Ring(), 9: Ring()}
    for device, ring in rings.items():
        failed = flows(*(flow(at_s=k, port=device) for k in range(device)))
        ring.push(failed_contacts(failed, np.zeros(device, np.uint8)))

    back = Ring.unpack(Ring.pack(rings))

    assert {3: 3, 9: 9} == {device: len(ring.rows) for device, ring in back.items()}
    assert {} == Ring.unpack(Ring.pack({}))


def test_records_name_input_uid_and_row():
    """A log's flow is named by its row, a capture's by its packet."""
    known = entities()
    rows = flows(flow(uid="Ca"), flow(uid="Cb", at_s=1))
    rows["size_sq"][1] = 5.0
    ring = Ring()
    ring.push(failed_contacts(rows, np.zeros(2, np.uint8)))

    log, capture = records_of(known, ring.rows)

    assert ("given", "Ca", 0, None) == (log.input, log.uid, log.row, log.offset)
    assert ("given", "Cb", None, 1) == (capture.input, capture.uid, capture.row, capture.offset)


def test_a_subject_is_its_name_with_the_address_or_the_address_alone():
    """A device without a hostname is not written twice."""
    known = entities()
    one = tick(known, flows(flow()))
    words = one.flows["orig_hi"][0], one.flows["orig_lo"][0]
    before = subject_text(known, 0, *words)
    known.devices.name(0, "PC", "dhcp")

    assert ("10.0.0.5", "PC (10.0.0.5)") == (before, subject_text(known, 0, *words))
