"""A snapshot's columns without a person or a device: identity, links, presence, and what detectors learned of them.

Of a device, pairs that detectors count (who talks to whom, by keyed digests and row numbers) stay until they expire:
the row they name is nobody's.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.parts import part_of
from sensor.entities import forgetting
from sensor.model.erasure import Subject

Columns = dict[str, NDArray[Any]]
Held = dict[str, Any]
"""A column of JSON, read."""
SLOTS = ("administration/actors", "files/accounts", "mailbox", "pressure/held")
"""Tables of accounts by row number (`baselines.slots`)."""
HABITS = "place/accounts"
"""Table that stands beside the accounts, row by row."""
FRESH: Mapping[str, float] = {
    "tenant": -1, "day": -1, "hour": -1, "lat": np.nan, "lon": np.nan, "flagged_first": -1, "flagged_last": -1,
}  # fmt: skip
"""Cells of a fresh row of HABITS that are not 0."""
BESIDE_DEVICES = (
    "beacon/devices", "beacon/timed/devices", "dga/devices", "dns_tunnel/resolvers", "exfiltration/devices",
    "fingerprint/devices", "guessing/devices", "impersonation/devices", "lateral/devices", "new_device/devices",
    "new_peer/devices", "scan/subjects", "silence/devices", "volumes/table",
)  # fmt: skip
"""Tables that stand beside the devices, row by row: baselines. An emptied row learns anew, should it ever be used."""


def forget(columns: Columns, subject: Subject) -> tuple[Columns, int]:
    """Return a snapshot's columns without a subject, and how many rows it had."""
    if not columns:
        return columns, 0
    entities = part_of(columns, "entities")
    if subject.kind == "account":
        rows = forgetting.account_rows(entities, subject.names)
        for row in rows:
            entities = forgetting.forget_account(entities, row, subject.stands)
    else:
        rows = forgetting.device_rows(entities, subject.names)
        if rows:
            entities = forgetting.forget_devices(entities, rows, subject.stands)
    made = columns | {f"entities/{name}": column for name, column in entities.items()}
    for row in rows:
        if subject.kind == "account":
            _forget_account(made, row)
        else:
            _forget_device(made, row)
    return made, len(rows)


def _forget_account(columns: Columns, row: int) -> None:
    for part in SLOTS:
        if f"{part}/_keys" in columns:
            _free_slot(columns, part, lambda _known, key: key == row)
    if "session/sessions/account" in columns:
        its = set(np.flatnonzero(columns["session/sessions/account"] == row).tolist())
        _free_slot(columns, "session/sessions", lambda known, _key: known in its)
    for name in [one for one in columns if one.startswith(f"{HABITS}/") and not one.startswith(f"{HABITS}/_")]:
        _empty(columns, name, row, FRESH.get(name.rpartition("/")[2], 0))
    _change(columns, "place/said", lambda held: _forget_said(held, row))
    _change(columns, "place/moves", lambda held: _forget_moves(held, row))


def _forget_device(columns: Columns, row: int) -> None:
    for part in BESIDE_DEVICES:
        for name in [one for one in columns if one.startswith(f"{part}/") and not one.startswith(f"{part}/_")]:
            _empty(columns, name, row, 0)


def _empty(columns: Columns, name: str, row: int, value: float) -> None:
    if row < len(columns[name]):
        columns[name] = columns[name].copy()
        columns[name][row] = np.zeros((), columns[name].dtype) if value == 0 else value


def _free_slot(columns: Columns, part: str, is_its: Callable[[int, object], bool]) -> None:
    """Give back the rows of keys that are meant, emptied; told by row and key."""
    known, unknown = msgspec.json.decode(columns[f"{part}/_keys"].tobytes())
    gone = [row for key, row in [*known, *unknown] if is_its(row, key)]
    kept = [[one for one in held if one[1] not in gone] for held in (known, unknown)]
    columns[f"{part}/_keys"] = np.frombuffer(msgspec.json.encode(kept), np.uint8)
    columns[f"{part}/_free"] = np.concatenate([columns[f"{part}/_free"], np.array(gone, np.int64)])
    for name in [one for one in columns if one.startswith(f"{part}/") and not one.startswith(f"{part}/_")]:
        for row in gone:
            _empty(columns, name, row, 0)


def _forget_said(held: Held, row: int) -> None:
    held["said"] = [one for one in held["said"] if one["finding"]["account"] != row]
    held["seen"] = [one for one in held["seen"] if not one[0].startswith(f"{row} ")]


def _forget_moves(held: Held, row: int) -> None:
    for moves in held["moves"]:
        for move in moves:
            for part in ("moved", "stayed"):
                move[part].pop(str(row), None)


def _change(columns: Columns, name: str, change: Callable[[Held], None]) -> None:
    if name in columns:
        held = msgspec.json.decode(columns[name].tobytes())
        change(held)
        columns[name] = np.frombuffer(msgspec.json.encode(held), np.uint8)
