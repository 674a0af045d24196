"""One line of a Zeek JSON log as a record, out of whatever envelope a shipper put it in.

Zeek writes `{"ts":1588205198.9,"id.orig_h":…}` and leaves unset columns out. Shippers add `@timestamp`, `_path`
(json-streaming-logs), `@stream`, `@system`; put the record as text into `message` (Beats, Fluentd), `event.original`
(Elastic) or `_raw` (Splunk); or under its log's name ({"conn":{…}}, zeek-kafka's tag_json). Stores that know no dots in
names write `id_orig_h` or `{"id":{"orig_h":…}}`. All of these are one record here, under Zeek's column names.
Fractional numbers stay text, for their digits to be exact.
"""

import re
from collections.abc import Callable

import msgspec

from sensor.errors import Malformed
from sensor.wire.halves import mended
from sensor.wire.zeek_kinds import kind_of

ENVELOPES_MAX = 3
"""How deep a record may be wrapped."""
PATH_KEYS = ("_path", "@stream")
_CARRIERS = (("", "message"), ("", "_raw"), ("", "event.original"), ("event", "original"), ("result", "_raw"))
"""Where the text of a record may lie: the key, and what it lies in."""
_ID_PARTS = ("orig_h", "orig_p", "resp_h", "resp_p")
_BARE = frozenset({"ts", "uid", "id", *(f"id{mark}{part}" for part in _ID_PARTS for mark in "._")})
_SURROGATE = re.compile("[\udc80-\udcff]")
_DECODER = msgspec.json.Decoder(float_hook=str)


class JsonRecord(msgspec.Struct, frozen=True):
    """A record and the kind of log it belongs to; None for a log that is not read."""

    kind: str | None
    path: str
    get: Callable[[str], object]
    is_bare: bool = False
    """It holds nothing but which connection it is about: only the records around it tell which log this is."""
    tsv: bytes | None = None
    """The TSV line that an envelope held instead of JSON."""


def read(line: bytes) -> JsonRecord:
    """Take a line apart.

    Raises:
        Malformed: `not_a_record` where it is no JSON object with a time in it.
    """
    record, path = decode(line), ""
    for _ in range(ENVELOPES_MAX):
        path = next((name for name in map(record.get, PATH_KEYS) if isinstance(name, str)), path)
        if "ts" in record:
            break
        inner = _carried(record)
        if isinstance(inner, str) and inner.lstrip()[:1] == "{":
            record = {**_stamp(record), **decode(inner.encode("utf-8", "surrogatepass"))}
        elif isinstance(inner, str) and "\t" in inner:
            return JsonRecord(None, path, record.get, tsv=inner.rstrip("\r\n").encode("utf-8", "surrogatepass"))
        else:
            names = [name for name in record if name != "@timestamp"]
            inner = record[names[0]] if len(names) == 1 else None
            if not isinstance(inner, dict) or "ts" not in inner:
                break
            path, record = names[0], {**_stamp(record), **inner}
    if "ts" not in record and "@timestamp" not in record:
        raise Malformed("not_a_record")
    return _named(record, path)


def _carried(record: dict[str, object]) -> object:
    """Return the text of the record as Zeek wrote it, where a shipper or a search's export carries it so."""
    for outer, key in _CARRIERS:
        within = record.get(outer) if outer else record
        found = within.get(key) if isinstance(within, dict) else None
        if isinstance(found, str):
            return found
    return None


def decode(line: bytes) -> dict[str, object]:
    r"""Parse a JSON object. Bytes that are not UTF-8 become text that shows them as `\xNN`."""
    try:
        value = _DECODER.decode(line)
    except UnicodeDecodeError:
        shown = _SURROGATE.sub(
            lambda byte: f"\\\\x{ord(byte[0]) - 0xDC00:02x}", line.decode("utf-8", "surrogateescape")
        )
        return decode(shown.encode())
    except (msgspec.DecodeError, RecursionError):
        whole = mended(line)
        if whole is not None:
            return decode(whole)
        raise Malformed("not_a_record") from None
    if not isinstance(value, dict):
        raise Malformed("not_a_record")
    return value


def _stamp(envelope: dict[str, object]) -> dict[str, object]:
    return {"@timestamp": envelope["@timestamp"]} if "@timestamp" in envelope else {}


def _named(record: dict[str, object], path: str) -> JsonRecord:
    """Put a record under Zeek's column names."""
    nested = record.get("id")
    for part in _ID_PARTS:
        if f"id.{part}" not in record:
            if f"id_{part}" in record:
                record[f"id.{part}"] = record[f"id_{part}"]
            elif isinstance(nested, dict) and part in nested:
                record[f"id.{part}"] = nested[part]
    if record.get("ts") is None:
        record["ts"] = record.get("@timestamp")

    def get(column: str) -> object:
        value = record.get(column)
        if isinstance(value, str):
            return None if value == "-" else "" if value == "(empty)" else value
        return value

    return JsonRecord(kind_of(path, frozenset(record)), path, get, is_bare=not path and _BARE.issuperset(record))
