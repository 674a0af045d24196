"""Hosts' own names."""

import struct

from sensor.flows.engine import FlowEngine
from sensor.packets.names import Announcements, Datagrams, netbios_name
from tests.packets import samples
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import datagram, mdns, nbns, netbios

V6 = bytes.fromhex("fe80000000000000021122fffeaabbcc")


def test_multicast_dns_names_a_host_with_addresses_and_services():
    """RFC 6762 §10, RFC 6763: records of one announcement belong together."""
    host = samples.name("Printer.local")
    message = mdns(
        samples.record(samples.name("_ipp._tcp.local"), 12, b"\4Desk" + samples.name("_ipp._tcp.local")),
        samples.record(host, 1, bytes([10, 0, 0, 9]), qclass=0x8001),
        samples.record(host, 28, V6, qclass=0x8001),
    )
    assert [
        {
            "protocol": "mdns",
            "name": "printer.local",
            "addresses": ("10.0.0.9", "fe80::211:22ff:feaa:bbcc"),
            "services": ("_ipp._tcp",),
        }
    ] == say(Announcements(), (True, message), orig_p=5353, resp_p=5353)


def test_a_service_names_its_target():
    """SRV without addresses; the address is the sender's."""
    data = struct.pack(">HHH", 0, 0, 631) + samples.name("nas.local")
    message = mdns(samples.record(b"\3NAS" + samples.name("_smb._tcp.local"), 33, data))
    assert [{"protocol": "mdns", "name": "nas.local", "services": ("_smb._tcp",)}] == say(
        Announcements(), (True, message), orig_p=5353, resp_p=5353
    )


def test_only_announcements_tell_services():
    """A text record of a service, over UDP as over TCP, names none by itself."""
    texts = [samples.record(b"\3NAS" + samples.name(f"_smb.{proto}.local"), 16, b"\0") for proto in ("_tcp", "_udp")]
    assert [] == say(Announcements(), (True, mdns(*texts)), orig_p=5353, resp_p=5353)


def test_llmnr_answers():
    """RFC 4795: the host asked for answers."""
    message = samples.dns(
        samples.name("PC7"), answers=[samples.record(b"\xc0\x0c", 1, bytes([10, 0, 0, 7]))], flags=0x8000
    )
    assert [{"protocol": "llmnr", "name": "pc7", "addresses": ("10.0.0.7",)}] == say(
        Announcements(), (False, message), resp_p=5355
    )


def test_netbios_registrations_and_answers():
    """A workgroup's name and other suffixes are no host's."""
    said = {"protocol": "nbns", "name": "PC7", "addresses": ("10.0.0.7",)}
    assert [said] == say(Announcements(), (True, nbns(0x2910, netbios("PC7"), "10.0.0.7")), resp_p=137)
    assert [said] == say(Announcements(), (False, nbns(0x8500, netbios("PC7"), "10.0.0.7", question=False)), resp_p=137)
    assert [] == say(Announcements(), (True, nbns(0x2910, netbios("WG"), "10.0.0.7", group=True)), resp_p=137)
    assert [] == say(Announcements(), (True, nbns(0x2910, netbios("WG", 0x1E), "10.0.0.7")), resp_p=137)


def test_a_datagrams_sender_is_named_once():
    """The same name again says nothing."""
    turns = [(True, datagram(netbios("PC7"))), (True, datagram(netbios("PC7"))), (True, datagram(netbios("PC7", 0x1D)))]
    assert [{"protocol": "nbdgm", "name": "PC7", "addresses": ("10.0.0.9",)}] == say(Datagrams(), *turns, resp_p=138)


def test_what_is_no_netbios_name():
    """Wrong length, letters outside A to P, the wildcard."""
    wild = samples.name("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")[1:-1]
    assert [None] * 4 == [netbios_name(labels) for labels in ([], [b"short"], [b"Z" * 32], [wild])]


def test_a_real_capture(data_dir):
    """Registrations of one host."""
    found = messages_of(FlowEngine, data_dir / "network/arkime/nbns.pcap", "name")
    assert {("nbns", "MDJR98")} == {(one.protocol, one.name) for one in found if one.protocol == "nbns"}
