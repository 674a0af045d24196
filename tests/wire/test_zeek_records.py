"""Records of any kind, and what log a file is."""

import pytest

from sensor.errors import Malformed
from sensor.model import metadata
from sensor.wire.zeek_records import read, variant

ID = {
    "ts": "1.5",
    "uid": "C1",
    "id.orig_h": "10.0.0.1",
    "id.orig_p": "1",
    "id.resp_h": "10.0.0.2",
    "id.resp_p": "2",
    "proto": "tcp",
}
HEAD = b"#separator \\x09\n#path\t%s\n#fields\tts\tuid\n"


def test_a_conn_record_is_a_row():
    """With its input and row; reports of flows that go on say so."""
    row = read(ID.get, "conn", "conn", 3, 7)
    assert (3, 7, 0) == (row["input"][0], row["offset"][0], row["why"][0])
    assert 2 == read(ID.get, "conn", "open_conn", 0, 0)["why"][0]


def test_any_other_record_is_a_message():
    """Of its kind."""
    assert isinstance(read(ID.get, "dns", "dns", 0, 0), metadata.Dns)


def test_a_log_that_is_not_read():
    """It is refused by that reason."""
    with pytest.raises(Malformed, match="unsupported_log"):
        read(ID.get, None, "files", 0, 0)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (HEAD % b"conn", "zeek-conn-tsv"), (HEAD % b"dns", "zeek-dns-tsv"), (HEAD % b"stats", "zeek-tsv"),
        (b"\xef\xbb\xbf" + HEAD % b"conn", "zeek-conn-tsv"), (b'{"ts":1,"_path":"dns"}\n', "zeek-dns-json"),
        (b'{"message":"{\\"ts\\":1,\\"_path\\":\\"ssl\\"}"}\n', "zeek-ssl-json"), (b'{"ts":1,"uid":"C1"}\n',
        "zeek-json"),
        (b"\n\n" + HEAD % b"http", "zeek-http-tsv"), (b"#fields\tts\tts\n", None), (b"# comment\n", None), (b"{", None),
    ],
)  # fmt: skip
def test_formats_by_their_first_lines(head, name):
    """Header, keys and envelopes say it."""
    assert name == variant(head)


@pytest.mark.parametrize(
    ("record", "is_one"), [(b'{"ts":1,"host":"10.0.0.1"}', True), (b'{"ts":1,"host":"web1"}', False)]
)
def test_few_columns_are_no_proof(record, is_one):
    """A record of time and host is Zeek's only where the host is an address."""
    assert is_one == (variant(record + b"\n") is not None)
