"""State of the release before."""

from pathlib import Path

import numpy as np

from sensor.entities.entities import Entities
from tests.entities.test_entities import resolve
from tests.scenes import SECRET, flow, flows

FIXTURE = Path(__file__).with_name("entities_v1.npz")
"""Entities of version 1: a laptop with a lease, a PC that Kerberos named, a server; made by that release."""


def test_a_state_of_version_1_goes_on():
    """Devices keep rows, ids and names, their MACs and addresses find them, and a save of it is of this version."""
    with np.load(FIXTURE, allow_pickle=False) as held:
        state = {name.replace("|", "/"): held[name] for name in held.files}
    entities, again = Entities({}, SECRET), Entities({}, SECRET)
    entities.load(state)
    again.load(entities.save())
    tick = resolve(
        again, flows(flow("10.0.0.77", orig_mac=0x54E1AD773105, at_s=20), flow("10.0.0.6", at_s=21)), at_s=30
    )

    assert [0, 2] == tick.orig_device.tolist()
    assert ["dev-680a7be83679", "dev-2cafe7055b90"] == [again.device_id(row) for row in (0, 2)]
    assert ["LAPTOP-KJ42", "PC-6"] == [again.device_name(row) for row in (0, 2)]
