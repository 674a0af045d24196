"""`spanline user`."""

import io
import sys

from sensor.store.state import State
from sensor.store.users import Users
from tests.cli.runs import spanline

GOOD = "correct horse battery"


def test_users_are_added_listed_and_removed(monkeypatch, capsys, tmp_path):
    """With roles at sites; the password comes from a file or stdin, and is never printed."""
    State(tmp_path).close()
    (tmp_path / "pw").write_text(GOOD + "\n")
    add = ("user", "add", "Ann", "--role", "viewer", "--role", "admin@SYD", "--state", tmp_path)
    assert (0, "ann added: viewer everywhere, admin at SYD\n") == spanline(
        monkeypatch, capsys, *add, "--password-file", tmp_path / "pw"
    )[:2]
    assert Users(tmp_path).check("ann", GOOD) is not None
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD + "2"))
    assert "ann changed" in spanline(monkeypatch, capsys, *add, "--password-file", "-")[1]
    code, out, _ = spanline(monkeypatch, capsys, "user", "list", "--json", "--state", tmp_path)
    assert (0, True, False) == (code, '"admin"' in out, "argon2" in out)
    assert "ann: viewer everywhere" in spanline(monkeypatch, capsys, "user", "list", "--state", tmp_path)[1]
    assert (0, "ann removed\n") == spanline(monkeypatch, capsys, "user", "remove", "ann", "--state", tmp_path)[:2]
    assert 4 == spanline(monkeypatch, capsys, "user", "remove", "ann", "--state", tmp_path)[0]
    assert "no users" in spanline(monkeypatch, capsys, "user", "list", "--state", tmp_path)[2]


def test_a_wrong_role_password_or_state_is_refused(monkeypatch, capsys, tmp_path):
    """With the exit code of each."""
    State(tmp_path / "s").close()
    (tmp_path / "pw").write_text("short")
    for role, state, code in (("king", "s", 2), ("admin", "s", 2), ("admin", "none", 4)):
        found = spanline(
            monkeypatch, capsys, "user", "add", "ann", "--role", role, "--state", tmp_path / state,
            "--password-file", tmp_path / "pw",
        )  # fmt: skip
        assert code == found[0]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    found = spanline(monkeypatch, capsys, "user", "add", "ann", "--role", "admin", "--state", tmp_path / "s")
    assert (2, True) == (found[0], "--password-file" in found[2])
