"""Whether a key was ever seen, for millions of keys in a bounded room: a keyed blocked Bloom filter in layers of time.

Each key sets 7 bits within one block of 512 (Putze, Sanders, Singler 2009, "Cache-, hash- and space-efficient Bloom
filters", section 3), with 16 bits a key: about one key in 500 is taken for one that was seen. A layer ends after 30
days or when it is full, and the next one is then twice as large; a key that comes again goes into the present layer,
and a layer is dropped once it ended 30 days ago. So what is used within 30 days is kept, and what is not is forgotten
within 60. The hash is keyed with a secret: whoever chooses the keys must not choose what counts as seen.

Keys are three words. Nothing can be taken out or renamed. Not here: how often a key was seen.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import Words, mix

VERSION = 1
BITS_A_KEY = 16
BLOCK_WORDS = 8
"""512 bits, one cache line."""
FIRST_WORDS, LAST_WORDS = 1 << 12, 1 << 22
"""From 32 kB, 16,000 keys, to 32 MiB, 16.8 million."""
LAYERS_MAX = 12
"""One of each size, and one more; at the cap the oldest goes, counted."""
DAYS = 30
_PLACES = 7
_SHIFT = np.uint64(0x9E3779B97F4A7C15)

Flags = NDArray[np.bool_]
U64, BOOL = rows(np.uint64), rows(np.bool_)


@kernel(U64, U64, U64, U64, "uint64", BOOL, BOOL)
def visit(words: Words, a: Words, b: Words, c: Words, secret: np.uint64, put: Flags, found: Flags) -> int:
    """Tell which keys a layer holds, and put some of them into it; return how many were put that it did not hold.

    Args:
        words: The layer, uint64, a power of two of them.
        a: First words of the keys, uint64, shape (n,); `b` and `c` likewise.
        secret: Key of the hash.
        put: Keys to put in, bool, shape (n,).
        found: Out: held before, bool, shape (n,).
    """
    blocks = np.uint64(len(words) // BLOCK_WORDS - 1)
    added = 0
    for i in range(len(a)):
        block = np.int64(mix(a[i], b[i], c[i], secret) & blocks) * BLOCK_WORDS
        places = mix(a[i], b[i], c[i], secret ^ _SHIFT)
        held = True
        rest = places
        for _ in range(_PLACES):
            at = np.int64(rest & np.uint64(511))
            if not words[block + (at >> 6)] & (np.uint64(1) << np.uint64(at & 63)):
                held = False
                break
            rest >>= np.uint64(9)
        found[i] = held
        if put[i] and not held:
            added += 1
            for _ in range(_PLACES):
                at = np.int64(places & np.uint64(511))
                words[block + (at >> 6)] |= np.uint64(1) << np.uint64(at & 63)
                places >>= np.uint64(9)
    return added


class Seen:
    """Layers of keys, the present one last.

    Attributes:
        layers: uint64 words of each layer, the present one last.
        held: Keys that were put into each.
        ended: Day on which each ended, −1 where it has not.
        began: Day on which the present layer began, −1 before the first key.
        forgotten: Keys of layers that were dropped because there were too many layers.
    """

    def __init__(self, secret: int) -> None:
        self._secret = np.uint64(secret)
        self.layers = [np.zeros(FIRST_WORDS, np.uint64)]
        self.held = [0]
        self.ended = [-1]
        self.began = -1
        self.forgotten = 0

    def __len__(self) -> int:
        """Count the keys that were put in, a key of several layers once in each."""
        return sum(self.held)

    @property
    def saturation(self) -> float:
        """Share of the largest layer's room that the present one has used, 0 to 1."""
        return self.held[-1] / (LAST_WORDS * 64 / BITS_A_KEY)

    def find(self, a: Words, b: Words, c: Words) -> Flags:
        """Tell which keys were seen, bool, shape (n,)."""
        return self._visit(a, b, c, np.zeros(len(a), np.bool_))

    def add(self, a: Words, b: Words, c: Words, day: int) -> Flags:
        """Put keys in; tell which were seen before (a key twice in one batch counts as seen the second time)."""
        self._turn(day)
        return self._visit(a, b, c, np.ones(len(a), np.bool_))

    def merge(self, other: "Seen") -> None:
        """Take in another's layers, as ones that ended; what is found is the union, in any order."""
        day = max(self.began, other.began)
        ended = [at if at >= 0 else day for at in other.ended]
        self.layers[:0], self.held[:0], self.ended[:0] = [one.copy() for one in other.layers], other.held, ended
        self._limit()

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"layer{k}": layer.copy() for k, layer in enumerate(self.layers)}
        head = [VERSION, self.began, self.forgotten, len(self.layers)]
        return {**state, "head": np.array([*head, *self.held, *self.ended], np.int64)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for another version."""
        if "head" not in state or int(state["head"][0]) != VERSION:
            raise ValueError(f"seen keys of another version than {VERSION}")
        head = [int(value) for value in state["head"]]
        self.began, self.forgotten, count = head[1:4]
        self.held, self.ended = head[4 : 4 + count], head[4 + count : 4 + 2 * count]
        self.layers = [state[f"layer{k}"].astype(np.uint64) for k in range(count)]

    def _visit(self, a: Words, b: Words, c: Words, put: Flags) -> Flags:
        found, here = np.zeros(len(a), np.bool_), np.zeros(len(a), np.bool_)
        nothing = np.zeros(len(a), np.bool_)
        for layer in self.layers[:-1]:
            visit(layer, a, b, c, self._secret, nothing, here)
            found |= here
        self.held[-1] += visit(self.layers[-1], a, b, c, self._secret, put, here)
        return found | here

    def _turn(self, day: int) -> None:
        """End the present layer where it is old or full, and drop those that ended long ago."""
        if self.began < 0:
            self.began = day
        full = self.held[-1] * BITS_A_KEY >= len(self.layers[-1]) * 64
        if full or day - self.began >= DAYS:
            size = len(self.layers[-1])
            self.ended[-1] = self.began = day
            self.layers.append(np.zeros(min(LAST_WORDS, 2 * size) if full else size, np.uint64))
            self.held.append(0)
            self.ended.append(-1)
        keep = [k for k, ended in enumerate(self.ended) if ended < 0 or day - ended < DAYS]
        if len(keep) < len(self.layers):
            self.layers = [self.layers[k] for k in keep]
            self.held, self.ended = [self.held[k] for k in keep], [self.ended[k] for k in keep]
        self._limit()

    def _limit(self) -> None:
        while len(self.layers) > LAYERS_MAX:
            self.layers.pop(0)
            self.ended.pop(0)
            self.forgotten += self.held.pop(0)
