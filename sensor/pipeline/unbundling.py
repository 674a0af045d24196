"""Bundles into the hub's inbox: each is verified whole, then its envelopes are taken, each once.

Nothing of a bundle is stored before all of it was compared with what its site signed, opened, and read as that site's
envelopes; nothing is decompressed here at all. A bundle that was interrupted is gone through again: the inbox knows
what it has. What is missing before a bundle does not hold it up here, because over a diode it may never come: the inbox
awaits it, and reports it, and who hands its envelopes on waits as long as is configured.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from sensor.errors import Malformed, Transient
from sensor.model.site_packet import Envelope
from sensor.store.bundle_window import WINDOW, BundleWindow
from sensor.store.inbox import Inbox
from sensor.wire import bundle_files, site_envelope
from sensor.wire.bundles import Bundle, Head, Incomplete, verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

CHUNK_BYTES = 4_000_000
"""Of envelopes that are stored by one transaction, and in memory."""

Outcome = Literal["taken", "known", "incomplete", "refused", "full"]
"""taken: something of it is new. known: all of it was here. incomplete: being copied, or cut short. full: the inbox has
no room for all of it."""


class Imported(msgspec.Struct, frozen=True):
    """What became of one file."""

    path: str
    outcome: Outcome
    why: str = ""
    site: str = ""
    first: int = 0
    last: int = 0
    envelopes: int = 0
    fresh: int = 0
    """Of its envelopes, those that were new."""
    made_ns: int = 0


class Trust(msgspec.Struct, frozen=True):
    """Who may sign for which site, and what opens what is encrypted."""

    site_keys: "Mapping[str, Sequence[Ed25519PublicKey]]"
    hub_keys: "Sequence[X25519PrivateKey]" = ()


class Unbundler:
    """Takes bundles into the inbox of one state.

    Attributes:
        inbox: Where they go.
        trust: Whose are taken.
    """

    def __init__(self, inbox: Inbox, window: BundleWindow, trust: Trust, now_ns: Callable[[], int]) -> None:
        self.inbox, self._window, self.trust, self._now_ns = inbox, window, trust, now_ns

    def take(self, path: Path) -> Imported:
        """Take a file. Raises Transient: the inbox cannot be written now."""
        try:
            with bundle_files.opened(path) as found:
                bundle = verify(found.read, found.bytes, self.trust.site_keys)
                seen = self._window.judge(bundle.head.site, bundle.head.key, bundle.head.made_ns)
                if seen == "taken":
                    return _said(path, bundle, "known", "it was taken before")
                if seen == "too old":
                    raise Malformed(_too_old(bundle.head))
                for _ in _envelopes(bundle, self.trust):
                    pass
                return self._store(path, bundle)
        except Transient:
            raise
        except (Malformed, Incomplete, OSError) as error:
            return _refused(path, error)

    def _store(self, path: Path, bundle: Bundle) -> Imported:
        """Store what is new of a bundle that was verified whole."""
        head, fresh = bundle.head, 0
        for chunk in _chunks(_envelopes(bundle, self.trust)):
            receipt = self.inbox.take(head.site, chunk, self._now_ns(), may_skip=True)
            fresh += receipt.stored
            if receipt.is_full:
                return _said(path, bundle, "full", _full(head.site), fresh)
        if any(bundle.lost()):  # what is still missing of its range, now that all it holds is stored, will never come
            self.inbox.give_up(head.site, head.first, head.last)
        self._window.take(head.site, head.key, head.made_ns)
        return _said(path, bundle, "taken" if fresh else "known", "" if fresh else "all of it was here", fresh)


def look(trust: Trust, path: Path) -> tuple[Head | None, Imported | None]:
    """Read the front of a file: what names the bundle, or why it is none."""
    try:
        with bundle_files.opened(path) as found:
            return verify(found.read, found.bytes, trust.site_keys).head, None
    except (Malformed, Incomplete, OSError) as error:
        return None, _refused(path, error)


def check(trust: Trust, path: Path) -> Imported:
    """Verify a file whole and take nothing: `known` where it is what its site signed."""
    try:
        with bundle_files.opened(path) as found:
            bundle = verify(found.read, found.bytes, trust.site_keys)
            for _ in _envelopes(bundle, trust):
                pass
            return _said(path, bundle, "known")
    except (Malformed, Incomplete, OSError) as error:
        return _refused(path, error)


def _envelopes(bundle: Bundle, trust: Trust) -> Iterator[Envelope]:
    """Read a bundle's envelopes, which stay packed. Raises Malformed, Incomplete."""
    for sequence, content in bundle.envelopes(trust.hub_keys):
        one = site_envelope.decode(content)
        if one.site != bundle.head.site:
            raise Malformed(f"envelope {sequence} is of {one.site!r}, in a bundle that {bundle.head.site!r} signed")
        if one.sequence != sequence:
            raise Malformed(f"envelope {sequence} says that it is {one.sequence}")
        yield one


def in_order(trust: Trust, paths: Sequence[Path]) -> tuple[list[tuple[str, Path]], list[Imported]]:
    """Put files into the order in which their sites made them, by what was signed and not by their names.

    Returns:
        Site and path of those that can be taken, in order; what is said of the others.
    """
    known: list[tuple[str, int, int, Path]] = []
    others: list[Imported] = []
    for path in paths:
        head, other = look(trust, path)
        if head is not None:
            known.append((head.site, head.first, head.made_ns, path))
        elif other is not None:
            others.append(other)
    return [(site, path) for site, _, _, path in sorted(known)], others


def missing(inbox: Inbox) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the ranges of sequences that are missing, by site; what sites dropped is not among them."""
    return {site: link.missing for site, link in inbox.links().items() if link.missing}


def how_to_fill(first: int, last: int) -> str:
    """Return the command that exports a range again at its site."""
    return f"spanline bundle export --config site.toml --from {first} --to {last}"


def _chunks(envelopes: Iterator[Envelope]) -> Iterator[list[Envelope]]:
    chunk: list[Envelope] = []
    size = 0
    for one in envelopes:
        if chunk and size + len(one.body) > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += len(one.body)
    if chunk:
        yield chunk


def _said(path: Path, bundle: Bundle, outcome: Outcome, why: str = "", fresh: int = 0) -> Imported:
    head = bundle.head
    return Imported(str(path), outcome, why, head.site, head.first, head.last, len(bundle.entries), fresh, head.made_ns)


def _refused(path: Path, error: Exception) -> Imported:
    why = f"it cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
    return Imported(str(path), "incomplete" if isinstance(error, Incomplete) else "refused", why)


def _too_old(head: Head) -> str:
    return (
        f"it is older than the last {WINDOW} bundles of {head.site!r}, so that it cannot be told from one that was "
        f"recorded and is played again. If it is genuine, make it anew at the site: "
        f"{how_to_fill(head.first, head.last)}"
    )


def _full(site: str) -> str:
    return f"the inbox has no more room for {site!r}: start the hub (`spanline run`), and import it again"
