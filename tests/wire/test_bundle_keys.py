"""Keys of bundles: made for their owner alone, and not taken for each other."""

import os
import shutil
import stat
import subprocess

import pytest

from sensor.wire import bundle_keys
from tests.wire.bundles_made import hub, signer


@pytest.mark.parametrize("kind", [bundle_keys.SIGN, bundle_keys.OPEN])
def test_a_key_is_made_for_its_owner_alone(tmp_path, kind):
    """Mode 0600 whatever the umask; its public key is what was returned; a second make does not touch it."""
    path = tmp_path / "a.key"
    old = os.umask(0)
    try:
        public = bundle_keys.make(path, kind)
    finally:
        os.umask(old)
    text = bundle_keys.read_file(path)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert public == bundle_keys.public_of(text, "a.key")
    assert public.startswith(f"{kind}:")
    with pytest.raises(FileExistsError, match="never replaced"):
        bundle_keys.make(path, kind)
    assert text == bundle_keys.read_file(path)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_reads_a_key(tmp_path):
    """It is PKCS #8, so that other tools can keep it."""
    bundle_keys.make(tmp_path / "a.key", bundle_keys.SIGN)
    shown = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "a.key", "-noout", "-text"], capture_output=True, check=True, text=True
    )

    assert shown.stdout.startswith("ED25519 Private-Key")


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o440, False), (0o620, True), (0o604, True)])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode, refused):
    """With the command that mends it; a group may read what a service is given."""
    path = tmp_path / "a.key"
    bundle_keys.make(path, bundle_keys.SIGN)
    path.chmod(mode)
    if not refused:
        assert bundle_keys.read_file(path)
        return
    with pytest.raises(ValueError, match=f"chmod 600 {path}"):
        bundle_keys.read_file(path)


def test_a_pipe_is_no_key(tmp_path):
    """And does not hold up whoever opens it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is no file"):
        bundle_keys.read_file(tmp_path / "pipe")


def test_one_kind_is_not_taken_for_the_other(tmp_path):
    """Private or public, each error says which is wanted."""
    made = {}
    for kind in (bundle_keys.SIGN, bundle_keys.OPEN):
        public = bundle_keys.make(tmp_path / kind, kind)
        made[kind] = (bundle_keys.read_file(tmp_path / kind), public)
    sign, opens = made[bundle_keys.SIGN], made[bundle_keys.OPEN]

    assert sign[1] == bundle_keys.public_text(bundle_keys.signing_key(sign[0], "k").public_key())
    assert opens[1] == bundle_keys.public_text(bundle_keys.opening_key(opens[0], "k").public_key())
    with pytest.raises(ValueError, match="k is no key that signs"):
        bundle_keys.signing_key(opens[0], "k")
    with pytest.raises(ValueError, match="k is no key that opens"):
        bundle_keys.opening_key(sign[0], "k")
    with pytest.raises(ValueError, match="expected ed25519"):
        bundle_keys.verifying_key(opens[1])
    with pytest.raises(ValueError, match="expected x25519"):
        bundle_keys.sealing_key(sign[1])


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:zz", "ed25519:" + "0" * 64, "a" * 64, "ed25519:" + "a" * 62])
def test_what_is_no_public_key_is_refused(text):
    """With the form that is expected."""
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        bundle_keys.verifying_key(text)


def test_a_public_key_is_read_as_it_was_written():
    """Both kinds; and each is named by its own id."""
    site, opens = signer("SYD").public_key(), hub().public_key()

    assert site == bundle_keys.verifying_key(bundle_keys.public_text(site))
    assert opens == bundle_keys.sealing_key(f" {bundle_keys.public_text(opens)}\n")
    assert 2 == len({bundle_keys.key_id(site), bundle_keys.key_id(opens)})


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_private_key_is_refused(text):
    """By the name of its file, and without its text."""
    with pytest.raises(ValueError, match="a key holds no private key"):
        bundle_keys.signing_key(text, "a key")


def test_a_key_of_another_kind_is_refused():
    """RSA signs other things."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    text = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="another kind"):
        bundle_keys.signing_key(text.decode(), "k")
