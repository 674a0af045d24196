r"""CEF and LEEF: a header between `|`, then `key=value` pairs, as many products write into syslog.

CEF: ArcSight Common Event Format, revision 26 (`CEF:0|vendor|product|version|class|name|severity|extension`); values
hold spaces, and a `=` of their own only as `\=`. LEEF: IBM QRadar Log Event Extended Format 1.0 and 2.0
(`LEEF:2.0|vendor|product|version|event id|delimiter|attributes`), tab-separated unless the header says otherwise.
"""

import re

_START = re.compile(r"(CEF|LEEF):\s?(\d(?:\.\d)?)\|")
_HEADER = re.compile(r"((?:[^|\\]|\\.){0,512})\|")
_KEY = re.compile(r"(?:^|(?<=\s))([\w.\[\]-]{1,128})=")
_ESCAPED = re.compile(r"\\([\\|=nr])")
PAIRS_MAX = 512
"""Pairs read of one record: firewalls write about 120."""
_HEADERS = {"CEF": ("vendor", "product", "version", "class_id", "name", "severity")}
_LEEF = ("vendor", "product", "version", "class_id")


def parse(text: str) -> dict[str, str] | None:
    """Read a CEF or LEEF record.

    Args:
        text: A message; words may stand before the header.

    Returns:
        The extension's pairs, and the header under `cef.vendor`, `cef.product`, `cef.version`, `cef.class_id`,
        `cef.name` and `cef.severity`; None where there is no such header.
    """
    start = _START.search(text)
    if start is None:
        return None
    names = _HEADERS.get(start[1], _LEEF)
    found: dict[str, str] = {}
    at = start.end()
    for name in names:
        part = _HEADER.match(text, at)
        if part is None:
            return None
        found[f"cef.{name}"] = _plain(part[1])
        at = part.end()
    if start[1] == "CEF":
        found.update(_pairs(text[at:]))
        return found
    delimiter = "\t"
    if start[2].startswith("2"):
        given = text[at : at + 8].partition("|")
        if given[1]:
            delimiter, at = _delimiter(given[0]), at + len(given[0]) + 1
    found.update(_split(text[at:], delimiter))
    return found


def _delimiter(given: str) -> str:
    """Read LEEF 2.0's delimiter: a character, or its code as x09 or 0x09."""
    code = given.lower().removeprefix("0")
    if code.startswith("x") and len(code) > 1:
        try:
            return chr(int(code[1:], 16))
        except (ValueError, OverflowError):
            return "\t"
    return given[:1] or "\t"


def _pairs(text: str) -> dict[str, str]:
    """Read `key=value` pairs between spaces: a value ends where the next key begins."""
    keys = list(_KEY.finditer(text))[:PAIRS_MAX]
    ends = [key.start() for key in keys[1:]] + [len(text)]
    return {key[1]: _plain(text[key.end() : end].strip()) for key, end in zip(keys, ends, strict=False)}


def _split(text: str, delimiter: str) -> dict[str, str]:
    if delimiter == " ":
        return _pairs(text)
    parts = (part.partition("=") for part in text.split(delimiter, PAIRS_MAX))
    return {key.strip(): value.strip() for key, equals, value in parts if equals}


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)
