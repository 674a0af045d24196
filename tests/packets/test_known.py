"""Blocks of input are recognised by site, offset and content."""

import hashlib

import numpy as np

from sensor.packets.known import KnownBlocks, digest


class Memory:
    """A ledger in a dictionary."""

    def __init__(self):
        self.rows = {}

    def lengths(self, site, offset):
        return sorted(
            {length for (s, o, _), (length, _) in self.rows.items() if (s, o) == (site, offset)}, reverse=True
        )

    def records(self, site, offset, identity):
        return self.rows.get((site, offset, identity), (0, None))[1]

    def remember(self, site, offset, identity, length, records):
        self.rows[site, offset, identity] = (length, records)


def test_a_remembered_block_is_known_at_its_offset_and_site_alone():
    """The same bytes elsewhere in the file, or at another site, are new."""
    ledger, content = Memory(), np.arange(100, dtype=np.uint8)
    blocks = KnownBlocks(ledger, "SYD")
    blocks.remember(24, content, 7)
    blocks.close()
    assert (7, [100]) == (blocks.records(24, content), blocks.lengths(24))
    assert (None, []) == (blocks.records(25, content), blocks.lengths(25))
    other = KnownBlocks(ledger, "PER")
    assert (None, []) == (other.records(24, content), other.lengths(24))
    other.close()


def test_what_was_rejected_is_known_the_second_time():
    """A cut tail counts once, and is no block of records."""
    ledger, tail = Memory(), np.arange(5, dtype=np.uint8)
    blocks = KnownBlocks(ledger, "SYD")
    assert [False, True] == [blocks.rejected_before(99, tail, 1) for _ in range(2)]
    assert blocks.records(99, tail) is None
    blocks.close()


def test_without_a_ledger_nothing_is_known():
    """A one-off conversion remembers nothing."""
    blocks = KnownBlocks(None, "SYD")
    content = np.zeros(4, np.uint8)
    blocks.remember(0, content, 1)
    assert ([], False, False) == (blocks.lengths(0), *(blocks.rejected_before(0, content, 1) for _ in range(2)))
    blocks.close()


def test_the_digest_is_sha256_of_kind_and_content():
    """Cut to 16 bytes; another kind of the same bytes has another identity."""
    content = np.frombuffer(b"abc", np.uint8)
    assert hashlib.sha256(b"recordsabc").digest()[:16] == digest(b"records", content)
