"""What a hub gives one site as bytes, the same over HTTPS and NATS.

    magic 4 | version 1 | zstandard of msgpack: [site, letters]

The transport proves that it is the hub's and for this site; the name within it is for a mistake at the hub. Unpacked
lengths are held against their limit before anything is unpacked.
"""

import itertools
from collections.abc import Sequence
from typing import Protocol

import msgspec
import zstandard

from sensor.errors import Malformed
from sensor.model.given import GIVEN_MAX, KEY_MAX, Letter, Place

MAGIC, VERSION = b"SPLR", 1
RAW_MAX = 512 << 10
"""Of letters of 256 KiB, or one of 64, with what is around them."""
BYTES_MAX = RAW_MAX + (RAW_MAX >> 8) + 512
"""What zstandard makes of RAW_MAX bytes that cannot be packed (zstd.h), and some: below NATS' 1 MB."""
LETTERS_MAX = 1024
LEVEL = 3


class _Batch(msgspec.Struct, frozen=True, array_like=True):
    site: str
    letters: tuple[Letter, ...]


_DECODER = msgspec.msgpack.Decoder(_Batch)


def encode(site: str, letters: Sequence[Letter]) -> bytes:
    """Write what a site is given."""
    raw = msgspec.msgpack.encode(_Batch(site, tuple(letters)))
    return MAGIC + bytes([VERSION]) + zstandard.ZstdCompressor(level=LEVEL).compress(raw)


def decode(content: bytes, site: str) -> tuple[Letter, ...]:
    """Read what this site is given.

    Raises:
        Malformed: It is none of ours, of a newer version, damaged, or another site's.
    """
    if content[:4] != MAGIC or len(content) > BYTES_MAX:
        raise Malformed("nothing that a hub gives")
    if content[4:5] != bytes([VERSION]):
        raise Malformed(
            f"the hub gives in version {content[4] if len(content) > 4 else 0}; this release reads {VERSION}"
        )
    try:
        frame = zstandard.get_frame_parameters(content[5:])
        if not 0 < frame.content_size <= RAW_MAX or frame.dict_id:
            raise Malformed("what the hub gives is longer than any may be")
        raw = zstandard.ZstdDecompressor(max_window_size=RAW_MAX).decompress(content[5:], allow_extra_data=False)
        found = _DECODER.decode(raw)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"what the hub gives cannot be read: {error}") from error
    if found.site != site:
        raise Malformed(f"what the hub gives is for site {found.site}")
    if len(found.letters) > LETTERS_MAX or any(_is_unfit(one) for one in found.letters):
        raise Malformed("what the hub gives is no order of letters")
    numbers = [one.sequence for one in found.letters]
    if any(one >= following for one, following in itertools.pairwise(numbers)):
        raise Malformed("what the hub gives is out of order")
    return found.letters


def _is_unfit(one: Letter) -> bool:
    return (
        len(one.body) > GIVEN_MAX or not 0 < len(one.key) <= KEY_MAX or not 0 < one.epoch < 1 << 63
        or not 0 < one.sequence < 1 << 63
    )  # fmt: skip


class Postbox(Protocol):
    """What a site keeps of that which it is given."""

    def place(self) -> Place:
        """Return how far everything that was given is on disk here."""

    def take(self, content: bytes) -> bool:
        """Store what came, on disk when this returns; False where nothing of it could be. Raises nothing of its own."""

    def close(self) -> None:
        """Close it."""
