"""Which name was registered: the part of a name that somebody had to buy, or at least to rent from another.

By the Public Suffix List, private section included: `user.github.io` is one of many users', not github's. No detector.
"""

import functools
import ipaddress

from publicsuffixlist import PublicSuffixList

NAMES_MAX = 1 << 16
"""Names remembered with their registered name (about 300 bytes each)."""
_REVERSE = (".in-addr.arpa", ".ip6.arpa")
"""RFC 1035 §3.5, RFC 3596 §2.5."""


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@functools.lru_cache(maxsize=NAMES_MAX)
def registered(name: str | None) -> str | None:
    """Return a name's registered part; None for no name, one label, an address, or a reverse look-up.

    A name that is itself a public suffix (a cloud provider's host) counts as registered.
    """
    text = (name or "").strip(".").lower()
    if "." not in text or text.endswith(_REVERSE) or _is_address(text):
        return None
    found: str | None = _suffixes().privatesuffix(text)
    return found or text


@functools.lru_cache(maxsize=NAMES_MAX)
def is_public(domain: str) -> bool:
    """Tell whether a registered name lies below a suffix of the public list: not `local`, not a home router's own."""
    return _known().publicsuffix(domain) is not None


@functools.cache
def _known() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
