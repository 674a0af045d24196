"""Rows found by a key of three 64-bit words: a keyed open-addressing index, bounded, the longest unused half evicted.

Whole keys are kept and compared, so two keys never share a row. The hash is keyed with a secret of the installation
because whoever chooses the keys must not be able to choose the collisions (Crosby and Wallach 2003, "Denial of
Service via Algorithmic Complexity Attacks"). What a key means is the caller's business.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from baselines._jit import JIT_DISABLED, kernel, rows
from baselines.table import Table

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
U64, I64, I32 = rows(np.uint64), rows(np.int64), rows(np.int32)
KEYS = rows(np.uint64, 2)

Fold = Literal["sum", "max", "min"]
"""What becomes of a cell of which two tables have one each."""
_FOLDS: dict[Fold, np.ufunc] = {"sum": np.add, "max": np.maximum, "min": np.minimum}

_FIRST_SLOTS = 256
_EMPTY = np.int32(-1)


@kernel()
def mix(a: np.uint64, b: np.uint64, c: np.uint64, secret: np.uint64) -> np.uint64:
    """Hash three words under a secret: the finaliser of splitmix64 (Steele, Lea, Flood 2014) once a word."""
    h = np.uint64(secret)
    for word in (a, b, c):
        h = h ^ np.uint64(word)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = (h ^ (h >> np.uint64(31))) + np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(32))


def _mix_plain(a: np.uint64, b: np.uint64, c: np.uint64, secret: np.uint64) -> np.uint64:
    """Do the same in Python's integers: numpy's scalars warn where they wrap, as they must here."""
    low = (1 << 64) - 1
    h = int(secret)
    for word in (a, b, c):
        h ^= int(word)
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & low
        h = (h ^ h >> 27) * 0x94D049BB133111EB & low
        h = (h ^ h >> 31) + 0x9E3779B97F4A7C15 & low
    return np.uint64(h ^ h >> 32)


if JIT_DISABLED:
    mix = _mix_plain


@kernel()
def find_slot(index: Rows, keys: Words, a: np.uint64, b: np.uint64, c: np.uint64, secret: np.uint64) -> np.int64:
    """Return the index slot that holds the key, or the empty slot where it belongs (linear probing)."""
    mask = len(index) - 1
    slot = np.int64(mix(a, b, c, secret) & np.uint64(mask))
    while True:
        row = index[slot]
        if row < 0:
            return slot
        if keys[row, 0] == a and keys[row, 1] == b and keys[row, 2] == c:
            return slot
        slot = (slot + 1) & mask


@kernel(I32, KEYS, U64, U64, U64, "uint64", I32)
def look_up(
    index: Rows,
    keys: Words,
    a: Words,
    b: Words,
    c: Words,
    secret: np.uint64,
    found: Rows,
) -> None:
    """Find many keys.

    Args:
        index: Row by slot, -1 empty, int32, length a power of two.
        keys: uint64, shape (capacity, 3).
        a: First words, uint64, shape (n,); `b` and `c` likewise.
        secret: Key of the hash.
        found: Out: rows, -1 where absent, int32, shape (n,).
    """
    for i in range(len(a)):
        found[i] = index[find_slot(index, keys, a[i], b[i], c[i], secret)]


@kernel(I32, KEYS, I64, U64, U64, U64, "uint64", I32)
def insert(
    index: Rows,
    keys: Words,
    used: Ints,
    a: Words,
    b: Words,
    c: Words,
    secret: np.uint64,
    found: Rows,
) -> None:
    """Find many keys and add those that are absent, in order; the caller made room.

    Args:
        index: Row by slot, int32.
        keys: uint64, shape (capacity, 3).
        used: Rows in use, int64, shape (1,); grows.
        a: First words, uint64, shape (n,); `b` and `c` likewise.
        secret: Key of the hash.
        found: Out: rows, int32, shape (n,).
    """
    for i in range(len(a)):
        slot = find_slot(index, keys, a[i], b[i], c[i], secret)
        row = index[slot]
        if row < 0:
            row = np.int32(used[0])
            used[0] += 1
            keys[row, 0], keys[row, 1], keys[row, 2] = a[i], b[i], c[i]
            index[slot] = row
        found[i] = row


@kernel(I32, KEYS, "int64", "uint64")
def reindex(index: Rows, keys: Words, used: int, secret: np.uint64) -> None:
    """Fill an empty index with the first `used` rows of `keys`."""
    for row in range(used):
        index[find_slot(index, keys, keys[row, 0], keys[row, 1], keys[row, 2], secret)] = row


class KeyedTable:
    """A `Table` whose rows are found by key. Load factor at most one half.

    Attributes:
        columns: The table's, by name; fetch each anew after `reserve`.
        index: int32, shape (slots,), for kernels.
        used: Rows in use, int64, shape (1,), which kernels may raise within what `reserve` made room for.
        secret: uint64 key of the hash.
        evicted: Rows dropped so far to make room.
    """

    def __init__(
        self, spec: Mapping[str, tuple[DTypeLike, tuple[int, ...], Any]], limit_rows: int, secret: int
    ) -> None:
        """Make an empty table; `spec` as for Table, with the columns `keys` and `last` (ns, for eviction) added."""
        self.table = Table({"keys": (np.uint64, (3,), 0), "last": (np.int64, (), 0), **spec}, limit_rows)
        self.columns = self.table.columns
        self.index = np.full(_FIRST_SLOTS, _EMPTY, np.int32)
        self.used = np.zeros(1, np.int64)
        self.secret = np.uint64(secret)
        self.evicted = 0

    def __len__(self) -> int:
        """Count the rows in use."""
        return int(self.used[0])

    @property
    def saturation(self) -> float:
        """Share of the cap in use, 0 to 1."""
        return len(self) / self.table.limit_rows

    def reserve(self, extra: int) -> None:
        """Make room for `extra` more keys; at the cap the longest unused half goes. O(rows) where it grows.

        Raises:
            ValueError: `extra` alone is more than half the cap.
        """
        wanted, table = int(self.used[0]) + extra, self.table
        if wanted <= table.limit_rows >= extra * 2 and wanted <= table.capacity and 2 * wanted <= len(self.index):
            return  # as nearly always
        if extra * 2 > self.table.limit_rows:
            raise ValueError(f"{extra} new keys at once in a table of {self.table.limit_rows}")
        if len(self) + extra > self.table.limit_rows:
            self._evict()
        self.table.reserve(len(self) + extra)
        slots = len(self.index)
        while slots < 2 * (len(self) + extra):
            slots *= 2
        if slots != len(self.index):
            self._rebuild(slots)

    def find(self, a: Words, b: Words, c: Words) -> Rows:
        """Return the rows of keys, -1 where absent, int32, shape (n,)."""
        found = np.empty(len(a), np.int32)
        look_up(self.index, self.columns["keys"], a, b, c, self.secret, found)
        return found

    def insert(self, a: Words, b: Words, c: Words) -> Rows:
        """Return the rows of keys, adding those that are absent; new rows have the numbers from the old length on."""
        self.reserve(len(a))
        found = np.empty(len(a), np.int32)
        insert(self.index, self.columns["keys"], self.used, a, b, c, self.secret, found)
        return found

    def rename(self, words: Mapping[int, int]) -> Rows:
        """Give keys another first word, by the old one; a key that would be there twice stays as it is. O(rows).

        Returns:
            Rows that were renamed, int32, shape (k,).
        """
        keys = self.columns["keys"][: len(self)]
        moved = np.nonzero(np.isin(keys[:, 0], np.array(list(words), np.uint64)))[0]
        wanted = keys[moved].copy()
        wanted[:, 0] = [words[word] for word in wanted[:, 0].tolist()]
        _, first = np.unique(wanted, axis=0, return_index=True)
        first = np.sort(first)
        moved, wanted = moved[first], wanted[first]
        free = self.find(*(wanted[:, word].copy() for word in range(3))) < 0
        keys[moved[free]] = wanted[free]
        self._rebuild(len(self.index))
        return moved[free].astype(np.int32)

    def merge(self, other: "KeyedTable", folds: Mapping[str, Fold]) -> None:
        """Take in what another process saw: keys of both, cells of the same key folded, rows in order of their keys.

        Associative and commutative, to the byte, as long as all keys fit; beyond the cap those go that were not used
        for longest, and are counted. The other's keys may be hashed under another secret. O(rows log rows).

        Args:
            other: Of the same columns; stays as it is.
            folds: How each column but `keys` and `last` is folded; of `last` the later counts.

        Raises:
            ValueError: A column has no fold, or is of another kind in the other table.
        """
        wanted = set(self.table.spec) - {"keys", "last"}
        if wanted != set(folds) or set(other.table.spec) != set(self.table.spec):
            raise ValueError(f"columns {sorted(wanted)} are folded as {sorted(folds)}")
        both = {
            name: np.concatenate([self.columns[name][: len(self)], other.columns[name][: len(other)]])
            for name in self.table.spec
        }
        keys, into = np.unique(both["keys"], axis=0, return_inverse=True)
        into = into.reshape(-1)
        order = np.argsort(into, kind="stable")
        starts = np.nonzero(np.diff(into[order], prepend=-1))[0]
        merged = {
            name: _FOLDS[fold].reduceat(both[name][order], starts, axis=0, dtype=both[name].dtype)
            for name, fold in {**folds, "last": "max"}.items()
        }  # fmt: skip
        self.evicted += other.evicted
        self._replace({**merged, "keys": keys})

    def _replace(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Have these rows and no others; at the cap those used last, in their order."""
        count, limit = len(columns["keys"]), self.table.limit_rows
        keep = np.arange(count)
        if count > limit:
            keep = np.sort(np.lexsort((keep, columns["last"]))[count - limit :])
            self.evicted += count - limit
        self.table.reserve(len(keep))
        for name, (_, _, fill) in self.table.spec.items():
            column = self.columns[name]
            column[: len(keep)], column[len(keep) :] = columns[name][keep], fill
        self.used[0] = len(keep)
        slots = len(self.index)
        while slots < 2 * len(keep):
            slots *= 2
        self._rebuild(slots)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the rows in use as arrays."""
        self.table.rows = len(self)
        return {**self.table.save(), "_evicted": np.array([self.evicted], np.int64)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError as Table.load does."""
        self.table.load(state)
        self.used[0] = self.table.rows
        self.evicted = int(state["_evicted"][0])
        slots = _FIRST_SLOTS
        while slots < 2 * len(self):
            slots *= 2
        self._rebuild(slots)

    def _evict(self) -> None:
        """Keep the half used last, in their order."""
        last = self.columns["last"][: len(self)]
        keep = np.sort(np.argsort(last, kind="stable")[len(self) // 2 :])
        for name, (_, _, fill) in self.table.spec.items():
            column = self.columns[name]
            column[: len(keep)] = column[keep]
            column[len(keep) :] = fill
        self.evicted += len(self) - len(keep)
        self.used[0] = len(keep)
        self._rebuild(len(self.index))

    def _rebuild(self, slots: int) -> None:
        self.index = np.full(slots, _EMPTY, np.int32)
        reindex(self.index, self.columns["keys"], len(self), self.secret)
