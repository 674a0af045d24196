"""Names that stand for others outside: keyed, the same for the same name, of no use to whoever has not the key.

An account is `account-` and 16 digits (BLAKE2b under the key, RFC 7693), its domain behind it; a host `host-…`, an
inside address `address-…`, a MAC `mac-…`. A user name is hashed apart from its domain, so that `ann`, `ann@example` and
`ann@example.com` still meet. For columns, an inside address becomes one of an IPv6 network of its own and a MAC keeps
its vendor. Outside addresses, and the program's own ids, stay.

In sentences everything is found that has the form of an address or a `user@domain`, and every name that was made known,
between any signs that are no letters or digits. Not found: a name in a sentence that neither has such a form nor is
known, as a person's in the title of a document; `sentences=False` leaves sentences out.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import msgspec

from sensor.model.evidence import Entity, Evidence
from sensor.model.incident import Action, Answer, Incident, Moment, Party
from sensor.model.known_names import KnownNames

KINDS = ("accounts", "hosts", "addresses")
"""What can be replaced; MACs go with the addresses."""
KEY_BYTES = 32
ALWAYS_INSIDE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""RFC 1918, 3927, 6598, 4193, 4291: nobody's outside a site, whatever its networks are said to be."""
ULA = 0xFD73_706C << 96
"""First 32 bits of the addresses that stand for inside ones in columns (RFC 4193: locally assigned; "spl")."""
COOKIE_CHARS = 9
"""What an RDP cookie keeps of a user name."""
_LETTERS_MIN, _DIGITS_MIN = 2, 4
"""Shortest names that are looked for in sentences: one of fewer letters, or a number of fewer digits, is anything."""
_CACHED = 1 << 14
_MAC = r"(?<![^\W_])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![^\W_])"
_AT = r"(?<!\w)\w[\w.+$~#%&'*!-]{0,254}?(?:@|%40)(?:[\w-]+(?:\.[\w-]+)*)?"
_REVERSED = r"(?<![^\W_])(?:(?:\d{1,3}\.){4}in-addr|(?:[0-9A-Fa-f]\.){32}ip6)(?=\.arpa)"
_V6 = (
    r"(?:(?<![^\W_])(?<![:.])|(?<=\w{5}:)|(?<=[g-zG-Z_]:)|(?<=[g-zG-Z_]\w:)|(?<=[g-zG-Z_]\w\w:)"
    r"|(?<=[g-zG-Z_]\w\w\w:))(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]*(?:[0-9A-Fa-f]|::)(?![^\W_])"
)
"""Also behind a word that is no part of an address, as in `source:fd00::1`."""
_V4 = r"(?<![\d.])\d{1,3}([.-])\d{1,3}\1\d{1,3}\1\d{1,3}(?!\d|\.\d)"
_FORMS = tuple(re.compile(one) for one in (_AT, _REVERSED, _MAC, _V6, _V4))
_MADE = re.compile(r"(account|host|address|mac)-[0-9a-f]{16}(?![0-9a-f])")


