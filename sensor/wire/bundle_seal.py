"""What makes a bundle unreadable on its way: one content key a bundle, sealed to the hub's public key.

The content key is random and sealed by HPKE in base mode (RFC 9180; DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
ChaCha20-Poly1305), as the library has it. Each record is sealed by ChaCha20-Poly1305 (RFC 8439) under the content key,
with its place in the bundle as the nonce: a content key seals one bundle, so that no nonce comes twice. What names the
bundle (site, epoch, first sequence) is bound to the sealed key, and with the record's sequence to each record: nothing
can be moved elsewhere. Who sealed it is not proven here: the signature over the sealed records does that.
"""

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.hpke import Suite

TAG_BYTES = 16
SEALED_KEY_BYTES = 32 + 32 + TAG_BYTES
"""The encapsulated key, then the content key with its tag (RFC 9180 §4.1, §5.2)."""
_INFO = b"spanline bundle 1 content key\0"
_NONCE = struct.Struct(">4xQ")
_SEQUENCE = struct.Struct(">Q")


class Sealer:
    """Seals one bundle's records.

    Attributes:
        sealed_key: The content key, for the hub alone.
    """

    def __init__(self, hub: "X25519PublicKey", bundle: bytes) -> None:
        """Make a content key.

        Args:
            hub: Whom it is sealed to.
            bundle: What names the bundle, to which everything is bound.
        """
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        key = ChaCha20Poly1305.generate_key()
        self.sealed_key = _suite().encrypt(key, hub, _INFO + bundle)
        self._cipher, self._bundle, self._count = ChaCha20Poly1305(key), bundle, 0

    def seal(self, sequence: int, plain: bytes) -> bytes:
        """Seal the next record; TAG_BYTES longer."""
        nonce = _NONCE.pack(self._count)
        self._count += 1
        return self._cipher.encrypt(nonce, plain, self._bundle + _SEQUENCE.pack(sequence))


class Opener:
    """Opens one bundle's records."""

    def __init__(self, hub: "X25519PrivateKey", bundle: bytes, sealed_key: bytes) -> None:
        """Open the content key. Raises ValueError where it is sealed to another, or for another bundle."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        try:
            key = _suite().decrypt(sealed_key, hub, _INFO + bundle)
            self._cipher = ChaCha20Poly1305(key)
        except (InvalidTag, ValueError) as error:
            raise ValueError("its content key is not sealed to this hub's key") from error
        self._bundle = bundle

    def open(self, place: int, sequence: int, sealed: bytes) -> bytes:
        """Open the record at a place. Raises ValueError where it is not what was sealed there."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(_NONCE.pack(place), sealed, self._bundle + _SEQUENCE.pack(sequence))
        except (InvalidTag, ValueError) as error:
            raise ValueError(f"envelope {sequence} is not what was sealed") from error


def _suite() -> "Suite":
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
