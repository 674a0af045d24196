"""Zeek's JSON log lines, written by hand: connections, names looked up, and what is said in them."""

import json
from pathlib import Path
from typing import Any

from packed import write_packed

Row = dict[str, Any]
_CONN = {
    "proto": "tcp", "duration": 0.5, "orig_bytes": 400, "resp_bytes": 1500, "conn_state": "SF", "history": "ShADadFf",
    "missed_bytes": 0, "orig_pkts": 6, "orig_ip_bytes": 720, "resp_pkts": 6, "resp_ip_bytes": 1900,
}  # fmt: skip


def uid(ts: float, orig: str, resp: str, more: object = "") -> str:
    """Return a uid that says which connection it is."""
    return "C" + f"{abs(hash_of(f'{ts:.3f}{orig}{resp}{more}')):017d}"[:17]


def hash_of(text: str) -> int:
    """Return a number that stands for a text, the same on every machine."""
    number = 0xCBF29CE484222325
    for octet in text.encode():
        number = (number ^ octet) * 0x100000001B3 & (1 << 64) - 1
    return number


def conn(ts: float, orig: str, resp: str, port: int, **fields: Any) -> Row:  # noqa: ANN401 - columns of any type
    """Write one connection; MACs by address, so that devices are who they are."""
    row = {"_path": "conn", **_head(ts, orig, resp, port), **_CONN}
    for name, address in (("orig_l2_addr", orig), ("resp_l2_addr", resp)):
        if address.startswith("10."):
            a, b, c, d = (int(part) for part in address.split("."))
            row[name] = f"54:e1:{a:02x}:{b:02x}:{c:02x}:{d:02x}"
    return {**row, **fields}


def message(path: str, ts: float, orig: str, resp: str, port: int, **fields: Any) -> Row:  # noqa: ANN401
    """Write one line of another log about such a connection."""
    return {"_path": path, **_head(ts, orig, resp, port), **fields}


def resolved(ts: float, orig: str, name: str, address: str) -> Row:
    """Write a name that was looked up, with its answer."""
    return message(
        "dns", ts, orig, "10.70.0.2", 53, proto="udp", query=name, qtype=1, qtype_name="A", rcode=0,
        rcode_name="NOERROR", answers=[address], TTLs=[300.0], rejected=False,
    )  # fmt: skip


def _head(ts: float, orig: str, resp: str, port: int) -> Row:
    return {
        "ts": round(ts, 6), "uid": uid(ts, orig, resp, port), "id.orig_h": orig,
        "id.orig_p": 40000 + hash_of(f"{ts}{orig}") % 20000, "id.resp_h": resp, "id.resp_p": port,
    }  # fmt: skip


def write(path: Path, rows: list[Row]) -> None:
    """Write lines in order of time, packed; the same rows give the same bytes."""
    ordered = sorted(rows, key=lambda row: row.get("ts", 0.0))  # what has another time is in order
    write_packed(path, "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in ordered).encode())
