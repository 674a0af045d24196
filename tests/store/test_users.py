"""The console's local users."""

import pytest

from sensor.model.person import Person
from sensor.store.users import FILE, PASSWORD_MIN, Users

GOOD = "correct horse battery"


def test_a_user_signs_in_with_their_password_alone(tmp_path):
    """In any spelling of the name; what is kept is no password, and readable by its owner only."""
    users = Users(tmp_path)
    assert (True, False) == (users.put("Ann", {"*": "admin"}, GOOD), users.put("ann", {"SYD": "viewer"}, GOOD))

    assert Person(name="ann", grants={"SYD": "viewer"}) == users.check(" ANN", GOOD)
    assert (None, None, None) == (users.check("ann", GOOD + "x"), users.check("bob", GOOD), users.check("ann", ""))
    file = tmp_path / FILE
    assert (0o600, False, True) == (file.stat().st_mode & 0o777, GOOD.encode() in file.read_bytes(),
                                    b"$argon2id$" in file.read_bytes())  # fmt: skip


def test_a_removed_user_stays_out(tmp_path):
    """And who was never there cannot be removed."""
    users = Users(tmp_path)
    users.put("ann", {"*": "viewer"}, GOOD)
    assert (True, False, None, []) == (users.remove("ann"), users.remove("ann"), users.check("ann", GOOD), users.all())


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [("", GOOD, "a name has"), ("a b", GOOD, "a name has"), ("x\n", "short", f"a password has {PASSWORD_MIN}"),
     ("ann", "ann's long password", "must not contain")],
)  # fmt: skip
def test_a_poor_name_or_password_is_refused(tmp_path, name, password, said):
    """Saying what is wrong."""
    with pytest.raises(ValueError, match=said):
        Users(tmp_path).put(name, {"*": "viewer"}, password)


def test_a_damaged_file_is_said_to_be_so(tmp_path):
    """Nobody is signed in by it."""
    (tmp_path / FILE).write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        Users(tmp_path).check("ann", GOOD)
