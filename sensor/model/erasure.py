"""A person or device that is to be erased: what it is looked for by, and what stands for it where words stay."""

import mmap
import re
from collections.abc import Iterable, Sequence

import msgspec

from sensor.model.known_names import KnownNames

KINDS = ("account", "device")
LOCAL_MIN = 3
"""Characters of a user name that is looked for by itself: a shorter one is in too many words."""
_RUN = re.compile(r"[0-9a-z]+")
_SEED_MIN = 2


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an erasure is about."""

    kind: str
    """One of KINDS."""
    names: tuple[str, ...]
    """Exact names, in small letters: of an account its spellings and ids, of a device its ids."""
    terms: tuple[str, ...]
    """What is looked for in text, between signs that are no letters or digits."""
    stands: str
    """What stands in their place."""


class Counted(msgspec.Struct, frozen=True):
    """What goes, or is said otherwise, at one place."""

    place: str
    removed: int
    rewritten: int


class Finder:
    """Finds a subject in text.

    Attributes:
        seeds: Runs of letters and digits of which every text that holds a term holds one, in small letters; None: a
            term has none that is long enough.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._names = KnownNames()
        seeds: list[str] | None = []
        for term in subject.terms:
            self._names.note(term, subject.stands)
            small = term.lower()
            if seeds is not None and any(seed in small for seed in seeds):
                continue
            seed = _seed(small)
            if len(seed) < _SEED_MIN:
                seeds = None
            elif seeds is not None:
                seeds.append(seed)
        self.seeds = None if seeds is None else tuple(dict.fromkeys(_shortest(seeds)))
        words = b"|".join(re.escape(one.encode()) for one in subject.terms if one)
        wide = b"|".join(re.escape(one.encode("utf-16-le")) for one in subject.terms if one)
        self._bytes = re.compile(
            rb"(?<![0-9A-Za-z])(?:%b)(?![0-9A-Za-z])|(?:%b)" % (words, wide) if words else rb"(?!)", re.IGNORECASE
        )

    def holds(self, text: str) -> bool:
        """Tell whether a text, plain or JSON, holds a term."""
        if self.seeds is not None:
            small = text.lower()
            if not any(seed in small for seed in self.seeds):
                return False
        return self._names.holds(text) or (_is_json(text) and self.scrubbed(text) != text)

    def is_name(self, text: object) -> bool:
        """Tell whether a text is a name of the subject's."""
        return isinstance(text, str) and text.lower() in self.subject.names

    def scrubbed(self, text: str) -> str:
        """Return a text, plain or JSON, with what stands for the subject in its place."""
        if not _is_json(text):
            return self._names.replaced(text)
        try:
            held = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return self._names.replaced(text)
        made = self.walked(held)
        return text if made == held else msgspec.json.encode(made).decode()

    def walked(self, value: object) -> object:
        """Return a value of JSON or msgpack with what stands for the subject in every text of it, keys too."""
        if isinstance(value, str):
            return self._names.replaced(value)
        if isinstance(value, list):
            return [self.walked(one) for one in value]
        if isinstance(value, dict):
            return {self.walked(key): self.walked(one) for key, one in value.items()}
        return value

    def in_bytes(self, content: bytes | mmap.mmap) -> bool:
        """Tell whether bytes hold a term, as UTF-8 or UTF-16."""
        return self._bytes.search(content) is not None


def terms_of_account(names: Iterable[str], others: Iterable[str], also: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what an account is looked for by.

    Args:
        names: Its spellings and ids.
        others: Names of all other accounts: a user name that another has too is not looked for by itself.
        also: Further words that mean the person.
    """
    taken = {_local(one).lower() for one in others}
    found: dict[str, None] = {}
    for name in names:
        local, folded = _local(name), re.sub(r"[@.]", "_", name)  # as OneDrive's addresses write it
        found[name] = None
        if "@" in name:
            found[folded] = None
        if local.lower() not in taken and len(local) >= LOCAL_MIN:
            found |= dict.fromkeys((local, local.replace(".", "_"), local.replace(".", " ")))
    return tuple(one for one in (*found, *also) if one)


def _local(name: str) -> str:
    return name.rpartition("@")[0] if "@" in name else name


def _seed(term: str) -> str:
    """Return the longest run of a term, of its user name if that has a long one: a domain is in everybody's."""
    runs = max(_RUN.findall(_local(term)), key=len, default="")
    return runs if len(runs) >= LOCAL_MIN else max(_RUN.findall(term), key=len, default="")


def _shortest(seeds: Sequence[str]) -> list[str]:
    """Leave out seeds that hold another."""
    return [one for one in seeds if not any(other != one and other in one for other in seeds)]


def _is_json(text: str) -> bool:
    return text[:1] in ("{", "[")
