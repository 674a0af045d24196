"""Walk BER elements (ITU-T X.690 §8.1), as far as LDAP and MCS need them: definite lengths, tags of one or two bytes.

Indefinite lengths are refused: LDAP forbids them (RFC 4511 §5.1). An element whose end was not captured is handed out
with what is there of it, marked.
"""

from typing import NamedTuple

from sensor.errors import Malformed

WIDTH_MAX = 4
"""Bytes of a length: more would be an element of over 4 GB."""


class Element(NamedTuple):
    """One element: its tag as written, its value as far as it is there, and where the next begins."""

    tag: int
    value: bytes
    end: int
    whole: bool

    @property
    def number(self) -> int:
        """The value as a signed integer (X.690 §8.3); 0 where it is empty."""
        return int.from_bytes(self.value, "big", signed=True)


def element(data: bytes, at: int = 0) -> Element:
    """Read the element that begins at `at`.

    Raises:
        Malformed: There is none, or its length is indefinite or absurd.
    """
    if at + 2 > len(data):
        raise Malformed("cut")
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:  # the number follows (X.690 §8.1.2.4)
        tag = tag << 8 | data[at]
        at += 1
        if tag & 0x80 or at >= len(data):
            raise Malformed("bad_element")
    size = data[at]
    at += 1
    if size & 0x80:
        width = size & 0x7F
        if not 0 < width <= WIDTH_MAX:
            raise Malformed("bad_element")
        if at + width > len(data):
            raise Malformed("cut")
        size = int.from_bytes(data[at : at + width], "big")
        at += width
    value = data[at : at + size]
    return Element(tag, value, at + size, len(value) == size)


def elements(data: bytes, most: int) -> list[Element]:
    """Read up to `most` elements in a row, ending before what is damaged."""
    found: list[Element] = []
    at = 0
    while at < len(data) and len(found) < most:
        try:
            one = element(data, at)
        except Malformed:
            break
        found.append(one)
        at = one.end
    return found
