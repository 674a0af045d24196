"""Masked membership against the twin."""

import numpy as np

from baselines import prefixes
from tests.naive import prefixes as naive

LOW = (1 << 64) - 1


def test_match_equals_the_twin_at_every_length():
    """Random values, each near some prefix of random length, strided as a structured column is."""
    rng = np.random.default_rng(0)
    masks = []
    for length in (0, 1, 8, 63, 64, 65, 104, 127, 128):
        mask = ((1 << length) - 1) << (128 - length)
        masks.append((int.from_bytes(rng.bytes(16), "big") & mask, mask))
    values = [int.from_bytes(rng.bytes(16), "big") for _ in range(50)]
    values += [wanted | (1 << int(rng.integers(0, 128))) for wanted, _ in masks for _ in range(20)]
    for chosen in (masks[1:], masks[4:], masks[8:], masks[:1], []):
        table = np.array([[w >> 64, w & LOW, m >> 64, m & LOW] for w, m in chosen], np.uint64).reshape(-1, 4)
        column = np.array([(v >> 64, v & LOW) for v in values], [("hi", np.uint64), ("lo", np.uint64)])
        inside = np.empty(len(values), np.bool_)

        prefixes.match(column["hi"], column["lo"], table, inside)

        assert naive.match(values, chosen) == inside.tolist()
