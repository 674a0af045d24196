"""Stable identifiers: a keyed-by-content hash with a prefix that says what it names."""

import hashlib


def identify(prefix: str, *parts: str | int) -> str:
    """Return `prefix-` and 12 hex digits of a BLAKE2b (RFC 7693) over the parts, each delimited."""
    digest = hashlib.blake2b(digest_size=6)
    for part in parts:
        text = str(part).encode("utf-8", "surrogateescape")
        digest.update(len(text).to_bytes(4, "little") + text)
    return f"{prefix}-{digest.hexdigest()}"
