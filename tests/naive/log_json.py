"""JSON conn records, read with the standard library's parser; the values by the twin of the TSV reader."""

import json

from tests.naive.log_tsv import Refused, flow

KNOWN = {"uid", "history", "service"}


def read_json(lines):
    """Return a dict for each line that is a conn record, None for any other."""
    return [record(line) for line in lines if line not in {"", "\r"}]


def record(line):
    """Return the FLOW columns of one line, or None."""
    try:
        found = json.loads(line, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    for part in ("orig_h", "orig_p", "resp_h", "resp_p"):
        if f"id.{part}" not in found and f"id_{part}" in found:
            found[f"id.{part}"] = found[f"id_{part}"]
    path = found.get("@stream", found.get("_path")) if "_path" not in found else found["_path"]
    if isinstance(path, str):
        if path != "conn":
            return None
    elif not {"id.orig_h", "id.resp_h", "proto", "conn_state"} <= set(found):
        return None
    try:
        return flow({name: text(name, value) for name, value in found.items() if name.isascii()})
    except (Refused, ValueError):
        return None


def _refuse(constant):
    raise ValueError(constant)


def text(name, value):
    """Return a JSON value as the text that a TSV field would hold; None for unset."""
    if value is None or value == "-":
        return None
    if isinstance(value, bool):
        return str(value).lower() if name in {"local_orig", "local_resp"} else "no value"
    if isinstance(value, (list, dict)):
        return "no value"
    return "" if value == "(empty)" and name in KNOWN else str(value)
