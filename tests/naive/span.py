"""Bytes of a message as the specifications read them: in order, with what is missing told from what is damaged."""


class Missing(Exception):  # noqa: N818 - a finding, not a fault
    """The bytes were on the wire and not captured."""


class Damaged(Exception):  # noqa: N818 - a finding, not a fault
    """The bytes cannot be this protocol."""


class Later(Exception):  # noqa: N818 - a finding, not a fault
    """The bytes lie in a later segment."""


class Span:
    """A run of bytes that ends at `end` on the wire, of which data[:len(data)] was captured."""

    def __init__(self, data, end, at=0):
        self.data = data
        self.end = end
        self.at = at

    def take(self, count):
        """Read `count` bytes on."""
        if self.at + count > self.end:
            raise Damaged
        if self.at + count > len(self.data):
            raise Missing
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count):
        """Read a big-endian number."""
        return int.from_bytes(self.take(count), "big")

    def inner(self, count):
        """Step over `count` bytes, which may be missing, and return them as a span of their own."""
        if self.at + count > self.end:
            raise Damaged
        self.at += count
        return Span(self.data, self.at, self.at - count)

    @property
    def left(self):
        """Bytes still to come on the wire."""
        return self.end - self.at


def put(fields, field, value):
    """Add a value to a message's fields."""
    fields.setdefault(field, []).append(bytes(value))


def little(value, width):
    """Return a number as the fields hold it."""
    return value.to_bytes(width, "little")
