"""A site's envelope as bytes, the same over HTTPS, NATS and in bundles.

    magic 4 | version 1 | kind 1 | length of site 1 | 0 | epoch 8 | sequence 8 | began 8 | previous 8
    first ns 8 | last ns 8 | bytes unpacked 4 | bytes packed 4 | site | body | BLAKE2b (RFC 7693) of all before, 32

Numbers are big-endian. Every length is held against its limit, and the digest against the bytes, before anything is
unpacked, and a body unpacks to what its head says or not at all. The digest finds damage; who sent it is for the
transport to prove, by its certificate, account or signature.
"""

import hashlib
import struct

import zstandard

from sensor.errors import Malformed
from sensor.model.site_packet import KINDS, PACKET_MAX, SITE_MAX, Envelope, problem

MAGIC, VERSION = b"SPLE", 1
_HEAD = struct.Struct(">4sBBBBQQQQqqII")
_DIGEST_BYTES = 32
BODY_MAX = PACKET_MAX + (PACKET_MAX >> 8) + 512
"""What zstandard makes of PACKET_MAX bytes that cannot be packed: ZSTD_compressBound (zstd.h), and some."""
ENVELOPE_MAX = _HEAD.size + SITE_MAX + BODY_MAX + _DIGEST_BYTES
ENVELOPE_MIN = _HEAD.size + _DIGEST_BYTES
_SEQUENCE_MAX = (1 << 63) - 1


def encode(envelope: Envelope) -> bytes:
    """Write an envelope."""
    site = envelope.site.encode()
    head = _HEAD.pack(
        MAGIC, VERSION, KINDS.index(envelope.kind), len(site), 0, envelope.epoch, envelope.sequence, envelope.began,
        envelope.previous, envelope.first_ns, envelope.last_ns, envelope.raw_bytes, len(envelope.body),
    )  # fmt: skip
    said = head + site + envelope.body
    return said + hashlib.blake2b(said, digest_size=_DIGEST_BYTES).digest()


def decode(content: bytes) -> Envelope:
    """Read one envelope, which is all of the bytes; its body stays packed.

    Raises:
        Malformed: It is none of ours, of a newer version, damaged, or says what cannot be.
    """
    if len(content) != length_of(content, 0):
        raise Malformed("an envelope is cut short, or followed by something")
    said, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.blake2b(said, digest_size=_DIGEST_BYTES).digest() != digest:
        raise Malformed("an envelope is damaged: its digest is another")
    _, _, kind, site_bytes, zero, epoch, sequence, began, previous, first_ns, last_ns, raw_bytes, _ = _HEAD.unpack_from(
        said
    )
    try:
        site = said[_HEAD.size : _HEAD.size + site_bytes].decode()
    except UnicodeDecodeError as error:
        raise Malformed("an envelope's site is no UTF-8") from error
    wrong = problem(site)
    if wrong is not None:
        raise Malformed(f"an envelope's site: {wrong}")
    if zero or kind >= len(KINDS) or epoch > _SEQUENCE_MAX or not previous < sequence <= _SEQUENCE_MAX:
        raise Malformed("an envelope says what cannot be")
    if began >= sequence or first_ns > last_ns:
        raise Malformed("an envelope ends before it begins")
    body = said[_HEAD.size + site_bytes :]
    return Envelope(site, epoch, sequence, began, previous, KINDS[kind], first_ns, last_ns, raw_bytes, body)


def cut(content: bytes, most: int) -> list[bytes]:
    """Cut bytes into the envelopes that follow each other in them; each is still to be decoded.

    Args:
        content: Any number of envelopes.
        most: How many at most.

    Raises:
        Malformed: There are more, or something else is among them.
    """
    found: list[bytes] = []
    at = 0
    while at < len(content):
        if len(found) == most:
            raise Malformed(f"more than {most} envelopes at once")
        end = at + length_of(content, at)
        if end > len(content):
            raise Malformed("an envelope is cut short")
        found.append(content[at:end])
        at = end
    return found


def unpack(envelope: Envelope) -> bytes:
    """Return the body of an envelope that was decoded.

    Raises:
        Malformed: It does not unpack to what the head says.
    """
    try:
        frame = zstandard.get_frame_parameters(envelope.body)
        if frame.content_size != envelope.raw_bytes or envelope.raw_bytes > PACKET_MAX or frame.dict_id:
            raise Malformed("an envelope's body is not of the length that its head says")
        body = zstandard.ZstdDecompressor(max_window_size=PACKET_MAX).decompress(envelope.body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Malformed(f"an envelope's body cannot be unpacked: {error}") from error
    return body


def length_of(content: bytes, at: int = 0) -> int:
    """Return how many bytes the envelope has that begins here, by its head. Raises Malformed: it is none of ours."""
    if len(content) - at < ENVELOPE_MIN:
        raise Malformed("an envelope is cut short")
    magic, version, _, site_bytes, *_, raw_bytes, body_bytes = _HEAD.unpack_from(content, at)
    if magic != MAGIC:
        raise Malformed("no envelope of a site")
    if version != VERSION:
        raise Malformed(f"an envelope of version {version}; this release reads {VERSION}")
    if site_bytes > SITE_MAX or body_bytes > BODY_MAX or raw_bytes > PACKET_MAX:
        raise Malformed("an envelope is longer than any may be")
    return _HEAD.size + int(site_bytes) + int(body_bytes) + _DIGEST_BYTES
