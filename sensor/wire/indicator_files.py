"""Lists of indicators: CSV with a header (MISP's among them), STIX 2 bundles, or one value a line.

Of STIX, indicators whose pattern says "one of these values" are read: comparisons by `=` and `IN` joined by `OR`. A
pattern that needs two things at once, or in order, is refused: half of it would be another one. Sources: OASIS STIX
2.1, sections 9 (patterning) and 4.7 (indicator); MISP's attribute types; abuse.ch's exports (a header in a comment).

Every entry is accounted for: an indicator, a duplicate, or refused for one reason: `empty_value`, `unknown_kind`,
`bad_address`, `bad_domain`, `bad_hash`, `bad_url`, `encrypted_url` (its path cannot be seen), `bad_time`,
`unsupported_pattern`, `unsupported_object`, `not_an_indicator`, `revoked`, `too_many`.
"""

import csv
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sensor.errors import Malformed
from sensor.model.indicator import Indicator, IndicatorList
from sensor.wire.event_times import read_time

BYTES_MAX = 1 << 28
"""Of a file: lists of a million entries are about 100 MB."""
INDICATORS_MAX = 1 << 20
"""Used of a file; more are counted as `too_many`."""
_VALUE_COLUMNS = (
    *("value", "indicator", "ioc", "ioc_value", "observable", "address", "ip", "dst_ip", "domain", "url", "hash"),
    *("sha256_hash", "sha256", "md5"),
)
_KIND_COLUMNS = ("type", "kind", "indicator_type", "ioc_type")
_ABOUT_COLUMNS = ("about", "description", "comment", "name", "threat", "malware", "tags", "malware_printable")
_CONFIDENCE_COLUMNS = ("confidence", "confidence_level", "score")
_SINCE_COLUMNS, _UNTIL_COLUMNS = ("valid_from",), ("valid_until", "expires", "expiration")
_KINDS = {
    "address": "address", "ip": "address", "ip-dst": "address", "ip-src": "address", "ipv4": "address",
    "ipv6": "address", "ipv4-addr": "address", "ipv6-addr": "address", "ip-dst|port": "address",
    "ip-src|port": "address", "ip:port": "address", "network": "network", "cidr": "network", "domain": "domain",
    "hostname": "domain", "domain-name": "domain", "fqdn": "domain", "hostname|port": "domain", "url": "url",
    "uri": "url", "link": "url", "fingerprint": "fingerprint", "ja3": "fingerprint", "ja4": "fingerprint",
    "ja3-fingerprint-md5": "fingerprint", "ja4-plus": "fingerprint", "hash": "hash", "md5": "hash", "sha1": "hash",
    "sha256": "hash", "md5_hash": "hash", "sha1_hash": "hash", "sha256_hash": "hash", "sender": "sender",
    "email": "sender", "email-src": "sender", "email-addr": "sender",
}  # fmt: skip
"""What lists call a kind → the kind."""
_OBJECTS = (
    (re.compile(r"ipv[46]-addr:value"), "address"),
    (re.compile(r"network-traffic:(?:dst|src)_ref\.value"), "address"),
    (re.compile(r"domain-name:value"), "domain"),
    (re.compile(r"url:value"), "url"),
    (re.compile(r"file:hashes\.'?(?:MD5|SHA-?1|SHA-?256)'?", re.IGNORECASE), "hash"),
    (re.compile(r"email-(?:addr:value|message:(?:sender|from)_ref\.value)"), "sender"),
)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<path>[a-z0-9-]+:[A-Za-z0-9_'.\-]+)|(?P<sign>!=|[\[\](),=])|(?P<word>[A-Z]+))"
)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\Z")
_JA4 = re.compile(r"[tqd]\d\d[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_MAIL = re.compile(r"[^\s@<>]{1,64}@([^\s@<>]{1,255})\Z")

Entry = Mapping[str, str]


def read_indicators(path: Path) -> IndicatorList:
    """Read a list of indicators.

    Raises:
        Malformed: It cannot be read as any of the forms; the message names the file and the row.
        OSError: It cannot be opened.
    """
    if path.stat().st_size > BYTES_MAX:
        raise Malformed(f"{path}: larger than {BYTES_MAX >> 20} MiB")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"{path}: not UTF-8 at byte {error.start}") from error
    entries = _stix(path, text) if text.lstrip()[:1] in {"{", "["} else _table(path, text)
    found: dict[tuple[str, str], Indicator] = {}
    refused: dict[str, int] = {}
    count = duplicates = 0
    for row, entry in entries:
        count += 1
        try:
            one = entry if isinstance(entry, Indicator) else _indicator(entry)
            if (one.kind, one.value) in found:
                duplicates += 1
            elif len(found) >= INDICATORS_MAX:
                raise Malformed("too_many")
            else:
                found[one.kind, one.value] = msgspec.structs.replace(one, origin=f"{path.name}, row {row}")
        except Malformed as error:
            refused[str(error)] = refused.get(str(error), 0) + 1
    return IndicatorList(
        path=str(path), entries=count, indicators=tuple(found.values()), duplicates=duplicates, refused=refused
    )


