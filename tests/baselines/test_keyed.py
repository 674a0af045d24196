"""Rows by key: against a dictionary, at growth and at the cap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import keyed
from tests.naive import keyed as naive

SPEC = {"value": (np.int32, (), 7)}


def words(pairs):
    columns = np.array(pairs, np.uint64).reshape(-1, 3)
    return tuple(np.ascontiguousarray(columns[:, k]) for k in range(3))


def test_mix_equals_the_definition():
    """The hash is splitmix64's finaliser over three words, at both ends of the range too."""
    rng = np.random.default_rng(0)
    cases = [*rng.integers(0, 2**64, (50, 4), np.uint64).tolist(), [0, 0, 0, 0], [2**64 - 1] * 4]
    for a, b, c, secret in cases:
        with np.errstate(over="ignore"):
            got = keyed.mix(np.uint64(a), np.uint64(b), np.uint64(c), np.uint64(secret))

        assert naive.mix(a, b, c, secret) == int(got)


def test_rows_are_those_of_a_dictionary():
    """Insertions give rows in order of first sight over growth; absent keys are not found."""
    rng = np.random.default_rng(0)
    table = keyed.KeyedTable(SPEC, 1 << 16, 99)
    known = {}
    for _ in range(20):
        keys = [tuple(key) for key in rng.integers(0, 12, (200, 3)).tolist()]

        assert naive.insert(known, keys) == table.insert(*words(keys)).tolist()
    probes = [tuple(key) for key in rng.integers(0, 24, (500, 3)).tolist()]
    assert naive.look_up(known, probes) == table.find(*words(probes)).tolist()
    assert naive.reindex(list(known)) == known


def test_a_slot_is_the_first_free_or_own_one():
    """Linear probing finds the key's slot, or the empty one where it belongs."""
    table = keyed.KeyedTable(SPEC, 1 << 10, 5)
    table.insert(*words([(k, 0, 0) for k in range(100)]))
    for k in range(120):
        with np.errstate(over="ignore"):
            start = int(keyed.mix(np.uint64(k), np.uint64(0), np.uint64(0), table.secret)) & (len(table.index) - 1)
            got = keyed.find_slot(
                table.index, table.columns["keys"], np.uint64(k), np.uint64(0), np.uint64(0), table.secret
            )

        assert naive.find_slot(table.index.tolist(), table.columns["keys"].tolist(), (k, 0, 0), start) == got


def test_at_the_cap_the_longest_unused_half_goes():
    """Keys used last survive, the dropped ones are counted, and the rest is still found."""
    table = keyed.KeyedTable(SPEC, 100, 1)
    rows = table.insert(*words([(k, 0, 0) for k in range(50)]))
    table.columns["last"][rows] = np.arange(50)
    rows = table.insert(*words([(k, 0, 0) for k in range(50, 100)]))
    table.columns["last"][rows] = np.arange(50, 100)

    table.reserve(10)

    assert (50, 50) == (len(table), table.evicted)
    assert [-1] * 50 + list(range(50)) == table.find(*words([(k, 0, 0) for k in range(100)])).tolist()


def test_more_than_half_the_cap_at_once_is_refused():
    """A caller that would overflow the table in one go is told."""
    with pytest.raises(ValueError, match="51 new keys"):
        keyed.KeyedTable(SPEC, 100, 1).reserve(51)


def test_renamed_keys_keep_their_rows():
    """A key that is there already, and the second of two that would become one, stay as they were."""
    table = keyed.KeyedTable(SPEC, 100, 1)
    table.insert(*words([(1, 5, 0), (1, 6, 0), (2, 6, 0), (3, 7, 0), (4, 7, 0)]))

    assert [0, 3] == table.rename({1: 2, 3: 9, 4: 9}).tolist()
    wanted = [(2, 5, 0), (1, 6, 0), (2, 6, 0), (9, 7, 0), (4, 7, 0), (1, 5, 0), (3, 7, 0)]
    assert [0, 1, 2, 3, 4, -1, -1] == table.find(*words(wanted)).tolist()


def test_save_and_load_is_identity():
    """A loaded table finds the same rows and values."""
    table = keyed.KeyedTable(SPEC, 1000, 3)
    keys = words([(k % 7, k, 1) for k in range(300)])
    rows = table.insert(*keys)
    table.columns["value"][rows] = np.arange(300)
    other = keyed.KeyedTable(SPEC, 1000, 3)

    other.load(table.save())

    assert rows.tolist() == other.find(*keys).tolist()
    assert list(range(300)) == other.columns["value"][rows].tolist()


FOLDED = {"n": (np.int64, (), 0), "high": (np.int32, (2,), -5), "low": (np.float64, (), np.inf)}
HOW = {"n": "sum", "high": "max", "low": "min"}
SEEN = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), st.integers(0, 100)), max_size=40)


def table_of(seen, limit=1000, secret=1):
    """Return a table that saw things: (first word, second word, time)."""
    table = keyed.KeyedTable(FOLDED, limit, secret)
    for a, b, at in seen:
        row = table.insert(*words([(a, b, 0)]))[0]
        cells = table.columns
        cells["n"][row] += 1
        cells["high"][row] = np.maximum(cells["high"][row], (at, -at))
        cells["low"][row] = min(cells["low"][row], at)
        cells["last"][row] = max(cells["last"][row], at)
    return table


def state_of(table):
    return {name: column.tobytes() for name, column in table.save().items()}


def joined(*tables):
    """Merge tables from the left into the first."""
    first, *rest = tables
    for one in rest:
        first.merge(one, HOW)
    return first


@settings(deadline=None)
@given(SEEN, SEEN, SEEN)
def test_merging_is_associative_and_commutative(one, two, three):
    """To the byte, whatever their secrets; what is merged in stays as it is."""
    left = joined(joined(table_of(one), table_of(two, secret=2)), table_of(three))
    later = joined(table_of(two), table_of(three))
    before = state_of(later)
    right = joined(table_of(one), later)

    assert state_of(left) == state_of(right)
    assert before == state_of(later)
    assert state_of(joined(table_of(one), table_of(two))) == state_of(joined(table_of(two), table_of(one)))


@settings(deadline=None)
@given(SEEN, SEEN)
def test_merged_is_as_if_one_had_seen_both(one, two):
    """And what is in it is found, and goes on."""
    merged = joined(table_of(one), table_of(two))
    both = joined(table_of([*one, *two]), table_of([]))

    assert state_of(both) == state_of(merged)
    keys = [tuple(key) for key in merged.columns["keys"][: len(merged)].tolist()]
    assert list(range(len(keys))) == merged.find(*words(keys)).tolist()
    assert [len(keys)] == merged.insert(*words([(99, 99, 99)])).tolist()


def test_merging_beyond_the_cap_keeps_what_was_used_last():
    """The rest is counted; columns without a fold are refused."""
    merged = joined(table_of([(k, 0, k) for k in range(8)], 10), table_of([(k, 0, k) for k in range(6, 15)], 10))

    assert (10, 5) == (len(merged), merged.evicted)
    assert list(range(5, 15)) == merged.columns["keys"][:10, 0].tolist()
    with pytest.raises(ValueError, match="folded"):
        merged.merge(table_of([]), {"n": "sum"})
