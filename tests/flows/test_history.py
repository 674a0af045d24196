"""History letters: once an endpoint, or at powers of ten."""

from tests.flows.driving import flows
from tests.flows.talk import handshake, tcp


def test_letters_of_one_kind_are_written_once_an_endpoint():
    """A hundred data segments and acknowledgements leave one D and one a."""
    frames = handshake()
    for k in range(50):
        frames += [tcp(1 + k, "PA", 1 + k, 1, b"z"), tcp(1.5 + k, "A", 1, 2 + k, back=True)]
    (row,) = flows(frames)
    assert "ShADa" == row["history"]


def test_retransmissions_come_back_at_ten_and_a_hundred():
    """T at the first, the tenth and the hundredth."""
    data = [tcp(1 + k / 100, "PA", 1, 1, b"z" * 10) for k in range(101)]
    (row,) = flows([*handshake(), *data])
    assert "ShADTTT" == row["history"]


def test_a_repeated_syn_is_one_letter_and_another_syn_two():
    """The same number again is a retransmission; the letter comes again only for another number."""
    same, fins = [tcp(0, "S"), tcp(1, "S")], [*handshake(), tcp(1, "FA", 1, 1), tcp(2, "FA", 1, 1), tcp(3, "FA", 9, 1)]
    assert ["S"] == [row["history"] for row in flows(same)]
    assert "ShAFF" == flows(fins)[0]["history"]


def test_what_does_not_fit_is_left_out():
    """Twenty-four letters are kept, however odd the flow."""
    frames = [tcp(k / 10, "FA" if k % 2 else "SA", 100 * k, 1) for k in range(80)]
    assert all(len(row["history"]) <= 24 for row in flows(frames))
