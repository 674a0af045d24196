"""Which records are known, as several feeds ask at once, each from its own thread.

A feed's new records are claimed in memory and become part of the ledger with the commit of what they became: were they
written when they are read, another commit could make a record known that is not in the state. Two feeds that give one
record agree on whose it is; a claim that is never committed is gone with the process.
"""

import threading
from collections.abc import Sequence

from sensor.store.ledger import StateLedger, digest_of


class Claims:
    """What all feeds of a process have claimed and is not committed yet; bounded by what is held of their records."""

    def __init__(self, ledger: StateLedger) -> None:
        """Take the ledger of the state."""
        self.ledger = ledger
        self.lock = threading.Lock()
        self.held: set[bytes] = set()

    def of_feed(self) -> "FeedClaims":
        """Return a ledger for one feed."""
        return FeedClaims(self)

    def commit(self, digests: Sequence[bytes]) -> None:
        """Hand claims to the ledger, just before the commit of what they became."""
        self.ledger.note(digests)

    def release(self, digests: Sequence[bytes]) -> None:
        """Forget claims: the state knows them now, or they came to nothing."""
        with self.lock:
            self.held.difference_update(digests)


class FeedClaims:
    """The ledger as one feed sees it. Implements model.source.Ledger."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._own: list[bytes] = []

    @property
    def key(self) -> bytes:
        """Return the state's secret of 16 bytes, under which blocks may be named."""
        return self._claims.ledger.key

    def lengths(self, site: str, offset: int) -> list[int]:
        """Return the byte lengths of known blocks that start at this byte offset, longest first."""
        return self._claims.ledger.lengths(site, offset)

    def records(self, site: str, offset: int, digest: bytes) -> int | None:
        """Return how many records a known block held, or None where it is not known."""
        return self._claims.ledger.records(site, offset, digest)

    def remember(self, site: str, offset: int, digest: bytes, length: int, records: int) -> None:
        """Add a block; it takes effect when the state is committed."""
        self._claims.ledger.remember(site, offset, digest, length, records)

    def add_record(self, source: str, identity: bytes) -> bool:
        """Claim one record by its own id; False where it is known, or claimed by any feed."""
        digest, claims = digest_of(source, identity), self._claims
        with claims.lock:
            if digest in claims.held or claims.ledger.knows(digest):
                return False
            claims.held.add(digest)
        self._own.append(digest)
        return True

    def take(self) -> list[bytes]:
        """Return what was claimed since the last time: it goes with the batch that was made meanwhile."""
        taken, self._own = self._own, []
        return taken
