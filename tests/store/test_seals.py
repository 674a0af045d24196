"""Seals: every edit of what is sealed is found, and every row that was taken away or put in."""

import sqlite3

import pytest

from sensor.store.seals import COMMITS_KEPT, KEY_FILE
from sensor.store.state import State
from tests.store.test_state import commit, incident


def edited(folder, *statements):
    connection = sqlite3.connect(folder / "state.sqlite")
    with connection:
        for one in statements:
            connection.execute(one)
    connection.close()


def intact(state, kind, name):
    content = state.seals.row(kind, name)
    return content is not None and state.seals.held(kind, name) == state.seals.digest(kind, name, content)


@pytest.fixture
def folder(tmp_path):
    """A state with two incidents, committed apart, one of them closed since."""
    with State(tmp_path) as state:
        commit(state, [incident("INC-1")])
        commit(state, [incident("INC-2")])
        state.close_incident("INC-1", "benign", "ours")
    return tmp_path


def test_what_was_committed_and_closed_is_intact(folder):
    """Rows agree with their seals, the root and the links hold, the key is its owner's alone."""
    with State(folder, readonly=True) as state:
        assert [True] * 4 == [
            intact(state, kind, name)
            for kind, names in (("incident", ("INC-1", "INC-2")), ("evidence", ("EV-INC-1", "EV-INC-2")))
            for name in names
        ]
        assert state.seals.chain_fault() is None
    assert 0o600 == (folder / KEY_FILE).stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("statement", "kind", "name"),
    [
        ("UPDATE incidents SET tier = 'digest' WHERE id = 'INC-2'", "incident", "INC-2"),
        ("UPDATE incidents SET score_db = score_db + 1e-9 WHERE id = 'INC-2'", "incident", "INC-2"),
        ("UPDATE incidents SET body = replace(body, 'triage', 'page')", "incident", "INC-1"),
        ("UPDATE evidence SET basis = replace(basis, '9', '8')", "evidence", "EV-INC-1"),
        ("UPDATE evidence SET ts = ts || ' '", "evidence", "EV-INC-2"),
        ("DELETE FROM evidence WHERE id = 'EV-INC-1'", "evidence", "EV-INC-1"),
    ],
)
def test_an_edited_row_does_not_agree(folder, statement, kind, name):
    """Whatever column it was."""
    edited(folder, statement)
    with State(folder, readonly=True) as state:
        assert not intact(state, kind, name)
        assert state.seals.chain_fault() is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM seals WHERE kind = 'evidence' AND id = 'EV-INC-1'",
        "UPDATE seals SET digest = zeroblob(32) WHERE kind = 'incident' AND id = 'INC-1'",
        f"INSERT INTO seals VALUES ('file', 'x', x'{'01' * 32}')",  # noqa: S608
        "UPDATE seals SET digest = zeroblob(64) WHERE kind = 'root'",
        "DELETE FROM seals WHERE kind = 'root'",
        "DELETE FROM commits WHERE number = 2",
        "UPDATE commits SET facts = '{}' WHERE number = 3",
        "UPDATE commits SET root = zeroblob(32) WHERE number = 1",
    ],
)
def test_a_seal_or_a_link_that_was_changed_is_found(folder, statement):
    """A row cannot vanish with its seal, nor a commit from between."""
    edited(folder, statement)
    with State(folder, readonly=True) as state:
        assert state.seals.chain_fault() is not None


def test_without_the_key_nothing_is_taken_for_intact(folder):
    """It is not made anew where there are seals."""
    (folder / KEY_FILE).unlink()
    with State(folder, readonly=True) as state, pytest.raises(ValueError, match="missing or damaged"):
        state.seals.chain_fault()
    assert not (folder / KEY_FILE).exists()


def test_another_state_has_another_key(folder, tmp_path_factory):
    """What one state sealed another cannot have."""
    other = tmp_path_factory.mktemp("other")
    with State(other) as state:
        commit(state, [incident("INC-1")])

    assert (folder / KEY_FILE).read_bytes() != (other / KEY_FILE).read_bytes()


def test_links_are_kept_up_to_a_number(tmp_path):
    """The oldest go; the rest is still checked."""
    with State(tmp_path) as state:
        commit(state)
        for _ in range(COMMITS_KEPT + 5):
            state.manifest.write_pending()

        assert state.seals.chain_fault() is None
        assert COMMITS_KEPT == state._connection.execute("SELECT count(*) FROM commits").fetchone()[0]
