"""Name a block of input by a keyed digest that costs next to nothing.

GMAC (NIST SP 800-38D): AES-GCM over no plain text, with the block as associated data. Processors multiply in GF(2^128)
by one instruction, so it runs at 20 GB/s where SHA-256, with its own instructions, runs at 1.8 and BLAKE2b at 0.9.

With one nonce it is no message authentication, and need not be: it is a universal hash. Two blocks of a megabyte,
chosen by somebody who knows neither key nor digests, have the same one with a probability of at most 2^-111 (GHASH is
a polynomial of the block's degree). So the key is the state's own secret and the digests stay in the state. With a key
that others know, or digests that others see, blocks that collide can be computed: then take another hash.
"""

from collections.abc import Callable
from typing import Any

KEY_BYTES = 16
_NONCE = bytes(12)
"""One for all: the digest of a block must be the same again."""


def keyed(key: bytes) -> Callable[[memoryview], bytes]:
    """Return what computes the 16-byte digest of a block under a key of KEY_BYTES."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only where there is a ledger: start-up

    seal: Any = AESGCM(key).encrypt
    return lambda block: seal(_NONCE, b"", block)
