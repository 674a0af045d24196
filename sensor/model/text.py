"""Text that comes from the network, made fit to stand in a line of ours."""

import re

CUT = "…"
_NUMBERED = "|".join(rf"(?<=^\d{{{digits}}})[.)](?=\s|$)" for digits in range(1, 10))
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&@]|:(?=//)|(?<=www)\.|^[-+=#]|" + _NUMBERED)
_TICKS = re.compile("`+")


def clean(text: str, limit: int = 0) -> str:
    """Escape what is not printable: control characters, line ends, marks that turn the direction of writing.

    Args:
        text: Anything.
        limit: Longest result, in characters; 0 for any length. What is cut ends in `…`.
    """
    shown = text if text.isprintable() else "".join(map(_escaped, text))
    return shown if not limit or len(shown) <= limit else shown[: limit - len(CUT)] + CUT


def markdown(text: str) -> str:
    """Escape text for a line of Markdown: neither markup of its own nor HTML comes of it (CommonMark 0.31 §2.4)."""
    return _MARKUP.sub(r"\\\g<0>", clean(text).strip())


def code(text: str) -> str:
    """Write text as code in a line of Markdown; its own back-ticks cannot end it (CommonMark 0.31 §6.1)."""
    shown = clean(text) or " "
    fence = "`" * (max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
