r"""One log record, asked by dotted path without regard to case, whatever its nesting.

`record.text("properties.status.errorCode")` finds the value in nested objects, in flattened keys (`"source.ip"`), and
in objects that a store turned into JSON text (Log Analytics' `Status`). What stands for nothing (``""``, `-`, the text
`null`) is absent. Every reader of events goes through this, so that the traps are handled once.
"""

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping

import msgspec

from sensor.errors import Malformed
from sensor.wire.event_times import read_time

ABSENT = frozenset({"", "-", "null", "(null)"})
"""Texts that mean no value; Okta really writes the text `null`."""
_ABSENT_CHARS = max(map(len, ABSENT))
_V4_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$")
_V6_PORT = re.compile(r"\[([0-9a-fA-F:.%\w]+)\](?::(\d{1,5}))?$")
_TRUE, _FALSE = frozenset({"true", "yes", "1", "t"}), frozenset({"false", "no", "0", "f"})


_V6_TAIL = re.compile(r"([0-9a-fA-F:]+)(?: port |[p#.])(\d{1,5})$")
_V6_WHOLE = re.compile(r"((?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}):(\d{1,5})$")
"""An IPv6 address and a port without brackets, in the forms of RFC 5952 §6 that can be told from an address alone."""


class Assumed:
    """Time that a record takes which has none of its own.

    Attributes:
        ns: The time.
        used: How often it was taken.
    """

    __slots__ = ("ns", "used")

    def __init__(self, ns: int) -> None:
        self.ns, self.used = ns, 0