def folded(kind: str, value: str) -> tuple[str, str]:
    """Return kind and value as records have them; an address with a length is a network.

    Raises:
        Malformed: It is no such thing: the reason.
    """
    text = value.strip().replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("[@]", "@")
    if not text:
        raise Malformed("empty_value")
    if kind in {"address", "network"}:
        return _network(text)
    if kind == "domain":
        return kind, _domain(text)
    if kind == "url":
        return _url(text)
    if kind == "hash":
        if not _HASH.match(text.lower()):
            raise Malformed("bad_hash")
        return kind, text.lower()
    if kind == "fingerprint":
        if not (_JA4.match(text) or re.fullmatch(r"[0-9a-f]{32}", text.lower())):
            raise Malformed("bad_hash")
        return kind, text.lower()
    mail = _MAIL.match(text.lower())
    if mail is None:
        raise Malformed("bad_domain")
    _domain(mail[1])
    return kind, text.lower()


def kind_of(value: str) -> str:
    """Guess the kind of a value that is not said."""
    text = value.strip().replace("[.]", ".").replace("[:]", ":")
    if re.match(r"(?i)(?:https?|hxxps?|ftp)://", text):
        return "url"
    if _HASH.match(text.lower()):
        return "hash"
    if _JA4.match(text):
        return "fingerprint"
    if "@" in text:
        return "sender"
    return "address" if re.fullmatch(r"[0-9.:/a-fA-F]+", text) and re.search(r"[:/]|\d\.\d", text) else "domain"


def values(pattern: str) -> list[tuple[str, str]]:
    """Return (kind, value) of each value that a STIX pattern names; any one of them fulfils it.

    Raises:
        Malformed: `unsupported_pattern`, `unsupported_object`.
    """
    found: list[tuple[str, str]] = []
    at = 0
    tokens: list[tuple[str, str]] = []
    while at < len(pattern.rstrip()):
        match = _TOKEN.match(pattern, at)
        if match is None or match.lastgroup is None:
            raise Malformed("unsupported_pattern")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        if kind == "path":
            place, compared = _comparison(tokens, place + 1)
            found += [(_object(text), value) for value in compared]
        elif text in {"[", "]", "(", ")", "OR"}:
            place += 1
        else:
            raise Malformed("unsupported_pattern")
    if not found:
        raise Malformed("unsupported_pattern")
    return found


def _comparison(tokens: Sequence[tuple[str, str]], at: int) -> tuple[int, list[str]]:
    """Read `= 'x'` or `IN ('x', 'y')`; return where it ends, and its values."""
    sign = tokens[at][1] if at < len(tokens) else ""
    if sign in {"=", "ISSUBSET"} and at + 1 < len(tokens) and tokens[at + 1][0] == "text":
        return at + 2, [_unquoted(tokens[at + 1][1])]
    if sign == "IN" and at + 1 < len(tokens) and tokens[at + 1][1] == "(":
        end = next((i for i in range(at, len(tokens)) if tokens[i][1] == ")"), len(tokens))
        return end + 1, [_unquoted(text) for kind, text in tokens[at:end] if kind == "text"]
    raise Malformed("unsupported_pattern")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _object(path: str) -> str:
    for form, kind in _OBJECTS:
        if form.fullmatch(path):
            return kind
    raise Malformed("unsupported_object")


