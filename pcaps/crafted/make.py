"""Make pcaps/crafted: every container, link layer, tag and tunnel we read, and the situations that are hard to capture.

    python pcaps/crafted/make.py [FOLDER]

Needs scapy. The same bytes come out every time. Most files carry the exchange of conversation.py (IPv4, then IPv6 where
the wrapping allows it), so a test can say what must be found whatever it was wrapped in.
"""

import gzip
import lzma
import struct
import sys
from pathlib import Path

import containers as c
import situations as s
import wrappers as w
from conversation import exchange, exchange6, http

BOTH, ONLY4, ONLY6 = "both", "ipv4", "ipv6"
WRAPPED: dict[str, tuple[w.Wrapper, int, str]] = {
    "link-null-le": (w.null_little, 0, BOTH),
    "link-null-be": (w.null_big, 0, BOTH),
    "link-ethernet": (w.ethernet, 1, BOTH),
    "link-ppp": (w.ppp, 9, BOTH),
    "link-ppp-short": (w.ppp_short, 9, BOTH),
    "link-raw-12": (w.bare, 12, BOTH),
    "link-raw-14": (w.bare, 14, BOTH),
    "link-ppp-hdlc": (w.ppp, 50, BOTH),
    "link-ppp-ether": (w.pppoe_bare, 51, BOTH),
    "link-raw": (w.bare, 101, BOTH),
    "link-ieee802-11": (w.wlan, 105, BOTH),
    "link-loop": (w.null_big, 108, BOTH),
    "link-sll": (w.cooked, 113, BOTH),
    "link-prism": (w.prism, 119, BOTH),
    "link-radiotap-qos": (w.wlan_qos, 127, BOTH),
    "link-avs": (w.avs, 163, BOTH),
    "link-ipv4": (w.bare, 228, ONLY4),
    "link-ipv6": (w.bare, 229, ONLY6),
    "link-nflog": (w.nflog, 239, BOTH),
    "link-sll2": (w.cooked2, 276, BOTH),
    "link-unsupported": (w.bare, 189, ONLY4),  # LINKTYPE_USB_LINUX: to be refused by name
    "llc-snap": (w.llc_snap, 1, BOTH),
    "dot1q": (w.dot1q, 1, BOTH),
    "qinq": (w.qinq, 1, BOTH),
    "qinq-9100": (w.qinq_9100, 1, BOTH),
    "mpls": (w.mpls, 1, BOTH),
    "mpls-pseudowire": (w.mpls_pseudowire, 1, BOTH),
    "pppoe": (w.pppoe, 1, BOTH),
    "pppoe-qinq": (w.pppoe_qinq, 1, BOTH),
    "pbb": (w.pbb, 1, BOTH),
    "fabricpath": (w.fabricpath, 1, BOTH),
    "vntag": (w.vntag, 1, BOTH),
    "gre": (w.gre, 1, BOTH),
    "gre-plain": (w.gre_plain, 1, BOTH),
    "gre-ethernet": (w.gre_ethernet, 1, BOTH),
    "erspan-1": (w.erspan1, 1, BOTH),
    "erspan-2": (w.erspan2, 1, BOTH),
    "erspan-3": (w.erspan3, 1, BOTH),
    "ip-in-ip": (w.ip_in_ip, 1, ONLY4),
    "6in4": (w.ip_in_ip, 1, ONLY6),
    "ip-in-ip6": (w.ip_in_ip6, 1, BOTH),
    "vxlan": (w.vxlan, 1, BOTH),
    "geneve": (w.geneve, 1, BOTH),
    "gtpu": (w.gtpu, 1, BOTH),
    "gtpu-extension": (w.gtpu_extension, 1, BOTH),
    "teredo": (w.teredo, 1, ONLY6),
    "teredo-indications": (w.teredo_indications, 1, ONLY6),
    "ayiya": (w.ayiya, 1, ONLY6),
}
SITUATIONS = {
    "tcp-retransmitted": s.retransmitted,
    "tcp-gap": s.gap,
    "tcp-midstream": s.midstream,
    "tcp-resets": s.resets,
    "tcp-states": s.states,
    "tcp-reused-port": s.reused_port,
    "tcp-sequence-wrap": s.sequence_wrap,
    "tcp-offload": s.offload,
    "fragments": s.fragments,
    "fragments6": s.fragments6,
    "ipv6-extension-headers": s.extension_headers,
    "checksums": s.checksums,
    "icmp-errors": s.icmp_errors,
    "sctp": s.sctp,
    "arp": s.arp,
    "not-ip": s.not_ip,
    "nested-40": s.nested,
    "damaged": s.damaged,
}


