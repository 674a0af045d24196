"""Taking a subject out of tables and columns."""

import sqlite3

import msgspec
import numpy as np

from sensor.model.erasure import Counted, Finder, Subject
from sensor.store import erasing, schema
from sensor.store.state import State
from tests.console.desks import filled

FINDER = Finder(Subject(kind="account", names=("ann@ex.com",), terms=("ann@ex.com",), stands="erased-1"))


def test_own_rows_go_and_others_name_it_no_more(tmp_path):
    """Of whatever table; what would go is counted before; seals hold; nothing is found a second time."""
    with State(filled(tmp_path)) as state:
        counts = state.look(lambda one: erasing.counted(one, FINDER))
        assert Counted("table accounts", 1, 0) in counts
        assert Counted("table signins", 3, 0) in counts
        state.rewrite({}, lambda one: erasing.rewrite(one, FINDER, state.seals.put_row) and None)
        assert ([], None) == (state.look(lambda one: erasing.counted(one, FINDER)), state.seals.chain_fault())
        assert ["bob@ex.com"] == [one.name for one in state.accounts()]
        assert "erased-1" in state.incident("INC-1").evidence[0].text
        assert ("erased-1",) == state.device("dev-1").accounts


def test_deleted_rows_are_in_no_page_of_the_file(tmp_path):
    """Nor in its log."""
    connection = schema.connect(tmp_path / "state.sqlite")
    with connection:
        connection.executemany("INSERT INTO accounts VALUES (?, '{}')", [(f"ann{k}@ex.com",) for k in range(500)])
    with connection:
        connection.execute("DELETE FROM accounts")
    erasing.write_anew(connection)
    left = b"".join(one.read_bytes() for one in tmp_path.glob("state.sqlite*"))
    connection.close()
    assert b"@ex.com" not in left


def test_every_text_of_a_column_is_looked_at(tmp_path):
    """JSON, msgpack, plain text and fixed widths; columns of numbers, and of others, are the very same."""
    del tmp_path
    held = {"who": ["ann@ex.com"], "ann@ex.com": 1}
    columns = {
        "json": np.frombuffer(msgspec.json.encode(held), np.uint8), "n": np.arange(3),
        "msgpack": np.frombuffer(msgspec.msgpack.encode(held), np.uint8),
        "lines": np.frombuffer(b"x\nann@ex.com", np.uint8), "fixed": np.array([b"ann@ex.com", b"bob"], "S12"),
        "other": np.frombuffer(b'{"who":"bob"}', np.uint8),
    }  # fmt: skip
    made, changed = erasing.scrubbed(columns, FINDER)
    told = {"who": ["erased-1"], "erased-1": 1}
    assert (4, told, told) == (
        changed, msgspec.json.decode(made["json"].tobytes()), msgspec.msgpack.decode(made["msgpack"].tobytes())
    )  # fmt: skip
    assert (b"x\nerased-1", [b"erased-1", b"bob"]) == (made["lines"].tobytes(), made["fixed"].tolist())
    assert all(made[name] is columns[name] for name in ("n", "other"))


def test_a_name_without_letters_to_look_for_is_found_too(tmp_path):
    """Of one letter each, or of signs alone: every row is looked at."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute("INSERT INTO t VALUES ('x é.ö y')")
    found = Finder(Subject(kind="account", names=("é.ö",), terms=("é.ö",), stands="erased-1"))
    assert (None, [Counted("table t", 0, 1)]) == (found.seeds, erasing.counted(connection, found))
    connection.close()
