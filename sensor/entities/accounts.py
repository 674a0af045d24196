"""Accounts: one row for one account, however products, realms and directories spell it.

A folded name is `user@realm` or a bare name. Two spellings are one account where an identity provider gives both one
object id; where one's realm is the NetBIOS form of the other's (`ann@example` and `ann@example.com`), as long as only
one longer realm has that name; or where a bare name has been met with one realm only. Two full realms meet only where
one is a directory's of the other's organisation: below it (`ann@ad.example.com`), or one that nobody can own on the
internet, with the other's name in it (`ann@example.local`) or listed among the same tenant's domains.
`ann@example.com` and `ann@example.org` stay apart, as do two realms in which a provider has accounts
(`ann@example.edu` and `ann@students.example.edu`).

An account is a machine's (`host$`), a service's (krbtgt, managed service accounts, service principals, names that
directories reserve or that administrators give to services), or a user's. Not here: what is usual for an account.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.accounts import is_machine
from sensor.model.event import SIGNIN_SOURCES

LIMIT = 200_000
"""Accounts held; further ones are counted, not stored."""
FORMS_MAX = 8
"""Spellings and ids remembered an account, the first ones."""
REALMS_MAX = 4096
"""Realms of providers remembered: a directory has 5,000 domains at most, and most have one (Microsoft Entra limits)."""
ALIKE_MAX = 64
"""Accounts of one user name, or of one beginning: of more no spelling but a whole one tells which is meant."""
FORM_MAX = 1024
"""Characters of a user principal name (MS-ADA3 §2.349); what is longer names no account."""
_START_CHARS = 9
"""What an RDP cookie keeps of a name."""
_SERVICE = re.compile(
    r"(krbtgt|svc[-_.].*|.*[-_.]svc|service[-_.].*|.*[-_.]service|msol_[0-9a-f]+|healthmailbox.*|sync_.*"
    r"|systemmailbox.*|aad_[0-9a-f]+|gmsa[-_].*|nt service|iusr|guest|defaultaccount|wdagutilityaccount)(@.*)?$"
)
"""What Windows, Exchange and Entra Connect name their own accounts, and the affixes administrators use."""
_PRIVATE = frozenset(
    {"local", "localdomain", "lan", "internal", "intranet", "private", "priv", "corp", "home", "loc", "intern", "intra"}
)
"""Last labels of realms that are no public domain: RFC 6762 appendix G, ICANN's .internal, and `loc`, `priv`,
`intern`, `intra`, which administrators take and no registry has given away."""
_LABEL_MIN = 3
"""Characters of a label that names an organisation: shorter ones are registries' (`co`, `ac`)."""
_REGISTRIES = frozenset({"com", "net", "org", "gov", "edu"})
"""Labels below which registries give names away (`example.com.au`)."""


class Row(msgspec.Struct):
    """One account."""

    name: str
    kind: str
    first_ns: int
    last_ns: int
    sightings: int = 0
    forms: list[str] = []
    ids: list[str] = []
    sites: list[int] = []
    sources: list[str] = []


