"""A finished flow's row: uid, addresses, link-layer addresses, locality, service."""

import re

from sensor.model import addresses
from tests.flows.driving import flows
from tests.flows.talk import CLIENT, SERVER, closing, handshake, tcp, udp


def test_a_row_names_both_ends():
    """Addresses, ports, MAC addresses and locality stand with the endpoint they belong to, though the flow turned."""
    for frames in ([tcp(0, "S", dport=443)], [tcp(0, "SA", 0, 1, back=True, dport=443)]):
        (row,) = flows(frames)
        assert (CLIENT, SERVER) == (
            addresses.text(row["orig_hi"], row["orig_lo"]), addresses.text(row["resp_hi"], row["resp_lo"]),
        )  # fmt: skip
        assert (40000, 443, 1, 0) == (row["orig_p"], row["resp_p"], row["local_orig"], row["local_resp"])


def test_link_layer_addresses_follow_the_originator():
    """The MAC address of the frame's source is the originator's where it sent the first packet."""
    (row,) = flows([tcp(0, "S")])
    assert (0x020000000001, 0x020000000002) == (row["orig_l2"], row["resp_l2"])


def test_uids_are_alphanumeric_stable_and_distinct():
    """C and thirteen letters; the same for the same input, others for other flows and other keys."""
    frames = [udp(k / 100, sport=20000 + k) for k in range(300)]
    first, again, other = ([row["uid"] for row in flows(frames, seed=seed)] for seed in (1, 1, 2))
    assert first == again
    assert 600 == len(set(first) | set(other))
    assert all(re.fullmatch("C[0-9A-V]{13}", uid) for uid in first)


def test_the_service_is_what_was_spoken():
    """A request names HTTP whatever the port; nothing is claimed for unknown bytes."""
    ask = tcp(1, "PA", 1, 1, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert ["http"] == [row["service"] for row in flows([*handshake(), ask, *closing(2, 38)])]
    assert [""] == [row["service"] for row in flows([*handshake(), tcp(1, "PA", 1, 1, b"\x00\x01\x02")])]


def test_without_networks_locality_is_unset():
    """Zeek leaves it unset where no local network is given."""
    (row,) = flows([tcp(0, "S")], local_networks=())
    assert (-1, -1) == (row["local_orig"], row["local_resp"])
