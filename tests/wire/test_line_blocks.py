"""Blocks of whole lines: the same cuts however the bytes arrive, and known ones recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire import line_blocks
from sensor.wire.line_blocks import LineBlocks
from tests.sources.ledgers import MemoryLedger


class Pieces:
    """A stream that gives its bytes in pieces of given sizes."""

    def __init__(self, data, sizes):
        self.data, self.sizes = data, list(sizes)

    def readinto(self, view):
        size = min(len(view), self.sizes.pop() if self.sizes else 7)
        piece, self.data = self.data[:size], self.data[size:]
        view[: len(piece)] = piece
        return len(piece)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 32 bytes, so that short texts have several."""
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 32)


def cut(data, ledger=None, sizes=()):
    """Return (offset, bytes, known, ended, too long, within a line) of each block, each remembered with its lines."""
    blocks = LineBlocks(Pieces(data, sizes), "site", ledger)
    found = []
    for block in blocks:
        found.append((block.offset, block.text(), block.known, block.ended, block.too_long, block.mid_line))
        blocks.remember(block, block.text().count(b"\n") or 1)
    return found


texts = st.lists(st.text("ab\n", max_size=50)).map(lambda parts: "".join(parts).encode())


@given(texts, st.lists(st.integers(1, 40)))
def test_cuts_do_not_depend_on_how_bytes_arrive(data, sizes):
    """Any chunking gives the blocks of the whole."""
    line_blocks.BLOCK_BYTES = 32
    assert cut(data) == cut(data, sizes=sizes)


@given(texts)
def test_blocks_are_the_text_but_for_lines_that_are_too_long(data):
    """Each byte is in one block, at its offset; only the rest of a line longer than a block is passed over."""
    line_blocks.BLOCK_BYTES = 32
    for offset, text, _, ended, too_long, _ in cut(data):
        assert text == data[offset : offset + len(text)]
        assert ended == text.endswith(b"\n")
        assert not too_long or len(data[offset:].split(b"\n")[0]) >= 32
    if all(len(line) < 32 for line in data.split(b"\n")):
        assert data == b"".join(text for _, text, *_ in cut(data))


def test_the_same_text_again_is_known():
    """Every block is known, with its count, and nothing else changes."""
    ledger = MemoryLedger()
    data = b"0123456789\n" * 10 + b"tail"
    first = cut(data, ledger)
    ledger.commit()
    again = cut(data, ledger)
    assert [(offset, text) for offset, text, *_ in first] == [(offset, text) for offset, text, *_ in again]
    assert [2, 2, 2, 2, 2, 1] == [known for _, _, known, *_ in again]


def test_a_grown_text_goes_on_behind_what_is_known():
    """Blocks of before are known, up to where the text ended; the lines after them are new."""
    ledger = MemoryLedger()
    cut(b"0123456789\n" * 3, ledger)
    ledger.commit()
    again = cut(b"0123456789\n" * 5, ledger)
    assert [(2, 0), (1, 22), (None, 33)] == [(known, offset) for offset, _, known, *_ in again]


def test_the_rest_of_a_line_that_was_taken_as_whole_is_marked():
    """A last line without an end that has grown leaves a block that begins within a line."""
    ledger = MemoryLedger()
    cut(b"one\ntwo", ledger)
    ledger.commit()
    again = cut(b"one\ntwo more\nthree\n", ledger)
    assert [(0, False), (4, False), (7, True)] == [(offset, within) for offset, *_, within in again]


def test_a_changed_block_is_new():
    """A block is known by all of its bytes."""
    ledger = MemoryLedger()
    cut(b"0123456789\n" * 3, ledger)
    ledger.commit()
    assert [None, 1] == [known for _, _, known, *_ in cut(b"0123456780\n" + b"0123456789\n" * 2, ledger)]


def test_a_line_longer_than_a_block_is_passed_over():
    """The line is one block, marked, and the next begins at the next line."""
    found = cut(b"a\n" + b"x" * 100 + b"\nb\n")
    assert [(0, False), (2, True), (103, False)] == [(offset, too_long) for offset, _, _, _, too_long, _ in found]


def test_a_stream_that_is_one_endless_line_is_given_up(monkeypatch):
    """Beyond a limit the end of a line is not sought."""
    monkeypatch.setattr(line_blocks, "LINE_MAX_BYTES", 100)
    stream = Pieces(b"a\n" + b"x" * 500 + b"\nb\n", [])
    blocks = LineBlocks(stream, "site", None)
    assert [(0, False), (2, True)] == [(block.offset, block.too_long) for block in blocks]
    assert blocks.is_given_up
    assert len(stream.data) > 300
