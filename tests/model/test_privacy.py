"""What the configuration may say of names that leave."""

from sensor.model.privacy import Privacy, problem
from sensor.model.sink import SecretPlace


def test_what_is_wrong_is_said():
    """A kind that there is not, a key that is nowhere or at two places; nothing else is."""
    assert (None, None) == (problem(Privacy()), problem(Privacy(pseudonyms=("accounts", "hosts", "addresses"))))
    assert "'users' is none of accounts, hosts, addresses" in str(problem(Privacy(pseudonyms=("hosts", "users"))))
    for place in (SecretPlace(), SecretPlace(env="A", file="/b")):
        assert "expected { env" in str(problem(Privacy(key=place)))
    assert None is problem(Privacy(key=SecretPlace(file="/etc/key")))
