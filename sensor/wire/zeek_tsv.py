"""One line of a Zeek TSV log as a record: columns looked up by name, unset fields None, escapes decoded."""

from collections.abc import Callable

from sensor.errors import Malformed
from sensor.wire.zeek_header import Schema, unescape

VECTORS = frozenset(
    {"answers", "TTLs", "uids", "msg_types", "resp_mime_types", "rcptto", "san.dns", "tx_hosts", "rx_hosts",
     "conn_uids", "opcodes", "objects", "arguments", "results", "base_objects"}
)  # fmt: skip
"""Columns that are sets or vectors in every version of Zeek that has them, where no `#types` line says so."""
_SEVERAL = ("set[", "vector[", "table[")
"""How the types of such columns begin; `table` is what logs of 2010 have."""


class TsvReader:
    """Reads the lines that follow one header."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._places = {name: place + schema.lead for place, name in enumerate(schema.fields)}
        self._n_fields = schema.lead + len(schema.fields)
        typed = zip(schema.fields, schema.types, strict=False)
        self._vectors = frozenset(name for name, kind in typed if kind.startswith(_SEVERAL)) | VECTORS

    def record(self, line: bytes) -> Callable[[str], object]:
        """Return what looks up a column of one line (without its line end).

        Raises:
            Malformed: `column_count` where the line has more or fewer fields than the header.
        """
        schema, places, vectors = self.schema, self._places, self._vectors
        fields = line.split(schema.separator)
        if len(fields) != self._n_fields:
            raise Malformed("column_count")

        unset, empty = schema.unset, schema.empty

        def get(column: str) -> object:
            place = places.get(column)
            if place is None:
                return None
            field = fields[place]
            if field == unset:
                return None
            if column in vectors:
                members = [] if field == empty else field.split(schema.set_separator)
                return [None if item == unset else _decode(item) for item in members]
            return "" if field == empty else _decode(field)

        return get

    def last_field(self, line: bytes) -> tuple[str, bool]:
        """Name the last column, and say whether its field is a marker, which cannot be a longer value cut short."""
        return self.schema.fields[-1], line.rpartition(self.schema.separator)[2] in {
            self.schema.unset,
            self.schema.empty,
        }


def _decode(field: bytes) -> str:
    if b"\\" in field:
        field = unescape(field)
    return field.decode("utf-8", "backslashreplace")
