"""What entities hold of an account or a device, taken out of their columns as they were saved.

A row keeps its number, for others stand beside it; it is nobody's from then on. What is left of it are counts without a
name. Where the same person or device is met again, it is somebody new. Works on what `Entities.save` returned, under
the names of those columns, so that no process that learns is needed.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.devices import SHORT_LIVED

Columns = dict[str, NDArray[Any]]
Held = dict[str, Any]
"""A column of JSON, read."""


def account_rows(columns: Columns, names: Collection[str]) -> list[int]:
    """Return the rows of accounts that have one of these spellings or ids, in small letters."""
    held = _read(columns, "identity/accounts") or {}
    forms, ids = held.get("forms", {}), held.get("ids", {})
    found = {row for form, row in [*forms.items(), *ids.items()] if form.lower() in names}
    found |= {number for number, row in enumerate(held.get("rows", ())) if row["name"].lower() in names}
    return sorted(found)


def device_rows(columns: Columns, ids: Collection[str]) -> list[int]:
    """Return the rows of devices that have one of these ids."""
    held = _read(columns, "devices/held") or {}
    return [row for row, one in enumerate(held.get("ids", ())) if one in ids]


def forget_account(columns: Columns, row: int, stands: str) -> Columns:
    """Return the columns without an account; its row is called `stands`."""

    def accounts(held: Held) -> None:
        held["rows"][row] = {"name": stands, "kind": "machine", "first_ns": 0, "last_ns": 0}
        for part in ("forms", "ids"):
            held[part] = {form: one for form, one in held[part].items() if one != row}

    def contacts(held: Held) -> None:
        held["pairs"] = [one for one in held["pairs"] if one[0] != row]
        held["waiting"] = [one for one in held["waiting"] if one["account"] != row]
        for one in held["egress"]:
            one[-1]["accounts"] = [other for other in one[-1]["accounts"] if other != row]

    def pending(held: Held) -> None:
        held["pending"] = [one for one in held["pending"] if one["held"]["account"] != row]
        held["open"] = [one for one in held["open"] if one["account"] != row]
        held["tainted"] = [one for one in held["tainted"] if one[0][0] != row]

    def others(held: Held) -> None:
        for part, is_its in (("came", lambda one: one[1] == row), ("at", lambda one: one == row)):
            held[part] = {key: kept for key, all_ in held[part].items() if (kept := _without(all_, is_its))}

    made = dict(columns)
    _change(made, "identity/accounts", accounts)
    _change(made, "identity/links", lambda held: _keep(held, "links", lambda one: one["account"] != row))
    _change(made, "identity/contacts", contacts)
    _change(made, "identity/pending", pending)
    _change(made, "identity/remote", lambda held: _spans(held, lambda span: span["account"] != row))
    _change(made, "identity/used/others", others)
    _forget_used(made, row)
    return made


def forget_devices(columns: Columns, rows: Collection[int], stands: str) -> Columns:
    """Return the columns without the device of these rows; their ids follow from `stands`, and have an id's form."""
    macs = {int(columns["devices/table.mac"][row]) for row in rows} - {0}
    made = dict(columns)

    def devices(held: Held) -> None:
        macs.update(mac for row, more in held["more_macs"] if row in rows for mac in more)
        for row in rows:
            held["ids"][row] = f"dev-{hashlib.blake2b(f'{stands} {row}'.encode(), digest_size=6).hexdigest()}"
        naming, known = held["naming"], held["macs"]
        for part in ("names", "all"):
            naming[part] = [one for one in naming[part] if one[0] not in rows]
        naming["rows"] = [
            [*key, kept] for *key, listed in naming["rows"] if (kept := [row for row in listed if row not in rows])
        ]
        held["spans"] = [one for one in held["spans"] if one[0] not in rows]
        held["by_mac"] = [one for one in held["by_mac"] if one[2] not in rows]
        held["more_macs"] = [one for one in held["more_macs"] if one[0] not in rows]
        held["claims"] = [one for one in held["claims"] if one[1] not in macs]
        held["fresh"] = [row for row in held["fresh"] if row not in rows]
        for part in ("v4", "v6"):
            known[part] = [one for one in known[part] if one[1] not in macs]

    def recognition(held: Held) -> None:
        held["by_id"] = {key: row for key, row in held["by_id"].items() if row not in rows}
        for part in ("agents", "listed"):
            held[part] = [one for one in held[part] if one[0] not in rows]
        held["prints"] = [one for one in held["prints"] if one[1] not in macs]

    _change(made, "devices/held", devices)
    _change(made, "recognition/held", recognition)
    _forget_links(made, rows)
    _clear_rows(made, rows, macs)
    return made


