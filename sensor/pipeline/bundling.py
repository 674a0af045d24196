"""A site's spool as bundles in a folder, for a link that goes one way or a person who carries it.

What was exported counts as what the hub has: nothing comes back over a diode, so the spool keeps it as long as there is
room, and a range can be exported again by its sequences. A bundle is noted as exported when it is on disk under its
name; whoever was killed in between exports it once more, and the hub takes each envelope once. Each bundle has a later
time than any before, also where the clock went back: a hub takes that for its age.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.model.site_packet import Envelope
from sensor.store.spool import SpoolReader
from sensor.store.state import take_lock
from sensor.wire import bundle_files, site_envelope
from sensor.wire.bundle_keys import ID_BYTES
from sensor.wire.bundles import COUNT_MAX, Head, Writer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

BUNDLE_BYTES = 16_000_000
"""Of envelopes in a bundle, all of which are in memory while it is made; a diode's queues like small files, too."""
FOLDER_BYTES = 1_000_000_000
"""As the spool: where nobody takes the files away, they are not to fill a disk that others need."""
REMEMBERED = 64
"""Ranges of bundles that can be repeated."""
LOCK = "bundles.lock"
_NOTES = "bundles.json"
_NONE = bytes(ID_BYTES)


class Exported(msgspec.Struct, frozen=True):
    """One bundle that is in its folder."""

    path: str
    site: str
    first: int
    last: int
    envelopes: int
    lost: int
    """Sequences of the range that had left the spool."""
    bytes: int
    is_encrypted: bool
    is_repeated: bool


class _Notes(msgspec.Struct):
    """What is remembered between exports, beside the spool."""

    made_ns: int = 0
    """Of the newest bundle."""
    ranges: list[tuple[int, int]] = []
    """First and last of the latest bundles, oldest first."""


class Bundler:
    """Exports one site's spool; one process at a time.

    Attributes:
        reader: The spool.
    """

    def __init__(
        self,
        state: Path,
        site: str,
        out: Path,
        sign: "Ed25519PrivateKey",
        seal_to: "X25519PublicKey | None",
        now_ns: Callable[[], int],
        *,
        bundle_bytes: int = BUNDLE_BYTES,
        folder_bytes: int = FOLDER_BYTES,
        advances: bool = True,
    ) -> None:
        """Open the spool of a state.

        Args:
            state: The state's folder.
            site: What the site is called.
            out: Where bundles go; made where it is not there.
            sign: The site's key.
            seal_to: The hub's key, to encrypt.
            now_ns: The time of day.
            bundle_bytes: Of envelopes in a bundle, one at least.
            folder_bytes: Where so much lies in the folder already, nothing more is put there.
            advances: What is exported counts as what the hub has. Not so where another link acknowledges.

        Raises:
            ValueError: Another process exports.
        """
        self._state, self._site, self._out, self._sign, self._seal_to = state, site, out, sign, seal_to
        self._now_ns, self._bundle_bytes, self._folder_bytes = now_ns, bundle_bytes, folder_bytes
        self._advances = advances
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(take_lock(state, LOCK))
            except ValueError as error:
                raise ValueError(f"another process is exporting bundles of the state in {state}") from error
            self.reader = SpoolReader(state, site)
            opened.callback(self.reader.close)
            self._notes = self._read_notes()
            bundle_files.clear(out, site)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close the spool, and let others export."""
        self._opened.close()

    def has_fresh(self) -> bool:
        """Tell whether there is anything that was not yet exported."""
        return bool(self.reader.read(self.reader.acked(), 1, 0))

    def fresh(self) -> Iterator[Exported]:
        """Export what was not yet exported. Raises OSError."""
        after = self.reader.acked()
        while envelopes := self.reader.read(after, COUNT_MAX, self._bundle_bytes):
            last = envelopes[-1].sequence
            made = self._write(envelopes, after + 1, last, is_repeated=False)
            self._notes.ranges = [*self._notes.ranges, (after + 1, last)][-REMEMBERED:]
            self._write_notes()
            if self._advances:
                self.reader.acknowledge(last)
            after = last
            yield made

    def repeat(self, count: int) -> Iterator[Exported]:
        """Export the last so many bundles again, oldest first. Raises OSError."""
        for first, last in self._notes.ranges[-count:] if count > 0 else []:
            yield from self.again(first, last)

    def again(self, first: int, last: int) -> Iterator[Exported]:
        """Export what is still held of a range of sequences, both ends included. Raises OSError.

        What is not held any more is told to the hub, so that it stops asking.
        """
        after, last = first - 1, min(last, self.reader.bounds()[1])
        while after < last:
            found = self.reader.read(after, min(COUNT_MAX, last - after), self._bundle_bytes)
            envelopes = [one for one in found if one.sequence <= last]
            ends = envelopes[-1].sequence if envelopes else last
            following = self.reader.read(ends, 1, 0)
            if not following or following[0].sequence > last:
                ends = last
            yield self._write(envelopes, after + 1, ends, is_repeated=True)
            after = ends

    def _write(self, envelopes: list[Envelope], first: int, last: int, *, is_repeated: bool) -> Exported:
        contents = [site_envelope.encode(one) for one in envelopes]
        self._check_room(sum(map(len, contents)))
        self._notes.made_ns = max(self._now_ns(), self._notes.made_ns + 1)
        self._write_notes()  # before the bundle: whoever is killed in between does not use its time again
        epoch = envelopes[-1].epoch if envelopes else 0
        head = Head(self._site, epoch, first, last, self._notes.made_ns, _NONE)
        plan = [(one.sequence, len(content)) for one, content in zip(envelopes, contents, strict=True)]
        path, size = bundle_files.write(self._out, Writer(head, plan, self._sign, self._seal_to), contents)
        lost = last - first + 1 - len(envelopes)
        is_encrypted = self._seal_to is not None
        return Exported(str(path), self._site, first, last, len(envelopes), lost, size, is_encrypted, is_repeated)

    def _check_room(self, fresh_bytes: int) -> None:
        taken = bundle_files.room_taken(self._out)
        if taken + fresh_bytes > self._folder_bytes:
            raise OSError(
                f"{self._out} holds {taken:,} bytes of bundles, of {self._folder_bytes:,} that it may: nobody takes "
                "them away. Nothing is lost as long as the spool has room; empty the folder, or raise folder_bytes"
            )

    def _read_notes(self) -> _Notes:
        """Read what was remembered; without it, or with something else there, there is nothing to repeat."""
        try:
            return msgspec.json.decode((self._state / _NOTES).read_bytes(), type=_Notes)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return _Notes()

    def _write_notes(self) -> None:
        fresh = self._state / f"{_NOTES}.new"
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self._notes))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._state / _NOTES)
        bundle_files.sync(self._state)
