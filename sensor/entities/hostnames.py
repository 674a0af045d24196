"""Hostnames as different sources write them, folded to one spelling, and made safe to look at.

Folding: NFKC (Unicode Standard Annex 15), punycode labels decoded (RFC 3492, RFC 5890 §2.3.2.1), case folded, the first
label alone, 15 characters where only NetBIOS names are compared (MS-NBTE §2.2.1). A look-alike is a name whose letters
mix scripts, or are all of another script but drawn as Latin ones (Unicode Technical Standard 39 §4 and §5.1; the short
table of homographs holds those letters of its `confusables.txt` that are drawn as lower-case Latin ones). Not here:
which device has a name.
"""

import ipaddress
import unicodedata

NAME_MAX = 255
"""RFC 1035 §2.3.4; whatever is longer is cut."""
NETBIOS_MAX = 15
"""A NetBIOS name's characters; Windows cuts a longer hostname to them."""

_GENERIC = frozenset({
    "localhost", "localdomain", "unknown", "none", "null", "default", "host", "hostname", "computer", "workstation",
    "user", "admin", "android", "iphone", "ipad", "ipod", "watch", "apple-watch", "macbook", "macbook-pro",
    "macbook-air", "mac", "imac", "galaxy", "pixel", "raspberrypi", "ubuntu", "debian", "kali", "fedora", "centos",
    "linux", "openwrt", "espressif", "esp32", "esp8266", "esp", "windows", "desktop", "laptop", "pc", "printer",
    "camera", "ipcamera", "ipcam", "phone", "tablet", "router", "gateway", "wlan", "dhcp", "client", "wpad", "isatap",
    "udhcpc", "udhcp", "mobile", "chromecast", "roku", "amazon", "kindle", "blackberry", "nintendo", "xbox", "tv",
})  # fmt: skip
"""Names that devices are sold or installed with; two of them say nothing. From vendors' defaults."""
_NUMBERED = frozenset({"iphone", "ipad", "android", "localhost", "raspberrypi", "esp", "macbook-pro", "macbook-air"})
"""Of them, those that a system numbers by itself where one is taken (RFC 6762 §9)."""

_HOMOGRAPHS = str.maketrans({
    **dict(zip("асԁеһіјкӏорԛѕԝхуѵ", "acdehijklopqswxyv", strict=True)),
    **dict(zip("οαινρυκτγχ", "oaivpuktyx", strict=True)),
    **dict(zip("օհոսց", "ohnug", strict=True)),
    **dict(zip("01", "ol", strict=True)),
})  # fmt: skip
"""Cyrillic, Greek and Armenian letters and the Latin ones they are drawn as; 0 and 1 stand for o and l."""


def fold(name: str | None) -> str:
    """Return the one spelling of a hostname: its first label, folded; empty where it is none.

    An address, and a name of white space or dots alone, is no hostname.
    """
    text = whole(name)
    return "" if not text or _is_address(text) else text.partition(".")[0]


def whole(name: str | None) -> str:
    """Return the whole name folded: NFKC, punycode decoded, lower case, without a final dot or `$`."""
    if not name:
        return ""
    text = unicodedata.normalize("NFKC", name[:NAME_MAX]).strip().strip("\0").rstrip(".$").lower()
    return ".".join(_decoded(label) for label in text.split("."))


def same(one: str, other: str) -> bool:
    """Tell whether two folded names may be one host's: equal, or one is the other cut to NetBIOS' length."""
    if one == other:
        return bool(one)
    short, long = sorted((one, other), key=len)
    return len(short) == NETBIOS_MAX and long.startswith(short)


def is_generic(folded: str) -> bool:
    """Tell whether many devices bear a name because nobody chose it."""
    return len(folded) < 3 or folded in _GENERIC or folded.rstrip("0123456789-_ ") in _NUMBERED


def shown(name: str) -> str:
    """Return a name for people: punycode decoded, and a look-alike marked with what it resembles."""
    text = ".".join(_decoded(label) for label in name.split("."))
    if text != name:
        text = f"{text} ({name})"
    like = resembles(name)
    return f"{text} (look-alike of {like})" if like else text


def resembles(name: str) -> str | None:
    """Return the Latin name that a name only looks like, None where it is what it seems.

    Cheap names are common: plain ASCII is never a look-alike by itself.
    """
    text = whole(name)
    if text.isascii():
        return None
    drawn = skeleton(text)
    mixed = any(len(_scripts(label)) > 1 and "LATIN" in _scripts(label) for label in text.split("."))
    return drawn if drawn != text and (mixed or drawn.isascii()) else None


def skeleton(folded: str) -> str:
    """Return how a folded name is drawn: two names with one skeleton look alike."""
    return folded.translate(_HOMOGRAPHS)


def _decoded(label: str) -> str:
    """Decode a punycode label; what does not decode stays as it is."""
    if not label.lower().startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    return unicodedata.normalize("NFKC", text).lower() if text.isprintable() else label


def _scripts(text: str) -> set[str]:
    """Return the scripts of a text's letters, by the first word of their Unicode names."""
    return {unicodedata.name(c, "UNKNOWN").partition(" ")[0] for c in text if c.isalpha()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
