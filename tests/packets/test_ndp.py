"""IPv6 neighbour discovery."""

from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
)

from sensor.flows.engine import FlowEngine
from sensor.packets.ndp import Neighbors
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of

MAC = "00:11:22:aa:bb:cc"


def behind_header(packet):
    """What follows the eight bytes of ICMPv6's header."""
    return bytes(packet)[8:]


def test_who_has_an_address():
    """Solicitation and advertisement, each with its sender's link address."""
    ask = behind_header(ICMPv6ND_NS(tgt="2001:db8::5") / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    answer = behind_header(ICMPv6ND_NA(tgt="2001:db8::5") / ICMPv6NDOptDstLLAddr(lladdr=MAC))
    assert [
        {"kind": "ns", "target": "2001:db8::5", "mac": MAC}, {"kind": "na", "target": "2001:db8::5", "mac": MAC},
    ] == say(Neighbors(), (True, ask), (False, answer), orig_p=135, resp_p=136)  # fmt: skip


def test_prefixes_of_a_router():
    """Those on the link only."""
    on, off = (
        ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=64, L=flag)
        for prefix, flag in (("2001:db8::", 1), ("2001:db9::", 0))
    )
    advertised = behind_header(ICMPv6ND_RA() / ICMPv6NDOptSrcLLAddr(lladdr=MAC) / on / off)
    assert [{"kind": "ra", "mac": MAC, "prefixes": ("2001:db8::/64",)}] == say(
        Neighbors(), (True, advertised), orig_p=134, resp_p=133
    )


def test_missing_options_are_null():
    """A solicitation that is cut behind its target."""
    assert [{"kind": "ns", "target": "::"}] == say(Neighbors(), (True, bytes(16) + b"\1\1\0"), orig_p=135, resp_p=136)


def test_a_real_capture(data_dir):
    """A router's advertisements."""
    found = messages_of(FlowEngine, data_dir / "network/tcpdump/icmpv6-ra-pref64.pcap", "neighbor")
    assert {("ra", "e2:15:81:b4:b9:45")} == {(one.kind, one.mac) for one in found}
