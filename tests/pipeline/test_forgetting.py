"""What detectors learned of somebody, taken out of their columns."""

import msgspec
import numpy as np

from baselines.slots import Slots
from sensor.model.erasure import Subject
from sensor.pipeline.forgetting import forget

SUBJECT = Subject(kind="account", names=("ann@ex.com",), terms=("ann@ex.com",), stands="erased-1")
ROWS = [{"name": name, "kind": "user", "first_ns": 1, "last_ns": 2} for name in ("bob@ex.com", "ann@ex.com")]


def blob(value):
    return np.frombuffer(msgspec.json.encode(value), np.uint8)


def test_tables_by_account_lose_their_row_and_those_beside_are_emptied():
    """By number, by a column that says whose a row is, and by place; others stay as they were."""
    slots = Slots({"days": (np.int64, (2,), 0)}, 4, 4)
    for key in (0, 1):
        slots.columns["days"][slots.take(key)] = 5 + key
    columns = {f"mailbox/{name}": column for name, column in slots.save().items()}
    columns |= {
        "entities/identity/accounts": blob({"version": 2, "rows": ROWS, "forms": {"bob@ex.com": 0, "ann@ex.com": 1},
                                            "ids": {}, "refused": 0}),
        "place/accounts/lat": np.array([1.0, 2.0], np.float32), "place/accounts/days": np.array([3, 4], np.int32),
        "place/said": blob({"said": [{"finding": {"account": 1}}, {"finding": {"account": 0}}],
                            "seen": [["1 192.0.2.1", 5], ["0 192.0.2.1", 5], ["11 192.0.2.1", 5]]}),
        "place/moves": blob({"moves": [[{"moved": {"1": [1, "x"]}, "stayed": {"0": 1, "1": 2}}]], "addresses": []}),
    }  # fmt: skip
    made, rows = forget(columns, SUBJECT)
    left = Slots({"days": (np.int64, (2,), 0)}, 4, 4)
    left.load({name[8:]: column for name, column in made.items() if name.startswith("mailbox/")})
    assert (1, -1, [5, 5]) == (rows, left.find(1), left.columns["days"][left.find(0)].tolist())
    assert 6 not in made["mailbox/days"]
    assert ([3, 0], True) == (made["place/accounts/days"].tolist(), bool(np.isnan(made["place/accounts/lat"][1])))
    said, moves = (msgspec.json.decode(made[f"place/{name}"].tobytes()) for name in ("said", "moves"))
    assert ([{"finding": {"account": 0}}], ["0 192.0.2.1", "11 192.0.2.1"]) == (
        said["said"], [one[0] for one in said["seen"]]
    )  # fmt: skip
    assert [[{"moved": {}, "stayed": {"0": 1}}]] == moves["moves"]
    assert {"bob@ex.com": 0} == msgspec.json.decode(made["entities/identity/accounts"].tobytes())["forms"]


def test_a_state_without_columns_has_nobody():
    """As one that was never committed."""
    assert ({}, 0) == forget({}, SUBJECT)
