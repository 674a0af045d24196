"""conn.log lines, read by the words of Zeek's documentation with regular expressions, Decimal and ipaddress."""

import datetime as dt
import ipaddress
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

STATES = ["", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"]
COUNTS = ["orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"]


class Refused(Exception):  # noqa: N818 - it is the text that is refused
    """The text is no value of its column."""


def read_tsv(lines, columns, unset="-", empty="(empty)"):
    """Return a dict for each record line, None for one that is no conn record."""
    return [record(line, columns, unset, empty) for line in lines if line not in {"", "\r"}]


def record(line, columns, unset="-", empty="(empty)"):
    """Return the FLOW columns of one line, or None."""
    fields = line.removesuffix("\r").split("\t")
    if len(fields) != len(columns):
        return None
    texts = {name: (None if text == unset else text) for name, text in zip(columns, fields, strict=True)}
    for name in ("uid", "history", "service"):
        texts[name] = "" if texts.get(name) == empty else texts.get(name)
    try:
        return flow(texts)
    except (Refused, ValueError):
        return None


def flow(get):
    """Turn texts by column into FLOW columns. Raises Refused or ValueError."""
    row = {"ts": time(need(get, "ts")), "duration": -1}
    if get.get("duration") is not None:
        row["duration"] = nanoseconds(get["duration"])
    for side in ("orig", "resp"):
        value = int(address(need(get, f"id.{side}_h")))
        row[f"{side}_hi"], row[f"{side}_lo"] = value >> 64, value & 2**64 - 1
        row[f"{side}_p"] = number(need(get, f"id.{side}_p"), 65535)
        mac = get.get(f"{side}_l2_addr")
        if mac is not None and not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", mac):
            raise Refused
        row[f"{side}_l2"] = int(mac.replace(":", ""), 16) if mac else 0
        local = get.get(f"local_{side}")
        row[f"local_{side}"] = {None: -1, "T": 1, "true": 1, "F": 0, "false": 0}.get(local)
        if row[f"local_{side}"] is None:
            raise Refused
    proto = need(get, "proto")
    if proto not in {"tcp", "udp", "icmp", "unknown_transport"}:
        raise Refused
    row["proto"] = {"tcp": 6, "udp": 17, "icmp": 1 if is_v4(row) else 58, "unknown_transport": 255}[proto]
    if proto == "unknown_transport" and get.get("ip_proto") is not None:
        row["proto"] = number(get["ip_proto"], 255)
    for name in COUNTS:
        row[name] = -1 if get.get(name) is None else number(get[name], 2**63 - 1)
    for name in ("vlan", "inner_vlan"):
        row[name] = 0 if get.get(name) is None else number(get[name], 65535)
    state = get.get("conn_state") or ""
    if state not in STATES:
        raise Refused
    row["conn_state"] = STATES.index(state)
    uid, history, service = (unescape(get.get(name) or "").encode() for name in ("uid", "history", "service"))
    if len(uid) > 24:
        raise Refused
    while len(service) > 24:
        service = service[: service.rindex(b",")] if b"," in service else service[:24]
    row |= {"uid": uid, "history": history[:32], "service": service}
    return row


def need(get, name):
    """Return a text that must be there."""
    if get.get(name) is None:
        raise Refused
    return get[name]


def unescape(text):
    """Decode Zeek's escapes."""
    return re.sub(r"\\\\|\\x([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)) if m[1] else "\\", text)


def number(text, limit):
    """Read an unsigned integer of at most 19 digits."""
    if not re.fullmatch(r"[0-9]{1,19}(\.0{1,9})?", text) or int(text.split(".")[0]) > limit:
        raise Refused
    return int(text.split(".")[0])


def address(text):
    """Read an address; IPv4 as mapped into IPv6."""
    if "%" in text:
        raise Refused
    value = ipaddress.ip_address(text)
    return value if value.version == 6 else ipaddress.IPv6Address(f"::ffff:{text}")


def is_v4(row):
    """Tell whether the originator has an IPv4 address."""
    return ipaddress.IPv6Address(row["orig_hi"] << 64 | row["orig_lo"]).ipv4_mapped is not None


def scaled(text, places):
    """Read a decimal number times a power of ten, rounded half up."""
    if not re.fullmatch(r"[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", text):
        raise Refused
    value = Decimal(text)
    if value > 10**30:
        raise Refused
    with localcontext(prec=400):
        return int(value.scaleb(places).quantize(Decimal(1), ROUND_HALF_UP))


def nanoseconds(text):
    """Read a length of time that fits in 63 bits of ns."""
    value = scaled(text, 9)
    if value >= 9_223_372_036 * 10**9:
        raise Refused
    return value


def time(text):
    """Read seconds, milliseconds or ISO 8601 as ns."""
    iso = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,40})?([Zz]|[-+]\d\d:?\d\d)?", text, re.ASCII)
    if iso:
        zone = (iso[4] or "Z").upper().replace("Z", "+00:00")
        moment = dt.datetime.fromisoformat(f"{iso[1]}T{iso[2]}{zone}")
        seconds = int(moment.timestamp())
        if not 0 <= seconds < 9_223_372_036:
            raise Refused
        return seconds * 10**9 + (scaled("0" + iso[3], 9) if iso[3] else 0)
    value = scaled(text, 9)
    if value < 9_223_372_036 * 10**9:
        return value
    if not 10**20 <= value < 9_223_372_036 * 10**12:
        raise Refused
    return scaled(text, 6)