class Accounts:
    """All accounts, by every spelling.

    Attributes:
        rows: One an account; a row's number never changes.
        refused: Sightings of accounts beyond LIMIT, or with a name beyond FORM_MAX.
        changed: Rows of which something changed since the inventory was written.
        renamed: Of these, the ones with another name or kind; `left` has the names they had.
        alias: Returns what stands for a spelling where sites tell pseudonyms and their key is here: it is one account.
    """

    def __init__(self, tenants: Mapping[str, str] | None = None) -> None:
        """Begin with none; `tenants` says whose each configured domain is."""
        self._tenants = tenants or {}
        self.rows: list[Row] = []
        self.refused = 0
        self.changed: set[int] = set()
        self.renamed: set[int] = set()
        self.left: set[str] = set()
        self.alias: Callable[[str], str] | None = None
        self._provided: set[str] = set()
        self._by_form: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        self._by_local: dict[str, list[int]] = {}
        self._by_start: dict[str, list[int]] = {}

    def __len__(self) -> int:
        """Count the accounts."""
        return len(self.rows)

    def alike(self, form: str) -> list[int]:
        """Return the rows whose user name begins as this one's does; of more than ALIKE_MAX those of the same name."""
        alike = self._by_start.get(_local(form)[:_START_CHARS], [])
        return alike if len(alike) <= ALIKE_MAX else self._by_local.get(_local(form), [])

    def find(self, form: str) -> int:
        """Return the row of a folded name, −1 where it is not known."""
        return self._by_form.get(form, -1)

    def sight(
        self, form: str, ts: int, site: int, source: str, identity: str | None = None, *, is_service: bool = False,
        is_proven: bool = True,
    ) -> int:  # fmt: skip
        """Take one sighting in.

        Args:
            form: Folded name.
            ts: ns.
            site: Site number.
            source: Who told of it (kerberos, entra …).
            identity: The identity provider's object id of it.
            is_service: The source says that no person uses it.
            is_proven: It authenticated, or its provider knows it; a name that was only tried makes no account.

        Returns:
            Its row; −1 where it is not known and not proven, or there is no room.
        """
        if identity is not None and source in SIGNIN_SOURCES and len(self._provided) < REALMS_MAX:
            self._provided.add(_realm(form))
        row = self._row_of(form, identity)
        if row < 0:
            if not is_proven:
                return -1
            if len(self.rows) >= LIMIT or len(form) > FORM_MAX:
                self.refused += 1
                return -1
            row = self._add(form, ts, is_service=is_service)
        held = self.rows[row]
        held.sightings += 1
        self.changed.add(row)
        held.first_ns, held.last_ns = min(held.first_ns, ts), max(held.last_ns, ts)
        self._note(held.sites, site)
        self._note(held.sources, source)
        if is_service and held.kind == "user":
            held.kind = "service"
            self.renamed.add(row)
        self._learn(row, form, identity)
        return row

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the accounts as one JSON array of bytes."""
        held = {"version": 2, "rows": self.rows, "forms": self._by_form, "ids": self._by_id, "refused": self.refused,
                "provided": sorted(self._provided)}  # fmt: skip
        return {"accounts": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        held = msgspec.json.decode(state["accounts"].tobytes(), type=_Saved)
        self.rows, self._by_form, self._by_id, self.refused = held.rows, held.forms, held.ids, held.refused
        self._provided = set(held.provided)
        self._by_local, self._by_start = {}, {}
        for number, row in enumerate(self.rows):
            self._index(row.name, number)

    def _row_of(self, form: str, identity: str | None) -> int:
        """Find the account that a spelling or an id stands for."""
        if identity is not None and identity in self._by_id:
            return self._by_id[identity]
        known = self._by_form.get(form)
        if known is not None:
            return known
        local = self._by_local.get(_local(form), ())
        alike = (
            [row for row in local if self._may_be_one(self.rows[row].forms, form)] if len(local) <= ALIKE_MAX else ()
        )
        if len(alike) == 1:
            return alike[0]
        stands = form if self.alias is None else self.alias(form)
        return -1 if stands == form else self._row_of(stands, None)

    def _may_be_one(self, forms: list[str], form: str) -> bool:
        """Tell whether a spelling may stand for the account that has these: all full realms of one organisation."""
        realm = _realm(form)
        held = [_realm(one) for one in forms if _realm(one)]
        if not realm or not held:
            return True
        full = [one for one in held if "." in one]
        if "." not in realm:
            return any(realm in (one, one.partition(".")[0]) for one in held)
        firsts = {one.partition(".")[0] for one in (realm, *full)}
        return all(self._are_one(one, realm) for one in full) and all(one in firsts for one in held if "." not in one)

    def _are_one(self, realm: str, other: str) -> bool:
        if realm == other:
            return True
        if realm in self._provided and other in self._provided:
            return False
        if _names_one(realm, other):
            return True
        tenant = self._tenants.get(realm)
        return tenant is not None and tenant == self._tenants.get(other) and _is_private(realm) != _is_private(other)

    def _add(self, form: str, ts: int, *, is_service: bool) -> int:
        kind = "machine" if is_machine(form) else "service" if is_service or _SERVICE.match(form) else "user"
        self.rows.append(Row(form, kind, ts, ts))
        row = len(self.rows) - 1
        self._index(form, row)
        return row

    def _index(self, form: str, row: int) -> None:
        for held, name in ((self._by_local, _local(form)), (self._by_start, _local(form)[:_START_CHARS])):
            rows = held.setdefault(name, [])
            if len(rows) <= ALIKE_MAX:
                rows.append(row)

    def _learn(self, row: int, form: str, identity: str | None) -> None:
        """Remember a spelling and an id; the fullest spelling is the account's name."""
        held = self.rows[row]
        if self._by_form.get(form) != row and len(held.forms) < FORMS_MAX:
            self._by_form.setdefault(form, row)
            self._note(held.forms, form)
            if self.alias is not None and _local(held.name) == _local(self.alias(form)) != _local(form):
                self._index(form, row)
                self._call(row, form)
            elif _fullness(form) > _fullness(held.name):
                self._call(row, form)
        if identity is not None and identity not in self._by_id and len(held.ids) < FORMS_MAX:
            self._by_id[identity] = row
            held.ids.append(identity)

    def _call(self, row: int, form: str) -> None:
        self.left.add(self.rows[row].name)
        self.renamed.add(row)
        self.rows[row].name = form

    @staticmethod
    def _note(held: list[Any], value: object) -> None:
        if value not in held and len(held) < 4 * FORMS_MAX:
            held.append(value)


class _Saved(msgspec.Struct):
    version: int
    rows: list[Row]
    forms: dict[str, int]
    ids: dict[str, int]
    refused: int
    provided: list[str] = []


def _local(form: str) -> str:
    return form.partition("@")[0]


def _realm(form: str) -> str:
    return form.partition("@")[2]


def _fullness(form: str) -> tuple[int, int]:
    """Rank spellings: a public realm over a directory's over a NetBIOS one over none; of like ones the shortest."""
    realm = _realm(form)
    if "." not in realm:
        return (1 if realm else 0, 0)
    return (2 if _is_private(realm) else 3, -realm.count("."))


def _is_private(realm: str) -> bool:
    return realm.rpartition(".")[2] in _PRIVATE


def _names_one(realm: str, other: str) -> bool:
    """Tell whether two full realms are a directory's and its organisation's, by their names alone."""
    if realm.endswith(f".{other}") or other.endswith(f".{realm}"):
        return True
    private, public = sorted((realm, other), key=_is_private, reverse=True)
    if not _is_private(private) or _is_private(public):
        return False
    name = private.split(".")[-2]
    return len(name) >= _LABEL_MIN and name not in _REGISTRIES and name in public.split(".")[:-1]
