"""Captures become flows with an exact account, at any number of threads, again and as they grow."""

import gzip

import numpy as np
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from sensor.errors import Malformed
from sensor.model.flow import FLOW
from sensor.sources.pcap import PcapSource, _next_parts, recognises
from tests.packets.captures import enhanced, interface, pcap, section
from tests.packets.talks import ldap_search
from tests.packets.test_known import Memory


def conversation(number):
    """Frames of a short TCP connection, a lookup and a ping, from one client."""
    client, server = f"10.0.{number // 250}.{number % 250 + 1}", "192.0.2.7"
    there = Ether(src="00:1b:21:00:00:01", dst="00:1b:21:00:00:02") / IP(src=client, dst=server)
    back = Ether(src="00:1b:21:00:00:02", dst="00:1b:21:00:00:01") / IP(src=server, dst=client)
    port = 40_000 + number
    return [
        there / TCP(sport=port, dport=80, flags="S", seq=100),
        back / TCP(sport=80, dport=port, flags="SA", seq=900, ack=101),
        there / TCP(sport=port, dport=80, flags="A", seq=101, ack=901),
        there / TCP(sport=port, dport=80, flags="PA", seq=101, ack=901) / Raw(b"x" * 50),
        there / UDP(sport=port, dport=53) / Raw(b"q" * 30),
        back / UDP(sport=53, dport=port) / Raw(b"a" * 60),
        there / ICMP(type=8) / Raw(b"ping"),
        back / ICMP(type=0) / Raw(b"ping"),
        Ether(src="00:1b:21:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, psrc=client, pdst=server),
        Ether(src="00:1b:21:00:00:01") / Dot1Q(vlan=7) / IP(src=client, dst=server) / UDP(dport=123) / Raw(b"t" * 48),
    ]


FRAMES = [bytes(frame) for number in range(40) for frame in conversation(number)]
CAPTURE = pcap([(1_700_000_000 + k // 100, k % 100 * 10_000, frame, len(frame)) for k, frame in enumerate(FRAMES)])


def read(path, **options):
    """All flows and ARP rows of a file, and its source."""
    source = PcapSource(path, "SYD", 3, **options)
    batches = list(source.batches())
    account = source.account
    assert account.records == account.accepted + account.duplicates + sum(account.rejected.values())
    return np.concatenate([batch.flows for batch in batches]), np.concatenate([batch.arp for batch in batches]), source


@pytest.fixture
def capture(tmp_path):
    """A capture of 40 clients."""
    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    return tmp_path / "a.pcap"


def test_flows_arp_and_account_of_a_capture(capture):
    """Four flows and one ARP message a client; every frame is accepted."""
    flows, arp, source = read(capture)
    assert (FLOW, 160, 40) == (flows.dtype, len(flows), len(arp))
    assert (400, 400, {}, len(CAPTURE), "pcap", "SYD") == (
        source.account.records,
        source.account.accepted,
        source.account.rejected,
        source.account.bytes,
        source.account.format,
        source.account.site,
    )
    assert {3} == set(flows["input"].tolist())
    assert 400 - 40 == int(flows["orig_pkts"].sum() + flows["resp_pkts"].sum())


def test_ordinals_are_those_of_the_file(capture):
    """A flow begins at the frame that opened it, an ARP row at its frame."""
    flows, arp, _ = read(capture)
    assert sorted(10 * k + first for k in range(40) for first in (0, 4, 6, 9)) == sorted(flows["offset"].tolist())
    assert [10 * k + 8 for k in range(40)] == arp["offset"].tolist()


def test_ordinals_skip_what_the_reader_dropped(tmp_path):
    """A record out of time takes an ordinal although it is not fed."""
    content = section() + interface() + enhanced(FRAMES[4], 1) + enhanced(b"x", 2**63) + enhanced(FRAMES[14], 2)
    (tmp_path / "a.pcapng").write_bytes(content)
    flows, _, source = read(tmp_path / "a.pcapng")
    assert [0, 2] == sorted(flows["offset"].tolist())
    assert ({"time_out_of_range": 1}, "pcapng") == (source.account.rejected, source.account.format)


def test_threads_and_compression_change_nothing(capture, tmp_path):
    """One thread or two, plain or gzip: the same rows in the same order."""
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(CAPTURE))
    flows, arp, _ = read(capture)
    for path, threads in ((capture, 2), (tmp_path / "a.pcap.gz", 1), (tmp_path / "a.pcap.gz", 2)):
        other, other_arp, _ = read(path, threads=threads)
        assert (flows.tolist(), arp.tolist()) == (other.tolist(), other_arp.tolist())


def test_the_same_capture_again_is_all_duplicates(capture):
    """The ledger knows every record; no flow comes."""
    ledger = Memory()
    read(capture, ledger=ledger)
    flows, arp, source = read(capture, ledger=ledger)
    assert (0, 0, 400, 400, 0) == (
        len(flows),
        len(arp),
        source.account.records,
        source.account.duplicates,
        source.account.accepted,
    )


def test_a_grown_capture_continues_at_its_ordinals(capture):
    """What was read before is a duplicate; flows of the new frames have their place in the file."""
    ledger, whole = Memory(), capture.read_bytes()
    first = len(pcap([(0, 0, frame, len(frame)) for frame in FRAMES[:200]]))
    capture.write_bytes(whole[:first])
    read(capture, ledger=ledger)
    capture.write_bytes(whole)
    flows, _, source = read(capture, ledger=ledger)
    assert (200, 200, 80, 200) == (
        source.account.duplicates,
        source.account.accepted,
        len(flows),
        int(flows["offset"].min()),
    )


def test_a_capture_is_followed_while_it_grows(tmp_path):
    """Batches come as bytes come, empty ones while nothing comes; the result is that of the whole file."""
    path, written = tmp_path / "a.pcap", [0]
    path.write_bytes(b"")

    def wait(_):
        with path.open("ab") as file:
            file.write(CAPTURE[written[0] : written[0] + 5000])
        written[0] += 5000

    source = PcapSource(path, "SYD", follow=True, wait=wait, stop=lambda: written[0] >= len(CAPTURE))
    batches = list(source.batches())
    assert 400 == source.account.records == source.account.accepted
    assert 160 == sum(len(batch.flows) for batch in batches)
    assert len(batches) > len(CAPTURE) // 5000


def test_a_cut_capture_is_counted_and_said(tmp_path):
    """The last record is missing a byte: one rejected record and a warning with file and offset."""
    path = tmp_path / "cut.pcap"
    path.write_bytes(CAPTURE[:-1])
    _, _, source = read(path)
    last = len(CAPTURE) - len(FRAMES[-1]) - 16
    assert {"truncated_record": 1} == source.account.rejected
    (warning,) = source.warnings
    assert f"file {path}, offset {last}: the last record is cut short ({len(FRAMES[-1]) + 15} bytes" in warning


def test_what_is_no_capture_is_malformed_and_what_is_missing_an_oserror(tmp_path):
    """Both leave an account of no records."""
    (tmp_path / "x").write_bytes(b"not a capture at all, whatever its name")
    for path, error in ((tmp_path / "x", Malformed), (tmp_path / "none", FileNotFoundError)):
        source = PcapSource(path, "SYD")
        with pytest.raises(error):
            list(source.batches())
        assert 0 == source.account.records


def test_a_warning_is_logged_once_or_given_to_whoever_asked(tmp_path, caplog):
    """By default to the log; a command that prints takes them itself, and then the log stays silent."""
    path, taken = tmp_path / "cut.pcap", []
    path.write_bytes(CAPTURE[:-1])
    _, _, source = read(path)
    assert source.warnings == [record.message for record in caplog.records]
    caplog.clear()
    read(path, warn=taken.append)
    assert (source.warnings, []) == (taken, caplog.records)


@pytest.mark.parametrize(("wrong", "warned"), [(0, False), (20, False), (21, True)])
def test_offload_is_named_where_more_than_a_twentieth_of_checksums_is_wrong(tmp_path, wrong, warned):
    """The warning says how many, and which option takes them; with that option there is nothing to warn of."""
    damaged = [frame[:-1] + bytes([frame[-1] ^ 1]) if k < 10 * wrong and k % 10 == 4 else frame
               for k, frame in enumerate(FRAMES)]  # fmt: skip
    path = tmp_path / "offload.pcap"
    path.write_bytes(pcap([(k, 0, frame, len(frame)) for k, frame in enumerate(damaged)]))
    _, _, source = read(path)
    assert wrong == source.account.rejected.get("bad_checksum", 0)
    assert [f"{wrong} of 400 packets have wrong"] * warned == [text.split(": ")[1][:28] for text in source.warnings]
    assert [] == read(path, ignore_checksums=True)[2].warnings


def test_reading_ahead_stays_within_two_buffers():
    """However many blocks hold no packet, at most one block beyond the one in use is asked for at a time."""
    parts = iter([None, None, None, None, "a", None, "b", "c"])
    assert [[None, None], [None, None], ["a"], [None, "b"], ["c"], []] == [_next_parts(parts) for _ in range(6)]


def test_without_rows_the_account_is_the_same(capture):
    """Everything is worked out and counted, nothing handed on."""
    flows, _, source = read(capture)
    none, _, counted = read(capture, rows=False)
    assert (source.account, source.opened, 0) == (counted.account, len(flows), len(none))


def test_messages_are_handed_on_unless_not_wanted(tmp_path):
    """A DNS query becomes a record with the flow's endpoints and the frame's place; its flow is there either way."""
    query = bytes.fromhex("1234010000010000000000000377777707 6578616d706c6503636f6d0000010001".replace(" ", ""))
    frame = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5353, dport=53) / Raw(query))
    (tmp_path / "dns.pcap").write_bytes(pcap([(1, 0, frame, len(frame))]))
    for wanted, names in ((True, ["www.example.com"]), (False, [])):
        batches = list(PcapSource(tmp_path / "dns.pcap", "SYD", 5, messages=wanted).batches())
        assert names == [message.query for batch in batches for message in batch.messages]
        assert 1 == sum(len(batch.flows) for batch in batches)


def test_captures_are_recognised_by_content():
    """By what the file begins with, not by its name."""
    assert [True, True, False] == [recognises(CAPTURE), recognises(section()), recognises(b"#separator \\x09\n")]


def test_conservation_over_the_captures_found_by_fuzzers(data_dir):
    """Each file is read with an exact account, or refused; nothing else is raised."""
    counted = 0
    for path in sorted((data_dir / "network" / "tcpdump").glob("*.pcap*")):
        flows, _, source = read(path)
        assert source.opened == len({row["uid"] for row in flows}) == int((flows["why"] != 2).sum()), path.name
        counted += source.account.records
    assert counted > 3000


def test_payloads_beyond_what_there_is_time_for_are_named(tmp_path):
    """A flood of searches in one second: what was read is given, the rest is counted in a warning."""
    frames = []
    for k in range(2100):
        frame = Ether() / IP(src=f"10.1.{k >> 8}.{k & 255}", dst="10.0.0.2") / UDP(sport=4000, dport=389)
        content = bytes(frame / Raw(ldap_search(1, b"dc=x")))
        frames.append((1000, k, content, len(content)))
    path = tmp_path / "flood.pcap"
    path.write_bytes(pcap(frames))
    warned = []
    batches = list(PcapSource(path, "SYD", warn=warned.append).batches())
    assert 2000 == sum(len(batch.messages) for batch in batches)
    assert [f"file {path}: metadata of 100 payloads were not read, too many at once"] == warned
