"""How much a name says: bytes of information in the labels below what was registered. No detector.

Information is counted once: a label that a device has asked for before says nothing, and what it shares at its ends
with the label before it says little (`img-01`, `img-02`). A character of the rest is worth log2 of its alphabet, 16 or
36, as DNS compares names without case (RFC 4343). It is an upper bound for words and exact for random labels (Ozery,
Nadler, Shabtai 2024, "Information based heavy hitters for real-time DNS data exfiltration detection", section 4).
"""

import math
import re

HEX_BYTES, ANY_BYTES = 4 / 8, math.log2(36) / 8
"""Bytes a character of a label of hexadecimal digits, and of any other."""
LABEL_MIN = 4
"""Shorter labels (octets of a reversed address, `www`, `img`) carry nothing worth counting."""
_HEX = re.compile(r"[0-9a-f]{8,}\Z")

REPUTATION = frozenset(
    {
        "abuseat.org", "abuse.ch", "avast.com", "avcdn.net", "avira.com", "barracudacentral.org", "barracudabrts.com",
        "bitdefender.net", "cymru.com", "dnsbl.info", "dnswl.org", "e5.sk", "eset.com", "footprintdns.com",
        "fortiguard.net", "fortinet.net", "gbudb.net", "hostkarma.net", "inps.de", "invaluement.com", "ivmuri.com",
        "junkemailfilter.com", "kaspersky-labs.com", "kaspersky.com", "mailspike.net", "manitu.net", "mcafee.com",
        "msbl.org", "nszones.com", "psbl.org", "rspamd.com", "s5h.net", "senderbase.org", "senderscore.com",
        "sonicwall.com", "sophosxl.com", "sophosxl.net", "sorbs.net", "spamcop.net", "spameatingmonkey.net",
        "spamhaus.net", "spamhaus.org", "spamrats.com", "surbl.org", "surriel.com", "symantec.com",
        "symantecliveupdate.com", "team-cymru.com", "trendmicro.com", "trustedsource.org", "uceprotect.net",
        "unsubscore.com", "uribl.com", "webroot.com", "wpbl.info", "zvelo.com",
    }
)  # fmt: skip
"""Registered names whose labels carry hashes, addresses and names that a product looks up: reputation services and mail
blocklists by their operators' documentation, and Microsoft's probes of its own network."""


def labels(query: str, domain: str) -> tuple[str, ...]:
    """Return the labels of a name below a registered one that may say something, from the right to the left."""
    below = query.rstrip(".").lower().removesuffix(domain).rstrip(".")
    return tuple(label for label in reversed(below.split(".")) if len(label) >= LABEL_MIN and not label.startswith("_"))


def information(label: str, before: str) -> float:
    """Return the bytes that a label says beyond the one before it."""
    most = min(len(label), len(before))
    head = 0
    while head < most and label[head] == before[head]:
        head += 1
    tail = 0
    while tail < most - head and label[-1 - tail] == before[-1 - tail]:
        tail += 1
    return (len(label) - head - tail) * (HEX_BYTES if _HEX.match(label) else ANY_BYTES)
