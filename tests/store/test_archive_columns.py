"""Columns of the archive."""

import subprocess
import sys

import numpy as np
import pyarrow as pa

from sensor.model.archive import TABLES
from sensor.store import archive_columns as columns
from tests.scenes import arp, flow


def plain(array):
    return array.to_pylist()


def test_what_is_absent_is_null_and_the_rest_by_its_name():
    """−1 bytes, no MAC, no VLAN, an empty service; codes and addresses as Zeek writes them."""
    row = flow("fe80::1", "198.51.100.7", state="RSTO", orig_mac=0x00AABBCCDD01, history="ShR")
    row["orig_bytes"], row["service"] = -1, b""
    made = columns.flow_columns(
        row, np.array([2], np.int32), np.array([-1], np.int32), np.array([True]), np.array([False]), np.array([True]),
        lambda device: f"dev-{device}", lambda number: f"input-{number}",
    )  # fmt: skip
    expected = {
        "orig_bytes": None, "service": None, "vlan": None, "tunnel": None, "resp_l2_addr": None, "resp_device": None,
        "orig_h": "fe80::1", "resp_h": "198.51.100.7", "conn_state": "RSTO", "orig_l2_addr": "00:aa:bb:cc:dd:01",
        "orig_device": "dev-2", "input": "input-0", "proto": "tcp", "history": "ShR", "why": "ended",
    }  # fmt: skip

    assert expected == {name: plain(made[name])[0] for name in expected}


def test_repeated_values_are_asked_for_once():
    """A device's id is asked for once a batch, however many rows it has."""
    asked = []
    made = columns.named(np.array([3, -1, 3, 3], np.int32), lambda one: asked.append(one) or "x")

    assert ([3], ["x", None, "x", "x"]) == (asked, plain(made))


def test_text_that_is_no_utf8_is_escaped():
    """Bytes of a log, and surrogates of a decoder."""
    assert ["ok", "\\xff", None] == plain(columns.ascii_text(np.array([b"ok", b"\xff", b""])))
    assert ["\\udcff", None, "a"] == plain(columns.texts(["\udcff", None, "a"]))


def test_json_keeps_what_is_there():
    """An empty mapping is null, as an event without detail has none."""
    assert ['{"a":[1]}', None] == plain(columns.as_json([{"a": [1]}, {}]))


def test_every_table_has_a_schema_and_a_shown_time():
    """Arrow types for each documented type."""
    for name, documented in TABLES.items():
        assert [*documented, columns.SHOWN_TS] == columns.schema(name).names


def test_arp_is_written_by_name():
    """MACs and IPv4 addresses as text."""
    made = columns.arp_columns(arp("10.0.0.5", "10.0.0.9"), np.array([0], np.int32), np.array([0], np.int32), str, str)
    one = [plain(made[name])[0] for name in ("sender_ip", "target_ip", "sender_mac", "target_mac", "op")]

    assert ["10.0.0.5", "10.0.0.9", "00:aa:bb:cc:dd:01", None, 1] == one


def test_an_empty_name_of_a_code_is_null():
    """As a flow in no tunnel."""
    made = columns.coded(np.array([0, 1], np.uint8), ("", "gre"))

    assert ([None, "gre"], True) == (plain(made), isinstance(made, pa.DictionaryArray))


def test_pandas_is_not_imported_for_a_replay():
    """pyarrow would import it where it is installed, for .4 s."""
    code = "import sys, sensor.store.archive_columns as c; c.texts(['a', None]); sys.exit('pandas' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
