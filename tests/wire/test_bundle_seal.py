"""Sealing of bundles: opened by an independent reading of RFC 9180, and by nobody else."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sensor.wire.bundle_seal import SEALED_KEY_BYTES, TAG_BYTES, Opener, Sealer
from tests.wire.bundles_made import hub


def extract(suite, salt, label, ikm):
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def expand(suite, prk, label, told, length):
    told, made, block = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + told, b"", b""
    while len(made) < length:
        block = hmac.digest(prk, block + told + bytes([len(made) // 32 + 1]), hashlib.sha256)
        made += block
    return made[:length]


def opened_by_the_book(sealed, private, told):
    """Open a message of one by RFC 9180 §4.1, §5.1 and §5.2, from X25519, HMAC and ChaCha20-Poly1305 alone."""
    kem, suite = b"KEM" + b"\0\x20", b"HPKE" + b"\0\x20" + b"\0\x01" + b"\0\x03"
    enc, text = sealed[:32], sealed[32:]
    dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
    prk = extract(kem, b"", b"eae_prk", dh)
    shared = expand(kem, prk, b"shared_secret", enc + private.public_key().public_bytes_raw(), 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", told)
    secret = extract(suite, shared, b"secret", b"")
    key, nonce = expand(suite, secret, b"key", context, 32), expand(suite, secret, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, text, b"")


def test_the_content_key_is_sealed_as_rfc_9180_says():
    """An implementation of its own opens it, and with it the records, at their place as nonce."""
    sealer = Sealer(hub().public_key(), b"SYD")
    records = [sealer.seal(sequence, body) for sequence, body in ((5, b"a"), (9, b"b" * 1000))]
    key = opened_by_the_book(sealer.sealed_key, hub(), b"spanline bundle 1 content key\0SYD")
    cipher = ChaCha20Poly1305(key)

    assert SEALED_KEY_BYTES == len(sealer.sealed_key)
    assert b"a" == cipher.decrypt(bytes(12), records[0], b"SYD" + (5).to_bytes(8, "big"))
    assert b"b" * 1000 == cipher.decrypt(bytes(11) + b"\1", records[1], b"SYD" + (9).to_bytes(8, "big"))
    assert TAG_BYTES + 1000 == len(records[1])


def test_it_opens_where_it_was_sealed_and_nowhere_else():
    """Another place, sequence, bundle or key, or a changed byte: an error, always the same one."""
    sealer = Sealer(hub().public_key(), b"SYD")
    record = sealer.seal(5, b"text")
    opener = Opener(hub(), b"SYD", sealer.sealed_key)

    assert b"text" == opener.open(0, 5, record)
    for place, sequence, sealed in ((1, 5, record), (0, 6, record), (0, 5, record[:-1]), (0, 5, b"")):
        with pytest.raises(ValueError, match="not what was sealed"):
            opener.open(place, sequence, sealed)
    for private, bundle, key in (
        (hub("other"), b"SYD", sealer.sealed_key),
        (hub(), b"PER", sealer.sealed_key),
        (hub(), b"SYD", sealer.sealed_key[:-1]),
        (hub(), b"SYD", bytes(SEALED_KEY_BYTES)),
        (hub(), b"SYD", b""),
    ):
        with pytest.raises(ValueError, match="not sealed to this hub"):
            Opener(private, bundle, key)


def test_no_two_bundles_share_a_content_key():
    """Sealing the same twice gives different bytes."""
    first, second = (Sealer(hub().public_key(), b"SYD") for _ in range(2))

    assert first.sealed_key != second.sealed_key
    assert first.seal(1, b"a") != second.seal(1, b"a")
