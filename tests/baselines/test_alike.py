"""Runs of alike sessions: kernel against twin, and what ends a run."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from baselines.alike import alike
from tests.naive import alike as naive

S = 10**9
NAMES = ("ref_out", "ref_back", "run", "misses", "bucket", "in_bucket", "best", "total")


def feed(state, sessions):
    events = np.zeros((len(sessions) + 1, 3), np.int64)
    columns = (
        [np.array(values, np.int64) for values in zip(*sessions, strict=True)]
        if sessions
        else [np.zeros(0, np.int64)] * 4
    )
    count = alike(columns[0].astype(np.int32), *columns[1:], *(state[name] for name in NAMES), events)
    return [tuple(event) for event in events[:count].tolist()]


def fresh(rows=3):
    return {name: np.zeros(rows, np.int64) for name in NAMES}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(1, 400), st.sampled_from([900, 960, 1100, 5000]),
            st.sampled_from([1500, 1550, 30_000, 7000]),
        ),
        max_size=150,
    )
)  # fmt: skip
def test_kernel_equals_twin(drawn):
    """Any mix of sizes and pauses gives the twin's events and counts."""
    ts = np.cumsum([gap for _, gap, _, _ in drawn]).tolist() if drawn else []
    sessions = [(row, at * S, out, back) for (row, _, out, back), at in zip(drawn, ts, strict=True)]
    state, plain = fresh(), {}

    assert naive.alike(plain, sessions) == feed(state, sessions)
    assert all(
        (mine["best"], mine["total"]) == (state["best"][row], state["total"][row]) for row, mine in plain.items()
    )


def test_one_large_session_after_many_alike_is_odd():
    """Thirty refusals, then a shell: told with the length of the run, which goes on."""
    sessions = [(0, k * S, 1800 + k % 3, 2400) for k in range(30)] + [
        (0, 31 * S, 9000, 80_000),
        (0, 32 * S, 1800, 2400),
    ]
    state = fresh()

    assert [(30, 0, 30)] == feed(state, sessions)
    assert (31, 31) == (state["best"][0], state["run"][0])
    assert [True, False] == [naive.near(100, 160), naive.near(1000, 1200)]
