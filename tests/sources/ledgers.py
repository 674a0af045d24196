"""A ledger in memory, for tests of sources."""


class MemoryLedger:
    """Blocks take effect when the state is committed, as in the store."""

    key = bytes(range(16))

    def __init__(self):
        self.blocks = {}
        self.pending = {}
        self.seen = set()

    def lengths(self, site, offset):
        return sorted(
            (length for (s, o, _), (length, _) in self.blocks.items() if (s, o) == (site, offset)), reverse=True
        )

    def records(self, site, offset, digest):
        found = self.blocks.get((site, offset, digest))
        return found[1] if found else None

    def remember(self, site, offset, digest, length, records):
        self.pending[site, offset, digest] = (length, records)

    def add_record(self, source, identity):
        known = (source, identity) in self.seen
        self.seen.add((source, identity))
        return not known

    def commit(self):
        self.blocks |= self.pending
        self.pending = {}