class Pseudonyms:
    """What stands for names, under one key."""

    def __init__(
        self, key: bytes, kinds: Iterable[str] = KINDS, networks: Iterable[str] = (), *, keep_domains: bool = True,
        sentences: bool = True,
    ) -> None:  # fmt: skip
        """Begin, knowing no name.

        Args:
            key: KEY_BYTES bytes.
            kinds: Of KINDS, what is replaced; what is not passes as it is.
            networks: Of the sites, beside ALWAYS_INSIDE.
            keep_domains: An account keeps its domain, a host its own.
            sentences: False: sentences are left out, for they may hold names that nobody knows to be one.
        """
        self._key, self.kinds = key, frozenset(kinds)
        self._keep_domains, self._sentences = keep_domains, sentences
        self._networks = [ipaddress.ip_network(one, strict=False) for one in (*ALWAYS_INSIDE, *networks)]
        self._known = KnownNames(_is_made)
        self._seen, self._seen_hosts = set[str](), set[str]()
        self._address = lru_cache(_CACHED)(self._address_of)

    def account(self, name: str) -> str:
        """Return what stands for an account, under whatever spelling."""
        if "accounts" not in self.kinds or not name or _MADE.match(name):
            return name
        local, at, domain = name.rpartition("@") if "@" in name else (name, "", "")
        made = self._made("account", local) + ("$" if local.endswith("$") else "")  # a machine's stays one
        return made + (at + self._domain(domain) if domain else at)

    def host(self, name: str) -> str:
        """Return what stands for a host's name; where it is an address, for that."""
        shown = self.address(name)
        if shown != name or _is_address(name):
            return shown
        if "hosts" not in self.kinds or not name or _MADE.match(name):
            return name
        label, dot, domain = name.partition(".")
        return self._made("host", label) + (dot + self._domain(domain) if domain else "")

    def address(self, text: str) -> str:
        """Return what stands for an address, an inside one or a MAC, or a network; anything else as it is."""
        return self._address(text) if "addresses" in self.kinds else text

    def mac(self, text: str) -> str:
        """Return what stands for a MAC."""
        return self._made("mac", text.replace("-", ":")) if "addresses" in self.kinds and text else text

    def address_words(self, hi: int, lo: int) -> tuple[int, int]:
        """Return what stands for an address in columns: an inside one becomes one of ULA."""
        value = ipaddress.IPv6Address((hi << 64) | lo)
        one = value.ipv4_mapped or value
        if "addresses" not in self.kinds or not self._is_inside(one) or hi == ULA >> 64:
            return hi, lo
        return ULA >> 64, self._number("address", str(one))

    def column_address(self, text: str) -> str:
        """Return what stands for an address where the text must be one, too."""
        try:
            one = ipaddress.ip_address(text)
        except ValueError:
            return self.address(text)
        value = int(one) if one.version == 6 else int(one) | 0xFFFF << 32
        words = value >> 64, value & (1 << 64) - 1
        made = self.address_words(*words)
        return text if made == words else str(ipaddress.IPv6Address(made[0] << 64 | made[1]))

    def mac_word(self, mac: int) -> int:
        """Return what stands for a MAC in columns: of the same vendor, and no two the same."""
        if "addresses" not in self.kinds or mac == 0:
            return mac
        left, right = (mac >> 12) & 0xFFF, mac & 0xFFF
        for turn in range(4):  # a Feistel network of four rounds is a permutation (Luby and Rackoff 1988)
            left, right = right, left ^ (self._number(f"mac {turn} {mac >> 24}", str(right)) & 0xFFF)
        return (mac >> 24 << 24) | (left << 12) | right

    def column_mac(self, text: str) -> str:
        """Return what stands for a MAC where the text must be one, too."""
        digits = text.replace(":", "").replace("-", "")
        try:
            made = self.mac_word(int(digits, 16)) if len(digits) == 12 else None
        except ValueError:
            made = None
        return self.mac(text) if made is None else ":".join(f"{made:012x}"[at : at + 2] for at in range(0, 12, 2))

    def know(self, accounts: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        """Make names known, which sentences are searched for; each again and again if need be."""
        if "accounts" in self.kinds:
            for name in accounts:
                if name in self._seen:
                    continue
                self._seen.add(name)
                local = name.rpartition("@")[0] if "@" in name else name
                folded = re.sub(r"[@.]", "_", name)  # as OneDrive's addresses write it
                for form in (local, local.replace(".", "_"), folded, local[:COOKIE_CHARS]):
                    self._note(form, self.account(local))
        if "hosts" in self.kinds:
            for name in hosts:
                if name in self._seen_hosts:
                    continue
                self._seen_hosts.add(name)
                label = name.partition(".")[0]
                if not _is_address(name) and not _MADE.match(label):
                    self._note(label, self._made("host", label))

    def text(self, sentence: str) -> str:
        """Return a sentence with everything in it replaced that has the form of a name, or is a known one."""
        return self._replaced(sentence, 0) if self.kinds and sentence else sentence

    def said(self, sentence: str, instead: str) -> str:
        """Return a sentence as `text` does, or what stands for it where sentences are left out."""
        return self.text(sentence) if self._sentences else instead

    def named(self, kind: str, name: str) -> str:
        """Return what stands for the name of an entity of a kind."""
        makers: dict[str, Callable[[str], str]] = {
            "account": self.account, "device": self.host, "address": self.address,
        }  # fmt: skip
        return makers.get(kind, self.text)(name)

    def entity(self, kind: str, key: str) -> str:
        """Return what stands for an entity's id: a device's is our own already."""
        return key if kind in {"device", "site"} else self.named(kind, key)

    def evidence(self, one: Evidence) -> Evidence:
        """Return evidence as it is told outside."""
        return msgspec.structs.replace(
            one, entity=Entity(kind=one.entity.kind, id=self.entity(one.entity.kind, one.entity.id)),
            text=self.said(one.text, f"{one.detector}: {one.family} ({one.model})"),
            keys=tuple(self.text(key) for key in one.keys),
            records=tuple(msgspec.structs.replace(record, input=self.text(record.input)) for record in one.records),
        )  # fmt: skip

    def incident(self, one: Incident) -> Incident:
        """Return an incident as it is told outside; names of its own parties are known at once."""
        self.know(
            (party.name for party in one.entities if party.kind == "account"),
            (party.name for party in one.entities if party.kind == "device"),
        )
        replaced = msgspec.structs.replace
        first = next((party for party in one.entities if party.role == "subject"), None)
        title = f"{self.named(first.kind, first.name) if first else one.id}: {one.tier}"
        return replaced(
            one, title=self.said(one.title, title),
            summary=self.said(one.summary, title),
            entities=tuple(self._party(party) for party in one.entities),
            evidence=tuple(self.evidence(each) for each in one.evidence),
            context=tuple(self.evidence(each) for each in one.context),
            counter_evidence=self._all(one.counter_evidence),
            actions=tuple(self._action(each) for each in one.actions),
            next_check=self.said(one.next_check, ""),
            reason=None if one.reason is None else self.said(one.reason, ""),
            timeline=tuple(self._moment(each) for each in one.timeline),
            investigation=tuple(self._answer(each) for each in one.investigation) if self._sentences else (),
        )  # fmt: skip

    def _party(self, one: Party) -> Party:
        return msgspec.structs.replace(one, id=self.entity(one.kind, one.id), name=self.named(one.kind, one.name))

    def _action(self, one: Action) -> Action:
        kind = one.target.get("kind", "")
        target = {name: self.entity(kind, value) if name == "id" else value for name, value in one.target.items()}
        history = tuple(
            msgspec.structs.replace(step, by=self.text(step.by), detail=self.said(step.detail, ""))
            for step in one.history
        )
        blast = self.said(one.blast_radius, "")
        return msgspec.structs.replace(
            one, target={name: self.text(value) for name, value in target.items()}, blast_radius=blast,
            reason=self.said(one.reason, ""), history=history,
        )  # fmt: skip

    def _moment(self, one: Moment) -> Moment:
        return msgspec.structs.replace(one, who=self.text(one.who), text=self.said(one.text, one.kind))

    def _answer(self, one: Answer) -> Answer:
        return msgspec.structs.replace(
            one, question=self.text(one.question), answer=self.text(one.answer), query=self.text(one.query)
        )

    def _all(self, sentences: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.text(one) for one in sentences) if self._sentences else ()

    def _replaced(self, text: str, form: int) -> str:
        """Replace what has one form, then in what is left between what has the next, and at last known names."""
        if form == len(_FORMS):
            return self._known.replaced(text)
        parts, at = [], 0
        for found in _FORMS[form].finditer(text):
            shown = self._shown(found.group())
            if shown is not None:
                parts += [self._replaced(text[at : found.start()], form + 1), shown]
                at = found.end()
        return "".join([*parts, self._replaced(text[at:], form + 1)])

    def _shown(self, text: str) -> str | None:
        """Return what stands for something that has the form of a name; None where it is none after all."""
        named = text.replace("%40", "@")
        if "@" in named:
            return self.account(named) if "accounts" in self.kinds else None
        if "addresses" not in self.kinds:
            return None
        digits, _, kind = text.rpartition(".")
        if kind == "in-addr":
            return self._address(".".join(reversed(digits.split(".")))) + f".{kind}"
        if kind == "ip6":
            nibbles = "".join(reversed(digits.split(".")))
            return self._address(":".join(nibbles[at : at + 4] for at in range(0, 32, 4))) + f".{kind}"
        if re.fullmatch(_MAC, text):
            return self.mac(text)
        plain = text if ":" in text else text.replace("-", ".")
        shown = self._address(plain)
        return shown if shown != plain else None

    def _note(self, name: str, stands: str) -> None:
        if len(name) < (_LETTERS_MIN if any(one.isalpha() for one in name) else _DIGITS_MIN):
            return
        self._known.note(name, stands)

    def _address_of(self, text: str) -> str:
        host, slash, length = text.partition("/")
        try:
            one = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return self.mac(text) if re.fullmatch(_MAC, text) else text
        if not self._is_inside(one):
            return text
        return self._made("address", str(getattr(one, "ipv4_mapped", None) or one)) + slash + length

    def _is_inside(self, one: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        plain = getattr(one, "ipv4_mapped", None) or one
        return any(plain in network for network in self._networks if network.version == plain.version)

    def _domain(self, domain: str) -> str:
        """Return a domain, or what stands for it: its first label apart, which is what Windows calls it."""
        if self._keep_domains:
            return domain
        first, _, rest = domain.lower().partition(".")
        return f"{self._number('domain', first):016x}" + (f".{self._number('domain', rest):016x}" if rest else "")

    def _made(self, kind: str, name: str) -> str:
        return f"{kind}-{self._number(kind, name.lower()):016x}"

    def _number(self, kind: str, name: str) -> int:
        digest = hashlib.blake2b(f"{kind}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest(), "big")


def is_made(text: str) -> bool:
    """Tell whether a text begins as what stands for a name."""
    return _MADE.match(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("/")[0].partition("%")[0])
    except ValueError:
        return False
    return True


def _is_made(pieces: Sequence[str], at: int) -> bool:
    """Tell whether a name made by us begins or goes on at a place: `account`, `-`, 16 digits."""
    return any(_MADE.match("".join(pieces[start : start + 3])) for start in (at, at - 2) if start >= 0)
