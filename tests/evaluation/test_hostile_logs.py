"""Logs made to hurt: refused for a counted reason within a second and 64 MiB above the idle process."""

import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard

from tests.flows.conn_lines import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MIB = 1.0, 64.0
GB = 1 << 30
HEAD = b"#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(COLUMNS).encode() + b"\n"
VALUES = {"ts": "1.5", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "1", "id.resp_h": "10.0.0.2",
          "id.resp_p": "2", "proto": "tcp", "conn_state": "SF"}  # fmt: skip
HOSTILE = [
    b"\0" * 50, b"\xff\xfe\xfd", b"\xf0\x28\x8c\x28", b"\xe2\x80\xae" * 20, b"\x1b[2J", b"' OR 1=1 --",
    b"../../etc/passwd",
    b"${jndi:ldap://x}", b"9" * 400, b"-" * 400, b"1e999", b"NaN", b"0x41", b"\\x00\\xzz\\", b"{" * 900, b'"' * 900,
    b"a" * 100_000, b"(empty)", b"",
]  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A log whose reading makes everything ready: TSV, JSON, another log."""
    path = tmp_path_factory.mktemp("small") / "small.log"
    line = "\t".join(VALUES.get(name, "-") for name in COLUMNS).encode() + b"\n"
    record = json.dumps({name: VALUES[name] for name in VALUES}).encode() + b"\n"
    path.write_bytes(HEAD + line * 9000 + record * 9000)
    return path


def cost(small, path, *form):
    """Read a log in a process of its own: what it cost, and the account, which must balance."""
    words = [sys.executable, "-m", "tests.evaluation.hostile_logs", str(small), str(path), *form]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, cwd=ROOT).stdout)
    assert found["records"] == found["accepted"] + sum(found["rejected"].values())
    return found


def check(found):
    """Hold it to the bar."""
    assert found["seconds"] < SECONDS
    assert found["mib"] < MIB


def deep(opening, closing):
    """Write 64 KiB of nesting."""
    half = (64 << 10) // (len(opening) + len(closing))
    return opening * half + b"1" + closing * half


@pytest.mark.parametrize(
    "line",
    [
        deep(b'{"a":', b"}"), b'{"ts":' + deep(b"[", b"]") + b"}", b'{"ts":1,"id":' + deep(b'{"id":', b"}") + b"}",
        b'{"message":"' + b"\\" * (64 << 10) + b'"}', b'{"ts":1,"a":' * 9000, b"[" * (64 << 10),
    ],
)  # fmt: skip
def test_deep_json(tmp_path, small, line):
    """Depth is bounded by the parser, not by the stack."""
    path = tmp_path / "deep.json"
    path.write_bytes((line + b"\n") * 10)
    found = cost(small, path)
    check(found)
    assert (10, 0) == (found["records"], found["accepted"])


@pytest.mark.parametrize("start", [HEAD + b"1.5\t", b'{"ts":1.5,"uid":"'])
def test_a_line_of_a_gigabyte(tmp_path, small, start):
    """It is passed over in blocks, and given up where it does not end."""
    path = tmp_path / "long.log"
    path.write_bytes(start)
    os.truncate(path, GB)
    found = cost(small, path)
    check(found)
    assert {"line_too_long": 1} == found["rejected"]


def test_a_line_of_a_gigabyte_through_a_pipe(tmp_path, small):
    """What cannot be seeked is no harder."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    writer = subprocess.Popen(["head", "-c", str(GB), "/dev/zero"], stdout=handle, stderr=subprocess.DEVNULL)
    os.close(handle)
    found = cost(small, path)
    writer.kill()
    writer.wait()
    check(found)
    assert {"line_too_long": 1} == found["rejected"]


def bomb(pack):
    """Pack a gigabyte of one byte, a megabyte at a time."""
    piece = b"a" * (1 << 20)
    return b"".join([*(pack.compress(piece) for _ in range(GB >> 20)), pack.flush()])


