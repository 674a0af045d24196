r"""One spelling for an account, however a log writes it.

`JoeB@Example.com`, `EXAMPLE\JoeB`, `joeb/EXAMPLE.COM` (Zeek's Kerberos form) and `joeb` are folded to lower case and
NFKC (Unicode Standard Annex 15), with the realm behind an `@` where one is known. Whether `joeb@example` and
`joeb@example.com` are one account is a question for `sensor.entities`, not for a spelling.
"""

import unicodedata

BLANK = frozenset({"", "-", "null"})
"""What logs write where there is no name."""
NOBODY = frozenset({"anonymous logon", "anonymous", "system", "local service", "network service"})
"""Windows' own accounts (MS-DTYP §2.4.2.4), the same on every computer: they have a name, and are nobody."""


def fold(name: str | None, realm: str | None = None) -> str | None:
    r"""Return `user@realm`, else the name alone, lower case; None where it names nobody.

    Args:
        name: As written: a UPN, `DOMAIN\user`, `user/REALM`, or a bare name.
        realm: Realm, domain or UPN suffix that stands beside it; what the name itself says wins.
    """
    if name is None:
        return None
    text = unicodedata.normalize("NFKC", name).strip().lower()
    domain, backslash, user = text.partition("\\")
    if backslash:
        text, realm = user, domain
    else:
        user, slash, suffix = text.partition("/")
        if slash and "@" not in text and "/" not in suffix:
            text, realm = user, suffix or realm
    if text in BLANK:
        return None
    beside = unicodedata.normalize("NFKC", realm or "").strip().lower()
    if "@" in text or beside in {"", "-", ".", "nt authority", "workgroup"}:
        return text
    return f"{text}@{beside}"


def is_nobody(account: str) -> bool:
    """Tell whether a folded name is one that every computer has: it tells no person or device from another."""
    return account.partition("@")[0] in NOBODY


def is_machine(account: str) -> bool:
    """Tell whether a folded name is a machine's own: `host$` (MS-ADTS §3.1.1.8.1)."""
    return account.partition("@")[0].endswith("$")
