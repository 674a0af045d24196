"""Take a subject out of the archive: each file that names it is written anew, without its rows.

Of an account go the events in which it acted, its sign-ins and the messages that name it; of a device its flows, ARP,
messages, and the events that are its own. In rows of others something else stands for it. A new file takes the old
one's place in the list with the state's commit; then the old one is deleted.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.archive import TABLES
from sensor.model.erasure import Counted, Finder
from sensor.store.archive import write_file
from sensor.store.manifest import FOLDER, ArchiveFile
from sensor.store.state import State

if TYPE_CHECKING:
    import pyarrow as pa

OWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("account", "events"): ("account", "account_entity", "account_id"), ("account", "signins"): ("account",),
    ("device", "flows"): ("orig_device", "resp_device"), ("device", "arp"): ("device",),
    ("device", "messages"): ("device",), ("device", "events"): ("device",),
}  # fmt: skip
"""(Kind of subject, table) → columns that say whose a row is."""
NAMED_GOES = frozenset({("account", "messages"), ("device", "arp")})
"""Where a row that only names the subject goes, too: what protocols said of it."""
OF_DEVICES = ("process", "connection", "logon", "lease")
"""Kinds of events that are a device's; others are an account's, and stay."""


class Changed(msgspec.Struct, frozen=True):
    """One file that was written anew; digests are SHA-256 of the bytes."""

    path: str
    before: str
    new: str
    """Empty where no row was left."""
    after: str


def counted(state: State, folder: Path, finder: Finder) -> list[Counted]:
    """Return what would go of each table, changing nothing."""
    found: dict[str, list[int]] = {}
    for file, table in _files(state, folder, finder):
        goes, told = _rows(file.table, table, finder)
        held = found.setdefault(file.table, [0, 0])
        held[0], held[1] = held[0] + int(goes.sum()), held[1] + int((told & ~goes).sum())
    return [Counted(f"archive {name}", *both) for name, both in sorted(found.items()) if any(both)]


def rewrite(state: State, folder: Path, finder: Finder) -> tuple[list[Counted], list[Changed]]:
    """Write files anew; the state's next commit lists them. Return what went, and of which files."""
    import pyarrow as pa

    found: dict[str, list[int]] = {}
    changed: list[Changed] = []
    facts = state.manifest.facts
    number = facts.next_file
    for file, table in _files(state, folder, finder):
        goes, told = _rows(file.table, table, finder)
        told &= ~goes
        if not (goes.any() or told.any()):
            continue
        held = found.setdefault(file.table, [0, 0])
        held[0], held[1] = held[0] + int(goes.sum()), held[1] + int(told.sum())
        left = _told(table, finder).filter(pa.array(~goes))
        before = hashlib.sha256((folder / FOLDER / file.path).read_bytes()).hexdigest()
        state.manifest.drop([file.path])
        if not len(left):
            changed.append(Changed(file.path, before, "", ""))
            continue
        path = f"{file.table}/{file.place}/{number:010d}.parquet"
        number += 1
        size, digest = write_file(folder / FOLDER / path, left)
        ts = left.column("ts")
        new = ArchiveFile(path, file.table, file.place, file.level, file.taken_ns, ts[0].as_py(),
                          ts[len(ts) - 1].as_py(), len(left), size)  # fmt: skip
        state.manifest.add(new, digest)
        after = hashlib.sha256((folder / FOLDER / path).read_bytes()).hexdigest()
        changed.append(Changed(file.path, before, path, after))
    state.manifest.set_facts(msgspec.structs.replace(facts, next_file=number))
    return [Counted(f"archive {name}", *both) for name, both in sorted(found.items())], changed


def names_in(path: Path, table: str, finder: Finder) -> bool:
    """Tell whether a file holds the subject in any row."""
    import pyarrow.parquet as pq

    held = pq.read_table(path, columns=_text_columns(table), partitioning=None)
    return any(_may_hit(column, finder) and _hits(column, finder).any() for _, column in _texts(table, held))


