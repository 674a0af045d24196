"""Looking through a state's folder."""

import zstandard

from sensor.model.erasure import Finder, Subject
from sensor.store import schema
from sensor.store.searching import REQUEST, search

FINDER = Finder(Subject(kind="account", names=("ann@ex.com",), terms=("ann@ex.com", "ann.lee"), stands="erased-1"))


def test_every_file_is_looked_at_packed_or_not(tmp_path):
    """Plain, in a database's free page, packed for the hub; the request itself is passed over."""
    connection = schema.connect(tmp_path / "state.sqlite")
    said = b" ".join(b"%d Ann.Lee signed in from %d" % (k * 7919, k * k) for k in range(300))
    body = zstandard.ZstdCompressor(level=19).compress(said)
    assert not FINDER.in_bytes(body)
    with connection:
        connection.execute("INSERT INTO spool VALUES (1, 1, 'incidents', 1, 1, 9, 9, ?, x'00')", (body,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.json").write_text('{"who": "ANN@EX.COM"}')
    (tmp_path / "b").write_text("annann.leeds")
    (tmp_path / "empty").touch()
    (tmp_path / REQUEST).write_text("ann@ex.com")
    assert ("deep/a.json", "state.sqlite: spool") == search(tmp_path, FINDER).found


def test_an_empty_folder_holds_nothing(tmp_path):
    """And nothing is read."""
    found = search(tmp_path, FINDER)
    assert (0, 0, ()) == (found.files, found.bytes, found.found)
