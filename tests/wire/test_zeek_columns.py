"""Columns that many logs share."""

import pytest

from sensor.errors import Malformed
from sensor.wire import zeek_columns as columns

ID = {"ts": "1.5", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "1", "id.resp_h": "2001:DB8::1", "id.resp_p": 2}


def test_a_connection():
    """Every column must be set, and is in Zeek's form."""
    found = columns.connection(ID.get, 6)
    assert {"ts": 1_500_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 1, "resp_h": "2001:db8::1", "resp_p": 2,
            "proto": 6} == found  # fmt: skip
    with pytest.raises(Malformed, match=r"^missing_resp_p$"):
        columns.connection((ID | {"id.resp_p": None}).get, 6)


def test_a_record_about_a_host():
    """Without a connection the columns named give the addresses; without those, they are empty."""
    record = {"ts": "1", "host": "10.0.0.9", "port_num": "53"}
    found = columns.hosts(record.get, 17, "host", orig_p="port_num")
    assert ("", "10.0.0.9", 53, "", 0, 17) == (
        found["uid"], found["orig_h"], found["orig_p"], found["resp_h"], found["resp_p"], found["proto"],
    )  # fmt: skip
    assert ("", "") == tuple(columns.hosts({"ts": "1"}.get, 0)[name] for name in ("orig_h", "resp_h"))
    assert columns.connection(ID.get, 0) == columns.hosts(ID.get, 0, "host")


def test_sets_and_single_values():
    """A name of before and of today; a set gives its first member; huge ones are cut."""
    assert "b" == columns.first_text({"new": "b", "olds": ["x"]}.get, "new", "olds")
    assert "x" == columns.first_text({"olds": [None, "x"]}.get, "new", "olds")
    assert columns.first_text({}.get, "new") is None
    many = columns.texts({"all": ["y" * 9000] * 9000}.get, "all")
    assert (columns.NAMES_KEPT, columns.BYTES_PER_TEXT) == (len(many), len(many[0]))
    assert "10.0.0.1" == columns.address({"tx": ["10.0.0.1", "10.0.0.2"]}.get, "tx")
    assert columns.address({"tx": []}.get, "tx") is None


def test_transports():
    """A name is a number; what is not known is 0."""
    assert [6, 17, 1, 0, 0] == [columns.transport({"proto": x}.get) for x in ("tcp", "UDP", "icmp", None, "odd")]
