"""Take a record out of what shippers, stores and APIs put around it.

A record may come as text in another's `message`, `event.original` or `_raw` (Beats, Elastic, Splunk, syslog), as an
object in `_source`, `result`, `event`, `json` or `payload` (Elasticsearch, Splunk's export and HTTP collector), or in a
list under `records`, `value`, `items`, `events` … (Event Hub, Graph, vendors' APIs). Which of these is the record only
the sources can tell, so all of them are offered: what was wrapped as text first, then the record as it is, then what it
contains.
"""

import re
from collections.abc import Iterator

import msgspec

from sensor.errors import Malformed
from sensor.wire import syslog
from sensor.wire.halves import mended

TEXTS = ("message", "_raw", "log", "msg", "body", "@message", "Message", "raw", "logevent")
OBJECTS = (
    "_source",
    "hits",
    "result",
    "event",
    "json",
    "payload",
    "body",
    "record",
    "data",
    "jsonPayload",
    "protoPayload",
)
LISTS = ("records", "value", "items", "events", "hits", "data", "results", "logs", "entries", "activities", "Records")
Raw = dict[str, object]
_SURROGATE = re.compile("[\udc80-\udcff]")
_DECODER = msgspec.json.Decoder(Raw)


def decode(text: bytes | str) -> Raw:
    r"""Parse one JSON object; bytes that are not UTF-8 become text that shows them as `\xNN`.

    Raises:
        Malformed: `not_a_record`, or `too_deep` beyond the parser's own limit.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise Malformed("too_deep") from None
    except UnicodeDecodeError:
        shown = bytes(text).decode("utf-8", "surrogateescape") if isinstance(text, bytes) else ""
        return decode(_SURROGATE.sub(lambda byte: f"\\\\x{ord(byte[0]) - 0xDC00:02x}", shown))
    except (msgspec.DecodeError, UnicodeEncodeError):
        whole = mended(text)
        if whole is not None:
            return decode(whole)
        raise Malformed("not_a_record") from None


def from_line(line: bytes, near_ns: int | None = None) -> Raw:
    """Make a record of a line of text: `message`, and `syslog` where it begins with a syslog header.

    Args:
        line: The line, without its end.
        near_ns: A time close to when it was written, for syslog's times without a year.
    """
    found = syslog.parse(line, near_ns)
    if found is None:
        return {"message": line.decode("utf-8", "backslashreplace")}
    header, message = found
    return {"message": message.decode("utf-8", "backslashreplace"), "syslog": header}


def wrapped_text(record: Raw) -> Iterator[Raw]:
    """Give the record that is held as text, if one is."""
    nested = record.get("event")
    texts = [record.get(key) for key in TEXTS]
    texts += [record.get("event.original"), nested.get("original") if isinstance(nested, dict) else nested]
    for text in texts:
        if not isinstance(text, str) or not text:
            continue
        start = text.lstrip()
        if start[:1] == "{":
            inner = _inner(start)
            if inner is not None:
                yield inner
        elif start[:1] == "<" and "syslog" not in record:
            inner = from_line(start.encode("utf-8", "backslashreplace"))
            if "syslog" in inner:
                yield from wrapped_text(inner)
                yield inner
        elif "{" in start[:_PREFIX_CHARS] and "syslog" in record:
            inner = _inner(start[start.index("{") :])
            if inner is not None:
                yield inner


_PREFIX_CHARS = 64
"""A tag such as `CEF:` or `@cee:` may stand before the JSON of a syslog message."""


def contained(record: Raw) -> Iterator[Raw]:
    """Give the records that are held as objects, singly or in lists."""
    for key in OBJECTS:
        inner = record.get(key)
        if isinstance(inner, dict):
            yield inner
    for key in LISTS:
        inner = record.get(key)
        if isinstance(inner, list):
            yield from (one for one in inner if isinstance(one, dict))


def _inner(text: str) -> Raw | None:
    try:
        return decode(text)
    except Malformed:
        return None
