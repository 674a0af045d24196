"""How often a running sensor commits."""

from sensor.pipeline.pace import COMMIT_MAX_S, COMMIT_S, SHARE, Pace


def due(cost_s, since_s, *, urgent=False):
    """Tell whether a commit is due so long after one of this cost."""
    pace = Pace(0.0)
    pace.committed(100.0, 100.0 + cost_s)
    return pace.is_due(100.0 + cost_s + since_s, urgent=urgent)


def test_a_cheap_commit_is_made_each_second():
    """Not more often, unless somebody is to be told."""
    assert [False, True] == [due(0.05, 0.9 * COMMIT_S), due(0.05, COMMIT_S)]
    assert due(0.05, 0.06, urgent=True)


def test_a_dear_commit_takes_a_tenth_of_the_time():
    """And half of it where incidents come one after the other; never less often than the most."""
    assert [False, True] == [due(2.0, 2.0 * SHARE - 0.1), due(2.0, 2.0 * SHARE)]
    assert [False, True] == [due(2.0, 1.9, urgent=True), due(2.0, 2.0, urgent=True)]
    assert due(20.0, COMMIT_MAX_S)
