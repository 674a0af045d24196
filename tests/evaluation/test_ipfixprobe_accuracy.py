"""What ipfixprobe exports of its captures, we count too."""

from tests.evaluation.ipfixprobe_accuracy import score_all, sums


def test_packets_and_bytes_equal_ipfixprobes(data_dir):
    """For all but the pairs whose row is written once a DNS or NetBIOS name, with the same counts each time."""
    score = score_all(data_dir)
    assert score.pairs > 300
    assert score.pairs - 4 <= score.equal, "\n".join(score.differences)


def test_directions_are_added_up_apart():
    """Packets and bytes of rows between the same two ends; a direction without packets is not there."""
    rows = [("a", "b", 6, 1, 40), ("b", "a", 6, 0, 0), ("a", "b", 6, 2, 100), ("b", "a", 17, 1, 28)]
    assert {("a", "b", 6): (3, 140), ("b", "a", 17): (1, 28)} == sums(rows)
