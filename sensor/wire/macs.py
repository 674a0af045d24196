"""Link-layer addresses as logs write them: `00:11:22:aa:bb:cc`, `00-11-22-AA-BB-CC`, `0011.22aa.bbcc`, `001122AABBCC`.

RADIUS puts the network's name behind one (`00-11-22-AA-BB-CC:office`, RFC 3580 §3.20), DHCP its hardware type before it
(`01:00:11:22:aa:bb:cc`, RFC 2132 §9.14). An IP address in the same place is none, nor is a telephone number, unless
it has twelve digits, as one MAC address in 280 has.
"""

import re

_PAIRS = re.compile(r"([0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})(?![0-9A-Fa-f:-]*[0-9A-Fa-f]{2}$)")
_DOTTED = re.compile(r"([0-9A-Fa-f]{4}[.-][0-9A-Fa-f]{4}[.-][0-9A-Fa-f]{4})(?![0-9A-Fa-f])")
_BARE = re.compile(r"([0-9A-Fa-f]{12})(?![0-9A-Fa-f])")
_TYPED = re.compile(r"01[:-]([0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})$")
_NONE = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


def read_mac(text: str | None) -> str | None:
    """Return the address that `text` begins with as `00:11:22:aa:bb:cc`; None where there is none, or only zeros."""
    if text is None:
        return None
    text = text.strip()
    found = _TYPED.match(text) or _PAIRS.match(text) or _DOTTED.match(text) or _BARE.match(text)
    if found is None:
        return None
    digits = re.sub(r"[:.-]", "", found[1]).lower()
    mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    return None if mac in _NONE else mac
