"""Bundles for tests: keys that are always the same, and a bundle in memory."""

import hashlib
import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sensor.wire.bundles import Head, Writer, verify


def signer(name):
    """The private key of a site, by its name alone."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"sign {name}".encode()).digest())


def hub(name="hub"):
    """The private key of a hub."""
    return X25519PrivateKey.from_private_bytes(hashlib.sha256(f"open {name}".encode()).digest())


KEYS = {"SYD": [signer("SYD").public_key()], "PER": [signer("PER").public_key()]}


def head(site="SYD", epoch=7, first=1, last=3, made_ns=1_700_000_000_000_000_000):
    """What names a bundle; the writer fills in its keys."""
    return Head(site, epoch, first, last, made_ns, bytes(8))


def bundle(envelopes, sign=None, seal_to=None, **of):
    """Make a bundle of {sequence: envelope} in memory."""
    of = {"first": min(envelopes, default=1), "last": max(envelopes, default=1)} | of
    plan = [(sequence, len(body)) for sequence, body in envelopes.items()]
    writer = Writer(head(**of), plan, sign or signer(of.get("site", "SYD")), seal_to)
    body = b"".join(writer.record(one) for one in envelopes.values())
    return writer.front() + body


def bodies(count, first=1, seed=0):
    """So many envelopes of any bytes, by sequence."""
    rng = random.Random(seed)
    return {first + place: rng.randbytes(rng.randint(1, 300)) for place in range(count)}


def reading(file):
    """What reads bytes as if they were a file."""
    return lambda at, count: file[at : at + count]


def checked(file, keys=None):
    """Verify a bundle in memory."""
    return verify(reading(file), len(file), KEYS if keys is None else keys)


def taken(file, keys=None, hub_keys=()):
    """Read a bundle in memory whole, as an importer does."""
    found = checked(file, keys)
    found.check()
    return dict(found.envelopes(hub_keys))
