"""Whom a pseudonym stands for."""

import pytest

from sensor.model.pseudonyms import Pseudonyms
from sensor.store import audit, revealing
from tests.console.desks import T, filled

KEY = bytes(range(32))


def asked(folder, pseudonym, key=KEY):
    return revealing.reveal(folder, key, pseudonym, reason="case 1", by="ann", ts=T)


def test_whatever_the_state_holds_is_found_under_the_key(tmp_path):
    """Accounts with every spelling, hosts, addresses and MACs, in whatever form they left; once each."""
    folder, made = filled(tmp_path), Pseudonyms(KEY)
    assert ("ann@ex.com",) == asked(folder, made.account("ann@ex.com"))
    assert ("ann@ex.com",) == asked(folder, made.account("ANN"))
    assert ("PER-1",) == asked(folder, made.host("per-1.example.com"))
    for stands in (made.address("10.0.0.5"), made.column_address("10.0.0.5")):
        assert ("10.0.0.5",) == asked(folder, stands)
    for stands in (made.mac("00:aa:bb:cc:dd:01"), made.column_mac("00:AA:bb:cc:dd:01")):
        assert ("00:aa:bb:cc:dd:01",) == asked(folder, stands)
    assert ([], 7) == audit.verify(folder)


def test_another_key_tells_nothing(tmp_path):
    """And the question is in the log all the same."""
    folder = filled(tmp_path)
    assert () == asked(folder, Pseudonyms(bytes(32)).account("ann"))
    assert b'"found":0' in (folder / audit.LOG).read_bytes()


@pytest.mark.parametrize("text", ["ann", "account-123", "account-" + "g" * 16, "10.0.0.5", ""])
def test_what_is_no_pseudonym_is_refused(tmp_path, text):
    """Before anything is searched or logged."""
    with pytest.raises(ValueError, match="is no pseudonym"):
        asked(filled(tmp_path), text)
    assert not (tmp_path / audit.LOG).exists()