def _files(state: State, folder: Path, finder: Finder) -> "Iterator[tuple[ArchiveFile, pa.Table]]":
    """Give the files that may name the subject."""
    import pyarrow.parquet as pq

    for file in state.manifest.files():
        path = folder / FOLDER / file.path
        texts = pq.read_table(path, columns=_text_columns(file.table), partitioning=None)
        if any(_may_hit(column, finder) for _, column in _texts(file.table, texts)):
            yield file, pq.read_table(path, partitioning=None)


def _texts(name: str, table: "pa.Table") -> "Iterator[tuple[str, pa.DictionaryArray]]":
    """Give the columns of text, each distinct value once."""
    import pyarrow as pa

    for column in _text_columns(name):
        if column in table.column_names and len(table):
            whole = table.column(column)
            if pa.types.is_dictionary(whole.type):
                whole = whole.cast(pa.string())
            yield column, whole.combine_chunks().dictionary_encode()


def _text_columns(name: str) -> list[str]:
    return [column for column, (kind, _) in TABLES[name].items() if kind == "text"]


def _may_hit(column: "pa.DictionaryArray", finder: Finder) -> bool:
    """Tell at little cost whether a column may hold the subject."""
    import pyarrow.compute as pc

    if finder.seeds is None:
        return True
    return any(pc.any(pc.match_substring(column.dictionary, seed, ignore_case=True)).as_py() for seed in finder.seeds)


def _hits(column: "pa.DictionaryArray", finder: Finder) -> NDArray[np.bool_]:
    """Tell which rows of a column hold a term."""
    return _where(column, [text is not None and finder.holds(text) for text in column.dictionary.to_pylist()])


def _where(column: "pa.DictionaryArray", values: list[bool]) -> NDArray[np.bool_]:
    """Tell of each row what is said of its value; False where it has none."""
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    found: NDArray[np.bool_] = np.array([*values, False], np.bool_)[codes]
    return found


def _rows(name: str, table: "pa.Table", finder: Finder) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows go, and which name the subject."""
    goes, told = np.zeros(len(table), np.bool_), np.zeros(len(table), np.bool_)
    own = OWN.get((finder.subject.kind, name), ())
    for column, held in _texts(name, table):
        told |= _hits(held, finder)
        if column in own:
            goes |= _where(held, [finder.is_name(text) for text in held.dictionary.to_pylist()])
    if finder.subject.kind == "device" and name == "events":
        kinds = np.array(table.column("kind").to_pylist(), object)
        goes &= np.isin(kinds, OF_DEVICES)
    if (finder.subject.kind, name) in NAMED_GOES:
        goes |= told
    return goes, told | goes


def _told(table: "pa.Table", finder: Finder) -> "pa.Table":
    """Return a table with what stands for the subject in every text."""
    import pyarrow as pa

    for at, name in enumerate(table.column_names):
        field = table.schema.field(at)
        is_text = pa.types.is_string(field.type) or pa.types.is_dictionary(field.type)
        if not is_text:
            continue
        held = table.column(name)
        held = (held.cast(pa.string()) if pa.types.is_dictionary(field.type) else held).combine_chunks()
        coded = held.dictionary_encode()
        values = coded.dictionary.to_pylist()
        new = [finder.scrubbed(text) if text is not None and finder.holds(text) else text for text in values]
        if new != values:
            made = pa.DictionaryArray.from_arrays(coded.indices, pa.array(new, pa.string())).cast(pa.string())
            table = table.set_column(at, pa.field(name, pa.string()), made)
    return table


def remove_unlisted(state: State, folder: Path) -> None:
    """Delete files that no list names: those written anew, and what an interrupted process left behind."""
    for path in state.manifest.take_gone(0):
        (folder / FOLDER / path).unlink(missing_ok=True)
    state.settle()
    known = state.manifest.known()
    for name in TABLES:
        for one in (folder / FOLDER / name).glob("site=*/dt=*/hr=*/*.parquet"):
            if str(one.relative_to(folder / FOLDER)) not in known:
                one.unlink()
