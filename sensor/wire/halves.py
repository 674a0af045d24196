r"""Halves of characters in JSON: `\ud83d` without its other half, as where a product cut a text in the middle of one.

It is valid by JSON's grammar (RFC 8259 §8.2) and no text that can be kept; parsers refuse the whole document for it. A
record must not be lost for such a name, nor a page of an API asked for again and again. Shown as its escape, as text.
"""

import re

_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = rb"u[dD][89a-fA-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%s|(%s)|.)" % (_PAIR, _HALF), re.DOTALL)


def mended(document: bytes | str) -> bytes | None:
    r"""Return JSON with each lone half as the six characters of its escape; None where there is none.

    Args:
        document: JSON; text with halves of its own (not escaped) has none of these.
    """
    text = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if b"\\u" not in text:
        return None
    found = _ESCAPE.sub(lambda one: b"\\\\" + one[1] if one[1] is not None else one[0], text)
    return None if found == text else found