@pytest.mark.parametrize("name", ["gzip", "zstd", "gzip in gzip"])
def test_a_bomb(tmp_path, small, name):
    """A packed file that unfolds to a gigabyte without an end of a line is given up; one in another is no log."""
    packed = bomb(
        zstandard.ZstdCompressor().compressobj() if name == "zstd" else zlib.compressobj(9, zlib.DEFLATED, 31)
    )
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(packed) if name == "gzip in gzip" else packed)
    found = cost(small, path)
    check(found)
    assert 0 == found["accepted"]
    assert sum(found["rejected"].values()) >= 1


def test_hostile_values_in_every_field(tmp_path, small):
    """Each is a value of its column or refuses its record by that column's name; nothing else happens."""
    lines = [HEAD]
    for column in COLUMNS:
        for value in HOSTILE:
            lines.append(
                b"\t".join(value if name == column else VALUES.get(name, "-").encode() for name in COLUMNS) + b"\n"
            )
            shown = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            lines.append(json.dumps(VALUES).encode()[:-1] + b',"%s":"%s"}\n' % (column.encode(), shown))
    path = tmp_path / "hostile.log"
    path.write_bytes(b"".join(lines))
    found = cost(small, path)
    check(found)
    assert len(lines) - 1 == found["records"]
    names = {"bad_" + name.removeprefix("id.") for name in COLUMNS} | {
        "missing_" + n.removeprefix("id.") for n in COLUMNS
    }
    assert set(found["rejected"]) <= names | {"not_a_record", "column_count"}


OKTA = {"uuid": "f1d0a4c2-0000-11ee-8000-000000000001", "published": "2024-01-01T00:00:00Z", "eventType": "x",
        "outcome": {"result": "SUCCESS"}, "actor": {"alternateId": "a@ex.com"}}  # fmt: skip
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (k + 1, b"&l%d;" % k * 10) for k in range(9))
RECORDS = {
    "deep": deep(b'{"a":', b"}"),
    "deep in a record": b'{"uuid":"x","published":1,"eventType":' + deep(b"[", b"]") + b"}",
    "deep text": b'{"message":"' + b'{\\"message\\":' * 9000 + b'"}',
    "list of nothing": b'{"records":[' + b",".join([b'{"a":1}'] * 60_000) + b"]}",
    "lists in a list": b'{"records":[' + b",".join([b'{"records":[{"a":1}]}'] * 20_000) + b"]}",
    "empty objects": b'{"data":{"events":[' + b",".join([b"{}"] * 170_000) + b"]}}",
    "no end": b'{"records":' * 300_000,
    "open quote": b'a,b,c\n1,2,"' + b"x" * (8 << 20),
    "many columns": b",".join(b"c%d" % k for k in range(100_000)) + b"\n1,2,3\n",
    "open XML": b"<Events><Event>" * 200_000,
    "entities": b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]>\n<Event><System>&l9;</System></Event>\n",
    "syslog in syslog": b"<13>Jan  1 00:00:00 h " * 40_000,
}


@pytest.fixture(scope="module")
def small_records(tmp_path_factory):
    """A log of records whose reading makes everything ready."""
    path = tmp_path_factory.mktemp("small") / "small.jsonl"
    path.write_text((json.dumps(OKTA) + "\n") * 3000)
    return path


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_records_made_to_hurt(tmp_path, small_records, name):
    """Whatever the form, at the same price."""
    path = tmp_path / "log"
    path.write_bytes(RECORDS[name])
    found = cost(small_records, path, "records")
    check(found)
    assert 0 == found["accepted"]


def test_a_record_of_a_gigabyte_and_a_bomb(tmp_path, small_records):
    """One line without an end, plain or packed."""
    path = tmp_path / "log"
    path.write_bytes(b'{"uuid":"')
    os.truncate(path, GB)
    check(cost(small_records, path, "records"))
    path.write_bytes(bomb(zlib.compressobj(9, zlib.DEFLATED, 31)))
    check(cost(small_records, path, "records"))


def test_hostile_values_in_every_field_of_a_record(tmp_path, small_records):
    """Each is read or refused; nothing else happens."""
    rows = [
        {**OKTA, "uuid": str(k), name: value.decode("utf-8", "backslashreplace")}
        for name in OKTA
        for k, value in enumerate(HOSTILE)
    ]
    path = tmp_path / "log"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = cost(small_records, path, "records")
    check(found)
    assert len(rows) == found["records"]
