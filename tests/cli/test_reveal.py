"""`spanline reveal`."""

import json

import pytest

from sensor.model.pseudonyms import Pseudonyms
from sensor.store import audit, pseudonym_key
from tests.cli.runs import conn_log, spanline


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """A state with a scanner in it."""
    state = tmp_path / "state"
    spanline(monkeypatch, capsys, "replay", "--state", state, conn_log(tmp_path / "conn.log"))
    return state


def test_a_name_is_told_with_a_reason_and_after_the_log_has_it(folder, monkeypatch, capsys):
    """Also of an address that only the archive knows; whoever reads the log sees the pseudonym, not the name."""
    made = Pseudonyms(pseudonym_key.own(folder))
    for real in ("10.0.0.66", "10.0.7.3"):
        code, out, _ = spanline(
            monkeypatch, capsys, "reveal", made.address(real), "--reason", "case 1", "--by", "ann", "--state", folder
        )
        assert (0, f"{real}\n") == (code, out)
    assert ([], 2) == audit.verify(folder)
    lines = [json.loads(line) for line in (folder / audit.LOG).read_bytes().splitlines()]
    assert ["revealed", "revealed"] == [line["what"] for line in lines]
    assert {"pseudonym": made.address("10.0.0.66"), "reason": "case 1", "by": "ann", "found": 1} == lines[0]["body"]


def test_without_a_reason_nothing_is_told(folder, monkeypatch, capsys):
    """Nor logged."""
    name = Pseudonyms(pseudonym_key.own(folder)).address("10.0.0.66")
    code, out, err = spanline(monkeypatch, capsys, "reveal", name, "--reason", " ", "--state", folder)
    assert (2, "", True, False) == (code, out, "--reason is missing" in err, (folder / audit.LOG).exists())


def test_what_is_nobody_is_said_to_be_nobody(folder, monkeypatch, capsys):
    """It was asked all the same; what is no pseudonym is not; a folder without a state is none."""
    code, out, _ = spanline(monkeypatch, capsys, "reveal", "account-" + "0" * 16, "--reason", "x", "--state", folder)
    assert (4, "", 1) == (code, out, audit.verify(folder)[1])
    code, _, err = spanline(monkeypatch, capsys, "reveal", "ann", "--reason", "x", "--state", folder)
    assert (1, True, 1) == (code, "is no pseudonym" in err, audit.verify(folder)[1])
    code, *_ = spanline(monkeypatch, capsys, "reveal", "mac-" + "0" * 16, "--reason", "x", "--state", folder / "no")
    assert (4, False) == (code, (folder / "no").exists())


def test_a_log_that_was_changed_tells_nobody_anything(folder, monkeypatch, capsys):
    """For it could not be told who asked."""
    name = Pseudonyms(pseudonym_key.own(folder)).address("10.0.0.66")
    spanline(monkeypatch, capsys, "reveal", name, "--reason", "x", "--state", folder)
    path = folder / audit.LOG
    path.write_bytes(path.read_bytes().replace(b'"x"', b'"y"'))
    code, out, err = spanline(monkeypatch, capsys, "reveal", name, "--reason", "x", "--state", folder)
    assert (1, "", True) == (code, out, "does not verify" in err)