def _forget_links(columns: Columns, rows: Collection[int]) -> None:
    """Take out what ties accounts to devices."""

    def contacts(held: Held) -> None:
        held["pairs"] = [one for one in held["pairs"] if one[1] not in rows]
        held["order"] = [one for one in held["order"] if one[3] not in rows]

    def pending(held: Held) -> None:
        for one in [*held["open"], *(each["held"] for each in held["pending"])]:
            one["device"] = -1 if one["device"] in rows else one["device"]
        for one in held["pending"]:
            one["devices"] = [row for row in one["devices"] if row not in rows]

    _change(columns, "identity/links", lambda held: _keep(held, "links", lambda one: one["device"] not in rows))
    _change(columns, "identity/contacts", contacts)
    _change(columns, "identity/pending", pending)
    _change(columns, "identity/remote", lambda held: _spans(held, lambda span: span["device"] not in rows))


def _clear_rows(columns: Columns, rows: Collection[int], macs: Collection[int]) -> None:
    """Empty the cells of devices: their rows are as those of addresses that came and went."""
    at = np.array(sorted(rows), np.int64)
    for name in ("mac", "hi", "lo", "first", "last", "flows"):
        _set(columns, f"devices/table.{name}", at, 0)
    _set(columns, "devices/table.aged", at, SHORT_LIVED)
    _set(columns, "devices/table.kept", at, at)
    bound = np.isin(columns["devices/map.device"], at) | np.isin(
        columns["devices/map.mac"], np.array(sorted(macs), np.uint64)
    )
    _set(columns, "devices/map.device", bound, -1)
    _set(columns, "devices/map.mac", bound, 0)
    for name in ("answered", "asked", "clients"):
        _set(columns, f"activity/{name}", at, 0)
    row_of = columns.get("identity/presence/row_of")
    if row_of is None:
        return
    known = at[at < len(row_of)]
    held = row_of[known][row_of[known] >= 0]
    _set(columns, "identity/presence/row_of", known, -1)
    for name in ("cells", "contacts", "counts", "head", "on", "shares"):
        _set(columns, f"identity/presence/{name}", held, np.zeros((), columns[f"identity/presence/{name}"].dtype))
    _set_free(columns, "identity/presence/_free", held.tolist())


def _forget_used(columns: Columns, row: int) -> None:
    rows = columns.get("identity/used/rows")
    if rows is None or row not in rows:
        return
    lengths = columns["identity/used/lengths"]
    owner = np.repeat(rows, lengths)
    columns["identity/used/values"] = columns["identity/used/values"][owner != row]
    columns["identity/used/rows"], columns["identity/used/lengths"] = rows[rows != row], lengths[rows != row]


def _set(columns: Columns, name: str, where: NDArray[Any], value: object) -> None:
    if name in columns:
        columns[name] = columns[name].copy()
        columns[name][where] = value


def _set_free(columns: Columns, name: str, rows: Iterable[int]) -> None:
    columns[name] = np.concatenate([columns[name], np.array(list(rows), np.int64)])


def _read(columns: Columns, name: str) -> Held | None:
    if name not in columns:
        return None
    held: Held = msgspec.json.decode(columns[name].tobytes())
    return held


def _change(columns: Columns, name: str, change: Callable[[Held], None]) -> None:
    """Change one column of JSON; a state of an older release may have none."""
    held = _read(columns, name)
    if held is not None:
        change(held)
        columns[name] = np.frombuffer(msgspec.json.encode(held), np.uint8)


def _keep(held: Held, part: str, is_kept: Callable[[Any], bool]) -> None:
    held[part] = [one for one in held[part] if is_kept(one)]


def _spans(held: Held, is_kept: Callable[[Any], bool]) -> None:
    kept = ((public, [span for span in spans if is_kept(span)]) for public, spans in held["spans"])
    held["spans"] = [[public, spans] for public, spans in kept if spans]


def _without(values: Iterable[Any], is_its: Callable[[Any], bool]) -> list[Any]:
    return [one for one in values if not is_its(one)]
