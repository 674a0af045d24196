"""What a device costs the detectors, all of them together, with a working day of its own to remember.

Measured with 60 places of its own and ten hours: 9 kB in tables with a row a device, 36 kB in tables that all devices
share and that have a cap in common: 24 of them the pairs that beacons are timed by (400 bytes each, 65,536 in all).
"""

import numpy as np

from sensor import registry
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, flow, flows

FEW, MANY = 200, 600
LIMIT_BYTES = 16 * 1024
HOURS = 10
SHARED = ("beacon", "dga", "doh", "exfiltration", "impersonation", "new_peer")
"""They remember things in tables with a cap for all devices together: the longest unused go, and they say how full."""
PLACES = 12
"""Places a device goes to in an hour, of 60 in all; a fifth is in use by everybody."""
_ROW = flow("10.0.0.1", "198.51.100.1", port=443)


def hour(devices, number):
    """Each device goes to some of its places and to a neighbour; a tenth of the contacts fail."""
    rng = np.random.default_rng([devices, number])
    who = np.repeat(np.arange(devices, dtype=np.uint64), PLACES)
    rows = np.repeat(_ROW, len(who))
    rows["orig_lo"] += who
    own = rng.integers(0, 48, len(who)).astype(np.uint64) + who * np.uint64(48)
    shared = rng.random(len(who)) < 0.2
    rows["resp_lo"] += np.where(shared, rng.integers(0, 12, len(who)).astype(np.uint64), np.uint64(1 << 16) + own)
    inside = rng.random(len(who)) < 0.2
    near = _ROW["orig_lo"] + (who + np.uint64(1)) % np.uint64(devices)
    rows["resp_lo"] = np.where(inside, near, rows["resp_lo"])
    rows["resp_p"] = np.where(inside, 445, 443)
    rows["ts"] += (number * 3_600 + rng.integers(0, 600, len(who))) * 10**9
    rows["uid"] = [f"C{number}-{k}".encode() for k in range(len(who))]
    failed = rng.random(len(who)) < 0.1
    rows["conn_state"][failed] = flow(state="S0")["conn_state"]
    rows["resp_pkts"][failed] = 0
    return flows(*rows.reshape(-1, 1))


def learned(devices):
    """Return all detectors after a day of so many devices."""
    known = entities()
    made = [registry.load("sensor.detectors", name) for name in registry.names("sensor.detectors")]
    detectors = [module.detector(known, SECRET) for module in made if hasattr(module, "detector")]
    for number in range(HOURS):
        step = tick(known, hour(devices, number))
        for detector in detectors:
            detector.score(step)
        for detector in detectors:
            detector.learn(step, np.zeros(known.count(), np.bool_))
    assert devices <= known.count()
    return detectors


def test_a_device_with_a_day_of_its_own_takes_at_most_16_kib():
    """What grows with their number, as stored, but for what has a cap for all together and says how full it is."""
    few, many = (
        {one.name: sum(column.nbytes for column in one.save().values()) for one in learned(devices)}
        for devices in (FEW, MANY)
    )
    each = {name: (many[name] - few[name]) / (MANY - FEW) for name in few}
    own = {name: value for name, value in each.items() if name not in SHARED}

    assert sum(own.values()) <= LIMIT_BYTES, own
    assert own["volumes"] > 2_000
    assert all(each[name] > 0 for name in (*SHARED, "scan", "silence"))
    shared = [one for one in learned(3) if one.name in SHARED]
    assert all(max(one.saturation.values()) <= 1.0 for one in shared)