class Fields:
    """One record.

    Attributes:
        raw: The parsed record.
        assumed: Time of a record that has none of its own; None: such a record is refused.
    """

    __slots__ = ("_lowered", "_parsed", "assumed", "raw")

    def __init__(self, raw: Mapping[str, object], assumed: Assumed | None = None) -> None:
        self.raw, self.assumed = raw, assumed
        self._lowered: dict[int, dict[str, object]] = {}
        self._parsed: dict[int, object] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return bool(self.raw)

    def value(self, *paths: str) -> object:
        """Return the first value that is there of these paths, None if none is."""
        for path in paths:
            found = self._find(self.raw, path)
            if found is not None and not (isinstance(found, str) and _is_absent(found)):
                return found
        return None

    def has(self, *paths: str) -> bool:
        """Tell whether every path is there, even if it is empty: for telling records apart."""
        return all(self._find(self.raw, path, _MISSING) is not _MISSING for path in paths)

    def text(self, *paths: str) -> str | None:
        """Return a value as text, stripped; numbers are written plainly, objects and lists as JSON."""
        found = self.value(*paths)
        if found is None or isinstance(found, str):
            return found.strip() if isinstance(found, str) else None
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, int | float):
            return str(found)
        return msgspec.json.encode(found).decode()

    def number(self, *paths: str) -> int | None:
        """Return a whole number, from a number or its text; None where it is no number, or none of 64 bits."""
        found = self.value(*paths)
        if isinstance(found, bool) or found is None:
            return None
        try:
            text = str(found)
            number = found if isinstance(found, int) else int(float(text)) if "." in text else int(text, 0)
        except (ValueError, OverflowError):
            return None
        return number if -(1 << 63) <= number < 1 << 64 else None

    def port(self, *paths: str) -> int | None:
        """Return a port, 1 to 65535; None for any other number."""
        number = self.number(*paths)
        return number if number is not None and 0 < number <= 0xFFFF else None

    def real(self, *paths: str) -> float | None:
        """Return a number, whole or not; None where it is none, or not finite."""
        found = self.value(*paths)
        try:
            number = math.nan if found is None or isinstance(found, bool) else float(str(found))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def flag(self, *paths: str) -> bool | None:
        """Return a truth value, from JSON's or its text."""
        found = self.value(*paths)
        if isinstance(found, bool):
            return found
        text = str(found).strip().lower()
        return True if text in _TRUE else False if text in _FALSE else None

    def time(self, *paths: str) -> int:
        """Return a time, ns; the assumed one where there is none. Raises Malformed: `missing_time`, `bad_time`."""
        found = self.value(*paths)
        if found is None and self.assumed is not None:
            self.assumed.used += 1
            return self.assumed.ns
        if found is None:
            raise Malformed("missing_time")
        return read_time(found)

    def address(self, *paths: str) -> tuple[str | None, int | None]:
        """Return an address in its usual form, and the port that stood with it; (None, None) where there is none."""
        return read_address(self.text(*paths))

    def part(self, *paths: str) -> "Fields":
        """Return an object inside as a record of its own; an empty one where there is none."""
        found = self._opened(self.value(*paths))
        return Fields(found if isinstance(found, Mapping) else {}, self.assumed)

    def each(self, *paths: str) -> list["Fields"]:
        """Return the objects of a list (or the one object) inside, each as a record."""
        return [Fields(one, self.assumed) for one in self._items(*paths) if isinstance(one, Mapping)]

    def texts(self, *paths: str) -> list[str]:
        """Return the texts of a list (or the one text) inside, absent ones left out."""
        found = (one if isinstance(one, str) else str(one) for one in self._items(*paths) if one is not None)
        return [text.strip() for text in found if not _is_absent(text)]

    def named(self, path: str, name: str = "Name", value: str = "Value") -> dict[str, object]:
        """Return a list of {name, value} objects as one dict by lower-case name; a missing value is None."""
        pairs = ((one.text(name), one.value(value)) for one in self.each(path))
        return {key.lower(): found for key, found in pairs if key}

    def _items(self, *paths: str) -> Iterator[object]:
        found = self._opened(self.value(*paths))
        if isinstance(found, list | tuple):
            yield from found
        elif found is not None:
            yield found

    def _find(self, node: object, path: str, default: object = None) -> object:
        """Walk a path; at each level the longest key that fits wins."""
        node = self._opened(node)
        if not isinstance(node, Mapping):
            return default
        if path in node:
            return node[path]
        lowered = self._lowered.get(id(node))
        if lowered is None:
            lowered = self._lowered[id(node)] = {str(key).lower(): value for key, value in node.items()}
        wanted = path.lower()
        if wanted in lowered:
            return lowered[wanted]
        cut = wanted.rfind(".")
        while cut > 0:
            if wanted[:cut] in lowered:
                found = self._find(lowered[wanted[:cut]], path[cut + 1 :], _MISSING)
                if found is not _MISSING:
                    return found
            cut = wanted.rfind(".", 0, cut)
        return default

    def _opened(self, node: object) -> object:
        """Parse an object or a list that was stored as text."""
        if not isinstance(node, str) or node.lstrip()[:1] not in {"{", "["}:
            return node
        if id(node) not in self._parsed:
            try:
                self._parsed[id(node)] = msgspec.json.decode(node)
            except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
                self._parsed[id(node)] = node
        return self._parsed[id(node)]


_MISSING = object()


def _is_absent(text: str) -> bool:
    """Tell whether a text stands for nothing; a long one is not copied for it, since a message may be asked often."""
    text = text.strip()
    return len(text) <= _ABSENT_CHARS and text.lower() in ABSENT


def read_address(text: str | None) -> tuple[str | None, int | None]:
    """Read `192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]:443`, `::ffff:192.0.2.1`, `fe80::1%eth0`.

    Returns:
        The address in its usual form and the port; (None, None) where there is no address.
    """
    if text is None:
        return None, None
    text = text.strip()
    port = None
    found = _V4_PORT.match(text) or _V6_PORT.match(text) or _V6_WHOLE.match(text) or _V6_TAIL.match(text)
    if found:
        text = found[1]
        port = int(found[2]) if found[2] else None
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None, None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address), port if port is not None and 0 <= port <= 65535 else None
