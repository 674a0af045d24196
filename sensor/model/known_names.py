"""Names found in text, however many there are, between any signs that are no letters or digits.

Names are held by their pieces (runs of letters and digits, and each sign between), so that a text is read once. The
longest name that begins at a place counts; case does not.
"""

import re
from collections.abc import Callable

_PIECE = re.compile(r"[^\W_]+|[\W_]")


class _Branch(dict[str, "_Branch"]):
    """Names by their pieces; `stands`: what stands for the name that ends here."""

    stands: str | None = None


class KnownNames:
    """Names and what stands for each in a text."""

    def __init__(self, is_ours: Callable[[list[str], int], bool] = lambda _pieces, _at: False) -> None:
        """Begin without any.

        Args:
            is_ours: Tells of the pieces of a text whether what begins at one of them is no name.
        """
        self._root, self._is_ours = _Branch(), is_ours

    def note(self, name: str, stands: str) -> None:
        """Make a name known; the first that stands for it stays."""
        branch = self._root
        for piece in _PIECE.findall(name):
            branch = branch.setdefault(piece.lower(), _Branch())
        if name:
            branch.stands = branch.stands or stands

    def replaced(self, text: str) -> str:
        """Return a text with what stands for each name in its place."""
        if not self._root or not text:
            return text
        pieces, made, at = _PIECE.findall(text), [], 0
        if self._root.keys().isdisjoint(piece.lower() for piece in pieces):
            return text
        while at < len(pieces):
            end, stands = self._longest(pieces, at)
            if stands is None or self._is_ours(pieces, at):
                made.append(pieces[at])
                at += 1
            else:
                made.append(stands)
                at = end
        return "".join(made)

    def holds(self, text: str) -> bool:
        """Tell whether a name is in a text."""
        pieces = _PIECE.findall(text)
        begins = self._root.keys()
        return any(
            piece.lower() in begins and self._longest(pieces, at)[1] is not None for at, piece in enumerate(pieces)
        )

    def _longest(self, pieces: list[str], at: int) -> tuple[int, str | None]:
        """Return where the longest name that begins at a place ends, and what stands for it."""
        branch, end, stands = self._root, at, None
        for place in range(at, len(pieces)):
            found = branch.get(pieces[place].lower())
            if found is None:
                break
            branch = found
            if found.stands is not None:
                end, stands = place + 1, found.stands
        return end, stands
