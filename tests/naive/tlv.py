"""Type-length-value fields, as sensor.model.metadata describes them."""


def put_bytes(field, value):
    """One field."""
    return bytes([field]) + len(value).to_bytes(2, "little") + value


def put_number(field, value, width):
    """An integer, little endian."""
    return put_bytes(field, value.to_bytes(width, "little"))


def put_decimal(value, separator):
    """Digits and a separator."""
    return str(value).encode() + bytes([separator])


def put_hex(value, separator):
    """Four hexadecimal digits and a separator."""
    return f"{value:04x}".encode() + bytes([separator])


def put_text(field, value, most):
    """A text without blanks at its ends, cut; nothing where it is empty."""
    value = value.lstrip(b" \t").rstrip(b" \t\r")[:most]
    return put_bytes(field, value) if value else b""


def find_byte(data, wanted):
    """The first position of a byte, or the length."""
    return data.find(wanted) if wanted in data else len(data)


def find_field(blob, field):
    """(start, length) of the first value of a field, or (0, 0)."""
    at = 0
    while at + 3 <= len(blob):
        size = int.from_bytes(blob[at + 1 : at + 3], "little")
        if blob[at] == field and at + 3 + size <= len(blob):
            return at + 3, size
        at += 3 + size
    return 0, 0
