"""Strategies for conn.log lines: as Zeek writes them, and damaged."""

import ipaddress
import json

from hypothesis import strategies as st

COLUMNS = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "service",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "local_orig",
    "local_resp",
    "missed_bytes",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "tunnel_parents",
    "ip_proto",
    "vlan",
    "inner_vlan",
    "orig_l2_addr",
    "resp_l2_addr",
]

counts = st.one_of(st.integers(0, 2000), st.integers(0, 10**16 - 1)).map(str)
ports = st.integers(0, 65535).map(str)
addresses = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda n: str(ipaddress.IPv4Address(n))), st.ip_addresses().map(str)
)
seconds = st.builds(lambda whole, part: f"{whole}.{part:06d}", st.integers(0, 10**6), st.integers(0, 999_999))
times = st.builds(lambda whole, part: f"{whole}.{part:06d}", st.integers(0, 4 * 10**9), st.integers(0, 999_999))
macs = st.lists(st.integers(0, 255), min_size=6, max_size=6).map(lambda octets: ":".join(f"{o:02x}" for o in octets))
words = st.text(st.sampled_from("ABCshadfRr^,_-0123"), min_size=1)
states = st.sampled_from(["S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"])
bools = st.sampled_from("TF")

VALUES = {
    "ts": times, "uid": words.map(lambda word: "C" + word[:23]), "id.orig_h": addresses, "id.orig_p": ports,
    "id.resp_h": addresses, "id.resp_p": ports, "proto": st.sampled_from(["tcp", "udp", "icmp", "unknown_transport"]),
    "service": words.map(lambda word: word[:24]), "duration": seconds, "conn_state": states, "local_orig": bools,
    "local_resp": bools, "history": words.map(lambda word: word[:32]), "tunnel_parents": st.just("(empty)"),
    "ip_proto": st.integers(0, 255).map(str), "vlan": ports, "inner_vlan": ports, "orig_l2_addr": macs,
    "resp_l2_addr": macs,
}  # fmt: skip
REQUIRED = {"ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"}


def value(name):
    """Make one field as Zeek writes it, sometimes unset."""
    plain = VALUES.get(name, counts)
    return plain if name in REQUIRED else st.one_of(plain, st.just("-"))


columns = st.permutations(COLUMNS)
odd_fields = st.one_of(
    st.sampled_from([
        "", "-", "(empty)", "0", "-1", "+1", "1.5", "1e3", "9.5367431640625e-07", "007", "65536",
        "99999999999999999999",
        "1588205198899.71", "1588205198899", "2020-04-30T00:06:38.899710Z", "2020-02-30T00:00:00Z",
        "2020-04-30 00:06:38+10:00",
        "999999999999", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "::", "::1", "1::2::3", "fe80::1%eth0",
        "::ffff:1.2.3.4",
        "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", ":1", "1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3.4", "a:b:c:d:e:f:1.2.3.4",
        "aa:bb:cc:dd:ee:fg", "aa-bb-cc-dd-ee-ff", "t", "true", "false", "TT", "TCP", "icmp6", "unknown_transporx",
        "SFX",
        "C\\x41b", "\\x2d", "x" * 40, "dns,http,ssl,smb,krb,dce_rpc", "1.", ".5", "1..2", "1.2e", "nan", "inf", "0x10",
        "12345678", "123456789", "1234567890123456", "12345678901234567", "123456789012345678", "1.0", "é",
        "1.9999999995", "0.0000000005", "0.00000000049999",
    ]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)  # fmt: skip


@st.composite
def plain_line(draw, order):
    """Make a line as Zeek writes it."""
    return "\t".join(draw(value(name)) for name in order)


@st.composite
def any_line(draw, order):
    """Make a line that may be as Zeek writes it, or have fields of other forms, or too few or too many of them."""
    fields = [draw(value(name)) for name in order]
    for _ in range(draw(st.integers(0, 2))):
        fields[draw(st.integers(0, len(fields) - 1))] = draw(odd_fields)
    change = draw(st.integers(0, 9))
    fields = fields[:-1] if change == 0 else [*fields, "x"] if change == 1 else fields
    line = "\t".join(fields)
    return ("x" + line if line[:1] == "#" else line) + ("\r" if change == 2 else "")


def json_value(name, text):
    """Return what Zeek's JSON writer would write for a field."""
    if name in {"ts", "duration"}:
        return float(text)
    if name in {"local_orig", "local_resp"}:
        return text == "T"
    if name in VALUES and name not in {"id.orig_p", "id.resp_p", "vlan", "inner_vlan", "ip_proto"}:
        return [] if name == "tunnel_parents" else text
    return int(text)


@st.composite
def plain_json(draw, order):
    """Make a JSON line as Zeek writes it: unset columns left out."""
    fields = [(name, draw(VALUES.get(name, counts) if name == "conn_state" else value(name))) for name in order]
    return json.dumps({n: json_value(n, t) for n, t in fields if t != "-"}, separators=(",", ":"))


odd_values = st.one_of(
    odd_fields, st.none(), st.booleans(), st.integers(-10, 10**20), st.floats(0, 1e300, allow_infinity=False),
    st.lists(st.one_of(odd_fields, st.integers()), max_size=3), st.just({"orig_h": "1.2.3.4"}),
)  # fmt: skip


@st.composite
def any_json(draw, order):
    """Make a JSON line with some values of other forms, other keys, or the text damaged."""
    fields = {name: draw(value(name)) for name in order}
    found = {n: json_value(n, t) for n, t in fields.items() if t != "-"}
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from([*COLUMNS, "id_orig_h", "_path", "@stream", "@timestamp", "other", "naïve"]))
        found[key] = draw(st.one_of(odd_values, st.sampled_from(["conn", "dns"])))
    line = json.dumps(
        found, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])), ensure_ascii=draw(st.booleans())
    )
    change = draw(st.integers(0, 9))
    if change == 0:
        at = draw(st.integers(0, len(line)))
        line = (
            line[:at]
            + draw(st.sampled_from(['"', "\\", "{", "}", "[", "]", ",", ":", "", "0", "\x01", " "]))
            + line[at + 1 :]
        )
    return line + ("\r" if change == 2 else "")
