"""Text that comes from the network, made fit to stand in a line of ours."""

CUT = "…"


def clean(text: str, limit: int = 0) -> str:
    """Escape what is not printable: control characters, line ends, marks that turn the direction of writing.

    Args:
        text: Anything.
        limit: Longest result, in characters; 0 for any length. What is cut ends in `…`.
    """
    shown = text if text.isprintable() else "".join(map(_escaped, text))
    return shown if not limit or len(shown) <= limit else shown[: limit - len(CUT)] + CUT


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
