"""The key of pseudonyms."""

import pytest

from sensor.store import pseudonym_key


def test_a_key_is_made_once_and_is_its_owners(tmp_path):
    """The next process has the same; nobody else may read it; nothing else is left in the folder."""
    made = pseudonym_key.own(tmp_path)
    file = tmp_path / pseudonym_key.FILE
    assert (32, made, 0o600) == (len(made), pseudonym_key.own(tmp_path), file.stat().st_mode & 0o777)
    assert [file] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 31, "00" * 33])
def test_what_is_no_key_is_said_to_be_none(tmp_path, text):
    """And is not replaced by another: what left under it could never be told again."""
    (tmp_path / pseudonym_key.FILE).write_text(text)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        pseudonym_key.own(tmp_path)
    assert text == (tmp_path / pseudonym_key.FILE).read_text()