def _stix(path: Path, text: str) -> Iterator[tuple[int, Entry | Indicator]]:
    """Give every value of every indicator object; objects of other types are no entries."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"{path}: no JSON: {error}") from error
    objects = document.get("objects", [document]) if isinstance(document, dict) else document
    if not isinstance(objects, list):
        raise Malformed(f"{path}: `objects` is no list")
    for row, one in enumerate(objects):
        if isinstance(one, str):
            yield row, {"value": one}
            continue
        if not isinstance(one, dict) or (one.get("type") != "indicator" and "pattern" not in one):
            if not isinstance(one, dict) or "spec_version" not in one:
                yield row, {"value": "", "type": "not_an_indicator"}
            continue
        told = {key: str(one[key]) for key in ("name", "confidence", "valid_from", "valid_until") if key in one}
        if one.get("revoked") is True:
            yield row, {"value": "", "type": "revoked"}
            continue
        try:
            if one.get("pattern_type", "stix") != "stix":
                raise Malformed("unsupported_pattern")
            compared = values(str(one.get("pattern", "")))
        except Malformed as error:
            yield row, {"value": "", "type": str(error)}
            continue
        for kind, value in compared:
            yield row, {**told, "type": kind, "value": value}


def _table(path: Path, text: str) -> Iterator[tuple[int, Entry]]:
    """Give the rows of a CSV. A header may stand in the last comment above; without one the first cell is the value."""
    lines = list(enumerate(text.splitlines()))
    data = [(row, line) for row, line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not data:
        return
    first, line = data[0]
    mark = next((mark for mark in "\t;," if mark in line), "\t")
    above = [told for row, told in lines if row < first and told.startswith("#") and mark in told]
    header = _header(above[-1].lstrip("# ") if above else "", mark)
    if not header:
        header = _header(line, mark)
        data = data[1:] if header else data
    csv.field_size_limit(1 << 20)
    try:
        for row, line in data:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True))]
            yield row, dict(zip(header or ("value", "about"), cells, strict=False))
    except csv.Error as error:
        raise Malformed(f"{path}, row {row}: no CSV: {error}") from error


def _header(line: str, mark: str) -> list[str]:
    """Return the names of columns, where one of them is that of values."""
    names = [name.strip().strip('"').lower() for name in line.split(mark)]
    return names if any(name in _VALUE_COLUMNS for name in names) else []


def _indicator(entry: Entry) -> Indicator:
    value = _first(entry, _VALUE_COLUMNS)
    told = _first(entry, _KIND_COLUMNS).lower()
    if not value and told in {"not_an_indicator", "revoked", "unsupported_pattern", "unsupported_object"}:
        raise Malformed(told)
    if not value:
        raise Malformed("empty_value")
    kind = _KINDS.get(told, "") if told else kind_of(value)
    if not kind:
        raise Malformed("unknown_kind")
    if "|" in told or told == "ip:port":
        value = value.split("|")[0] if "|" in value else value.rpartition(":")[0]
    kind, value = folded(kind, value)
    return Indicator(
        kind=kind, value=value, about=_first(entry, _ABOUT_COLUMNS)[:200],
        confidence=_confidence(_first(entry, _CONFIDENCE_COLUMNS)), since_ns=_time(_first(entry, _SINCE_COLUMNS)),
        until_ns=_time(_first(entry, _UNTIL_COLUMNS)),
    )  # fmt: skip


def _first(entry: Entry, names: Sequence[str]) -> str:
    return next((entry[name] for name in names if entry.get(name)), "")


def _confidence(text: str) -> float | None:
    try:
        return min(100.0, max(0.0, float(text)))
    except ValueError:
        return None


def _time(text: str) -> int | None:
    return read_time(text) if text else None


def _network(text: str) -> tuple[str, str]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Malformed("bad_address") from None
    if network.prefixlen == network.max_prefixlen:
        return "address", str(network.network_address)
    return "network", str(network)


def _domain(text: str) -> str:
    name = text.lower().removeprefix("*.").rstrip(".")
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        raise Malformed("bad_domain") from None
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        raise Malformed("bad_domain")
    return name


def _url(text: str) -> tuple[str, str]:
    """Return host and path of a URL that travels in the clear; of an encrypted one without a path its host."""
    try:
        parts = urlsplit(re.sub(r"(?i)^hxxp", "http", text))
        host = parts.hostname
    except ValueError:
        raise Malformed("bad_url") from None
    if not host or parts.scheme not in {"http", "https"}:
        raise Malformed("bad_url")
    if parts.scheme == "http":
        return "url", host + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.path.strip("/") or parts.query:
        raise Malformed("encrypted_url")
    return _network(host) if kind_of(host) == "address" else ("domain", _domain(host))
