"""Rows of Python values out of any Zeek log; each defect of the class that it stands in for is a test."""

import gzip
import threading
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from parsezeeklogs import read_zeek
from zat.zeek_log_reader import ZeekLogReader as ZatReader

from sensor.wire.zeek_log_reader import ZeekLogReader

FIELDS = ["ts", "uid", "id.orig_p", "flag", "n", "ratio", "took", "tags", "seen", "note"]
TYPES = ["time", "string", "port", "bool", "count", "double", "interval", "set[string]", "vector[count]", "string"]
HEAD = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tx\n#fields\t"
    + "\t".join(FIELDS) + "\n#types\t" + "\t".join(TYPES) + "\n"
)  # fmt: skip
LINE = "1588205198.899710\tC1\t443\tT\t7\t0.5\t1.25\ta,b\t1,-\thello\n"
ROW = {
    "ts": datetime(2020, 4, 30, 0, 6, 38, 899710, UTC), "uid": "C1", "id.orig_p": 443, "flag": True, "n": 7,
    "ratio": 0.5, "took": timedelta(seconds=1.25), "tags": ["a", "b"], "seen": [1, None], "note": "hello",
}  # fmt: skip


def rows(path, text, **options):
    """Read a log's rows."""
    (path / "x.log").write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(ZeekLogReader(str(path / "x.log"), **options).readrows())


def test_values_have_pythons_types(tmp_path):
    """Each of Zeek's types, in the order of the columns; times have a zone."""
    found = rows(tmp_path, HEAD + LINE)
    assert [ROW] == found
    assert FIELDS == list(found[0])


def test_unset_is_none(tmp_path):
    """Not 0, False or a dash."""
    assert [dict.fromkeys(FIELDS)] == rows(tmp_path, HEAD + "\t".join("-" * 10) + "\n")


def test_empty_fields(tmp_path):
    """A trailing empty field is one; `(empty)` is an empty text or set."""
    found = rows(
        tmp_path, HEAD + LINE.replace("a,b", "(empty)").replace("hello\n", "\n") + LINE.replace("hello", "(empty)")
    )
    assert [([], ""), (["a", "b"], "")] == [(row["tags"], row["note"]) for row in found]


def test_escapes_are_decoded(tmp_path):
    """Also in members of sets, after they are parted."""
    found = rows(tmp_path, HEAD + LINE.replace("hello", "a\\x09b\\\\").replace("a,b", "x\\x2cy,z"))
    assert ("a\tb\\", ["x,y", "z"]) == (found[0]["note"], found[0]["tags"])


def test_close_ends_nothing_and_headers_may_follow(tmp_path):
    """Concatenated logs are read to their end, each under its own header."""
    other = "#separator \\x09\n#unset_field\t-\n#fields\tb\ta\n#types\tint\tstring\n-5\tx\n"
    assert [ROW, {"b": -5, "a": "x"}, ROW] == rows(tmp_path, HEAD + LINE + "#close\t2020\n" + other + HEAD + LINE)


def test_packed_and_json(tmp_path):
    """gzip is opened; JSON gives its own values, with the time as one."""
    assert [ROW] == rows(tmp_path, gzip.compress((HEAD + LINE).encode()))
    assert [{"ts": ROW["ts"], "id.orig_p": 443, "n": None, "tags": ["a"]}] == rows(
        tmp_path, '{"ts":1588205198.89971,"id.orig_p":443,"n":null,"tags":["a"]}\n'
    )


def test_another_delimiter(tmp_path):
    """The caller's counts where the header does not say; else the header's."""
    plain = "#fields,a,b\n#types,count,string\n1,x\n"
    assert [{"a": 1, "b": "x"}] == rows(tmp_path, plain, delimiter=",")
    assert [ROW] == rows(tmp_path, HEAD + LINE, delimiter=",")


def test_damage(tmp_path):
    """A value of the wrong type stays text, a line of the wrong length is skipped; a strict reader raises."""
    bad_value, bad_line = LINE.replace("\t7\t", "\tx\t"), "half a line\n"
    found = rows(tmp_path, HEAD + bad_value + bad_line + LINE)
    assert ["x", 7] == [row["n"] for row in found]
    for bad in (bad_value, bad_line, '{"ts":\n', '{"ts":"x"}\n'):
        with pytest.raises(ValueError, match=r"x\.log"):
            rows(tmp_path, HEAD + bad, strict=True)


def test_what_is_skipped_is_counted(tmp_path):
    """Lines before any header, deep JSON, lines of a megabyte."""
    path = tmp_path / "x.log"
    path.write_text(LINE + HEAD + "[" * 99 + "\n" + '{"a":' * 70_000 + "\n" + "y" * (1 << 21) + "\n" + LINE)
    reader = ZeekLogReader(path)
    assert ([ROW], 4) == (list(reader.readrows()), reader.skipped)


def test_a_file_that_is_not_there():
    """OSError at once, as with the original."""
    with pytest.raises(OSError, match="nowhere"):
        ZeekLogReader("nowhere.log")


def test_tailing_through_rotation(tmp_path):
    """A half-written line waits for its end; a rotation without `#close` is followed."""
    path = tmp_path / "x.log"
    path.write_text(HEAD + LINE + LINE[:20])
    reader = ZeekLogReader(path, tail=True, pause_s=0.001)
    got, seen = [], threading.Semaphore(0)

    def run():
        for row in reader.readrows():
            got.append(row)
            seen.release()

    thread = threading.Thread(target=run)
    thread.start()
    assert seen.acquire(timeout=10)
    with path.open("a") as file:
        file.write(LINE[20:])
    assert seen.acquire(timeout=10)
    path.rename(tmp_path / "x.log.1")
    path.write_text(HEAD + LINE)
    assert seen.acquire(timeout=10)
    reader.close()
    thread.join(10)
    assert [ROW] * 3 == got


@pytest.mark.parametrize(
    "name", ["conn", "dhcp", "dns", "files", "ftp", "http", "notice", "smtp", "ssl", "weird", "x509"]
)
def test_real_logs_equal_zats_and_parsezeeklogs(data_dir, name):
    """Keys and set values as zat; every value as parsezeeklogs, unset ones included."""
    path = str(data_dir / "network/zat" / f"{name}.log")
    ours = list(ZeekLogReader(path, strict=True).readrows())
    exact = [dict(record) for record in read_zeek(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zats = list(ZatReader(path).readrows())
    assert (len(exact), len(zats)) == (len(ours), len(ours)) != (0, 0)
    for row, record, zat in zip(ours, exact, zats, strict=True):
        assert list(zat) == list(row)
        for key, value in row.items():
            if isinstance(value, (int, float, timedelta)):
                assert zat[key] == value, key
            theirs = record[key]
            if isinstance(value, datetime):
                assert abs(value.timestamp() - float(theirs)) < 1e-6
            elif isinstance(value, timedelta):
                assert abs(value.total_seconds() - float(theirs)) < 1e-5
            elif isinstance(value, list):
                plain = [one.total_seconds() if isinstance(one, timedelta) else one for one in value]
                assert [str(one) for one in theirs] == [str(one) for one in plain], key
            else:
                assert str(theirs) == str(value), key
