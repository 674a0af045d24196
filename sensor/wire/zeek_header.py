"""The header of a Zeek TSV log: which columns its lines hold, in which order, and how fields are written.

Follows Zeek's ASCII writer (https://docs.zeek.org/en/master/log-formats.html): `#separator` first, its value escaped;
the other directives parted by that separator. Several headers may follow each other in one file (concatenated logs);
`#open`, `#close` and any other `#` line say nothing about columns and are passed over.

The kind of log is what `#path` says, else what the columns show; a file's name says nothing.
"""

import re

import msgspec

from sensor.errors import Malformed
from sensor.wire.zeek_kinds import kind_of

COLUMNS_MAX = 512
"""Zeek's widest stock log has 60 columns; a header this wide is damage."""
DIRECTIVES_MAX_BYTES = 65_536
"""As text; Zeek's widest header has 3 KB."""
_DIRECTIVES = frozenset({b"separator", b"set_separator", b"empty_field", b"unset_field", b"path", b"fields", b"types"})

_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})|\\\\")
_NAME = re.compile(rb"#([a-z_]+)")


def unescape(field: bytes) -> bytes:
    r"""Decode `\xNN` and `\\`, which is how Zeek's writer escapes bytes, separators and the backslash itself."""
    if b"\\" not in field:
        return field
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]) if match[1] else b"\\", field)


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """How to read the lines that follow a header."""

    fields: tuple[str, ...]
    types: tuple[str, ...] = ()
    """Zeek's type of each column (time, addr, set[string] …); empty where the header does not say."""
    path: str = ""
    separator: bytes = b"\t"
    set_separator: bytes = b","
    empty: bytes = b"(empty)"
    unset: bytes = b"-"
    lead: int = 0
    """Columns before the first of `fields` in each line, which a shipper put there."""

    @property
    def kind(self) -> str | None:
        """The kind of log, None for one that is not read."""
        return kind_of(self.path, frozenset(self.fields))


def directives(before: bytes, line: bytes) -> bytes:
    """Add a `#` line to the header in force, as text; one that begins a header begins anew. Others say nothing."""
    name = _NAME.match(line)
    if name is None or name[1] not in _DIRECTIVES:
        return before
    if name[1] == b"separator" or len(before) + len(line) > DIRECTIVES_MAX_BYTES:
        before = b""
    return before + line + b"\n"


class Header:
    """Collects directives; `schema` is what the lines after the last `#fields` follow, None before the first."""

    def __init__(self, schema: Schema | None = None) -> None:
        self.schema = schema
        self._markers = {"separator": b"\t", "set_separator": b",", "empty_field": b"(empty)", "unset_field": b"-"}
        self._path = ""

    def take(self, line: bytes) -> None:
        """Take in one `#` line, without its line end.

        Raises:
            Malformed: The line names columns that cannot be used; the lines after it cannot be read.
        """
        name = _NAME.match(line)
        if name is None:
            return
        word, rest = name[1].decode("ascii"), line[name.end() :]
        if word == "separator":
            self.__init__()  # type: ignore[misc]  # a new header begins: nothing of the last one holds
            self._markers["separator"] = unescape(rest[1:]) or b"\t"
            return
        separator = self._markers["separator"]
        values = rest.removeprefix(separator).split(separator) if rest.startswith(separator) else rest.split()
        if word == "path":
            self._path = values[0].decode("utf-8", "backslashreplace") if values else ""
        elif word in self._markers and values:
            self._markers[word] = unescape(values[0])
        elif word == "fields":
            self._columns(values)
        elif word == "types" and self.schema is not None and len(values) == len(self.schema.fields):
            types = tuple(value.decode("utf-8", "backslashreplace") for value in values)
            self.schema = msgspec.structs.replace(self.schema, types=types)

    def _columns(self, values: list[bytes]) -> None:
        names = tuple(value.decode("utf-8", "backslashreplace") for value in values)
        self.schema = None
        if not names or len(names) > COLUMNS_MAX or len(set(names)) < len(names):
            raise Malformed(f"a header of {len(names)} columns, some of them twice or too many, cannot be used")
        self.schema = Schema(
            fields=names,
            path=self._path,
            separator=self._markers["separator"],
            set_separator=self._markers["set_separator"],
            empty=self._markers["empty_field"],
            unset=self._markers["unset_field"],
        )