def sections() -> bytes:
    """Return pcapng with two sections of different byte orders, four interfaces of different links and clocks."""
    frames, bare = [w.ethernet(one) for one in http()], [w.bare(one) for one in http()]
    nano = c.option(9, b"\x09")  # if_tsresol: 10^-9 s; below 0x8a is 2^-10 s
    shifted = c.option(9, b"\x06") + c.option(14, struct.pack("<q", 1_000_000_000))  # if_tsoffset, seconds
    records = c.timed(frames)
    first = [c.section(options=c.option(4, b"crafted") + c.option(0, b""))]
    first += [
        c.interface(),
        c.interface(101, options=nano + c.option(0, b"")),
        c.interface(options=shifted + c.option(0, b"")),
    ]
    for number, record in enumerate(records):
        ticks = (record.ts_ns // 1000, record.ts_ns, (record.ts_ns - 1_000_000_000_000_000_000) // 1000)[number % 3]
        first.append(c.enhanced(number % 3, ticks, bare[number] if number % 3 == 1 else frames[number]))
        first.append(c.block(0x40000001 + number, b"unknown!"))
    second = [c.section(">"), c.interface(101, ">", options=c.option(9, b"\x8a", ">") + c.option(0, b"", ">"))]
    for number, one in enumerate(exchange6()):
        ticks = (c.START_NS // 1_000_000_000 + 60) * 1024 + number
        second.append(c.enhanced(0, ticks, w.bare(one), ">", c.option(1, b"a comment", ">") + c.option(0, b"", ">")))
    return b"".join(first + second)


def odd_blocks() -> bytes:
    """Return pcapng with simple and obsolete packet blocks, name resolution, statistics and custom blocks."""
    frames = [w.ethernet(one) for one in http()]
    parts = [c.section(), c.interface(snaplen=262144)]
    parts.append(c.block(4, struct.pack("<HH4sH2x", 1, 6, bytes([198, 51, 100, 10]), 0)[:12]))
    for number, record in enumerate(c.timed(frames)):
        parts.append(
            c.packet_block(0, record.ts_ns // 1000, record.octets)
            if number % 2
            else c.enhanced(0, record.ts_ns // 1000, record.octets)
        )
    parts.append(c.block(5, struct.pack("<III", 0, 0, 0)))
    parts.append(c.block(0x0BAD, struct.pack("<I", 32473) + b"custom.."))
    parts += [c.simple(frame) for frame in frames[-2:]]
    return b"".join(parts)


def files() -> dict[str, bytes]:
    """Return every capture by name."""
    made = {}
    for name, (wrap, linktype, families) in WRAPPED.items():
        sent = ([] if families == ONLY6 else exchange()) + ([] if families == ONLY4 else exchange6())
        made[f"{name}.pcap"] = c.pcap(c.timed([wrap(one) for one in sent]), linktype)
    for name, frames in SITUATIONS.items():
        made[f"{name}.pcap"] = c.pcap(c.timed(frames()))
    made["times.pcap"] = c.pcap([c.Record(c.START_NS + offset, frame) for offset, frame in s.times()])
    made["wlan-mixed.pcap"] = c.pcap(c.timed(s.wlan_mixed()), 127)
    plain = c.timed([w.ethernet(one) for one in exchange()])
    for order, label in (("<", "le"), (">", "be")):
        made[f"file-{label}-usec.pcap"] = c.pcap(plain, order=order)
        made[f"file-{label}-nsec.pcap"] = c.pcap(plain, order=order, nano=True)
        made[f"file-{label}.pcapng"] = c.pcapng(plain, order=order)
    made["file-modified.pcap"] = c.modified(plain)
    made["file-snaplen-60.pcap"] = c.pcap(plain, snaplen=60)
    made["file-cut.pcap"] = made["file-le-usec.pcap"][:-20]
    made["file-empty.pcap"] = c.pcap([])
    made["file-sections.pcapng"] = sections()
    made["file-odd-blocks.pcapng"] = odd_blocks()
    made["file-gzip.pcap.gz"] = gzip.compress(made["file-le-usec.pcap"], mtime=0)
    made["file-xz.pcap.xz"] = lzma.compress(made["file-le-usec.pcap"])
    return made


def main(folder: Path) -> None:
    """Write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in files().items():
        (folder / name).write_bytes(octets)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
