"""Frames to packets: one pass over a block, columns in, columns out.

Each frame is opened down to its innermost IP packet. Tunnels that replace the outer flow (GRE, IP in IP, MPLS …) give
one PACKET row with the tunnel noted; tunnels over UDP give the outer row and then the inner ones, as Zeek logs them.
Fragments wait until their datagram is whole, then give one row. ARP goes to rows of its own. Every frame is accounted
for: accepted, waiting, or dropped for one of `capture.DROP_REASONS`.

A frame whose checksum is wrong still gives a row, marked as such: its flow's history must show it.
"""

import numpy as np

from baselines._jit import be16, be32, borrow, kernel, le32, row_loader, rows, ube32, ube64, ule64
from sensor.model import capture
from sensor.packets import fragments
from sensor.packets.checksum import fold, ones_sum
from sensor.packets.link import (
    ET_ARP,
    ET_IPV4,
    ET_IPV6,
    N_COUNT,
    N_ETHERNET,
    N_INNER_VLAN,
    N_JOINED,
    N_LIMIT,
    N_NEXT,
    N_POS,
    N_TUNNEL,
    N_TUNNEL_ID,
    N_VLAN,
    link_header,
    shims,
    subframe,
)
from sensor.packets.transport import FAIL_CHECKSUM, FAIL_TRANSPORT, is_unfinished, set_key, transport
from sensor.packets.tunnel import (
    PORT_AYIYA,
    PORT_GENEVE,
    PORT_GRE,
    PORT_GTP,
    PORT_GTP_CONTROL,
    PORT_TEREDO,
    PORT_VXLAN,
    T_GTP,
    T_TEREDO,
    gre,
    is_teredo,
    over_udp,
)

C_SEED, C_CHECK, C_SCRATCH, C_SCRATCH_END, C_ACCEPTED, C_PACKETS, C_ARPS, C_ORDINAL, C_OFFLOADED, C_COUNT = range(10)
"""Control words: hash seed; how checksums are validated (CHECK_*); free part of the buffer behind the frames; frames
that were accepted; rows written; ordinal of the batch's first frame; packets that a network card had yet to finish."""
CHECK_NOTHING, CHECK_ALL, CHECK_BUT_OFFLOAD = 0, 1, 2
"""`ctl[C_CHECK]`: believe every packet; those whose checksums are right; those, and what a card had yet to finish."""

MAX_DEPTH = 8
"""IP headers opened in one frame. Five is the deepest seen in practice (6in4 over GRE in a mobile core)."""
MAX_EXTENSIONS = 8
"""IPv6 extension headers followed; RFC 8200 §4.1 names seven, each at most once (destination options twice)."""
NO_NEXT_HEADER = 59
"""RFC 8200 §4.7."""
MAX_SUBFRAMES = 16
"""Further subframes of an 802.11 A-MSDU; 7,935 bytes hold five of full size."""
MAX_JOINED = 4
"""Datagrams put together in one frame: a fragment whose datagram holds a fragment, and so on. Two occur in practice."""
ROWS_A_FRAME = MAX_DEPTH * (MAX_SUBFRAMES + 1)
T_IP = capture.TUNNELS.index("ip")

FAIL_IP = -1 - capture.DROP_REASONS.index("malformed_ip")
FAIL_IP_CHECKSUM = -1 - capture.DROP_REASONS.index("bad_ip_checksum")
FAIL_FRAGMENT = -1 - capture.DROP_REASONS.index("fragment_incomplete")
FAIL_FRAGMENT_ROOM = -1 - capture.DROP_REASONS.index("fragment_overflow")
FAIL_DEEP = -1 - capture.DROP_REASONS.index("too_deep")
ACCEPTED, WAITS = 0, 1

frame_row = row_loader(capture.FRAME)
packet_row = row_loader(capture.PACKET)
arp_row = row_loader(capture.ARP)

H_SRC_HI, H_SRC_LO, H_DST_HI, H_DST_LO = 0, 1, 2, 3
I_PROTO, I_L4, I_L4_END, I_FRAGMENT, I_MORE, I_IDENT, I_ROUTED, I_COUNT = 0, 1, 2, 3, 4, 5, 6, 7


@kernel()
def ipv4(buf, pos, cap_end, wire_end, check, words, facts):  # type: ignore[no-untyped-def]
    """Read an IPv4 header (RFC 791 §3.1) into `words` (addresses) and `facts`; 0 or a negative FAIL_*."""
    if pos + 20 > cap_end:
        return FAIL_IP
    header = (int(buf[pos]) & 15) << 2
    total = be16(buf, pos + 2)
    if buf[pos] >> 4 != 4 or header < 20 or pos + header > cap_end:
        return FAIL_IP
    if total == 0:  # segmentation offload leaves it empty
        total = wire_end - pos
    if total < header or pos + total > wire_end:
        return FAIL_IP
    if check:
        if header == 20:
            mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
            a, b = ule64(buf, pos), ule64(buf, pos + 8)
            sum_ = (a & mask) + (a >> shift) + (b & mask) + (b >> shift) + np.uint64(le32(buf, pos + 16))
        else:
            sum_ = ones_sum(buf, pos, pos + header)
        if fold(sum_) != 0xFFFF and (check != CHECK_BUT_OFFLOAD or be16(buf, pos + 10)):
            return FAIL_IP_CHECKSUM
    prefix = np.uint64(0xFFFF00000000)
    words[H_SRC_HI] = words[H_DST_HI] = np.uint64(0)
    words[H_SRC_LO] = prefix | ube32(buf, pos + 12)
    words[H_DST_LO] = prefix | ube32(buf, pos + 16)
    part = be16(buf, pos + 6)
    facts[I_PROTO] = buf[pos + 9]
    facts[I_L4] = pos + header
    facts[I_L4_END] = pos + total
    facts[I_FRAGMENT] = (part & 0x1FFF) << 3
    facts[I_MORE] = (part >> 13) & 1
    facts[I_IDENT] = be16(buf, pos + 4)
    facts[I_ROUTED] = 0
    return 0


@kernel()
def ipv6(buf, pos, cap_end, wire_end, words, facts):  # type: ignore[no-untyped-def]
    """Read an IPv6 header and its extension headers (RFC 8200 §3); 0 or a negative FAIL_*."""
    if pos + 40 > cap_end or buf[pos] >> 4 != 6:
        return FAIL_IP
    total = be16(buf, pos + 4) + 40
    if total == 40 and (buf[pos + 6] == 6 or buf[pos + 6] == 17 or buf[pos + 6] == 0):  # offload, or a jumbogram
        total = wire_end - pos
    if pos + total > wire_end:
        return FAIL_IP
    for k in range(4):
        words[k] = ube64(buf, pos + 8 + 8 * k)
    facts[I_PROTO], facts[I_L4], facts[I_L4_END] = int(buf[pos + 6]), pos + 40, pos + total
    facts[I_FRAGMENT] = facts[I_MORE] = facts[I_IDENT] = facts[I_ROUTED] = 0
    return extensions(buf, cap_end, facts)


@kernel()
def extensions(buf, cap_end, facts):  # type: ignore[no-untyped-def]
    """Move `facts` over IPv6 extension headers (RFC 8200 §4), up to a fragment's payload; 0 or FAIL_IP."""
    proto, at = facts[I_PROTO], facts[I_L4]
    for _ in range(MAX_EXTENSIONS):
        if proto == 0 or proto == 43 or proto == 60 or proto == 135:
            if at + 8 > cap_end:
                return FAIL_IP
            if proto == 43 and buf[at + 3]:
                facts[I_ROUTED] = 1
            proto, at = int(buf[at]), at + ((int(buf[at + 1]) + 1) << 3)
        elif proto == 51:
            if at + 8 > cap_end:
                return FAIL_IP
            proto, at = int(buf[at]), at + ((int(buf[at + 1]) + 2) << 2)
        elif proto == 44:
            if at + 8 > cap_end:
                return FAIL_IP
            part = be16(buf, at + 2)
            facts[I_FRAGMENT], facts[I_MORE], facts[I_IDENT] = part & 0xFFF8, part & 1, be32(buf, at + 4)
            proto, at = int(buf[at]), at + 8
            if facts[I_FRAGMENT] or facts[I_MORE]:
                break
        else:
            break
    if at > facts[I_L4_END] or at > cap_end:
        return FAIL_IP
    facts[I_PROTO], facts[I_L4] = proto, at
    return 0


@kernel()
def join(buf, ts, header, words, facts, places, bits, store, frag_counts, ctl, frame):  # type: ignore[no-untyped-def]
    """Give a fragment to reassembly; `frame` is 1, or 0 where its frame has been accounted for.

    Returns:
        The IP length of the whole datagram, whose payload then lies in the scratch part of `buf` and `facts` says
        where; 0 while it waits; or a negative FAIL_*.
    """
    ident = np.uint64(((facts[I_IDENT] << 8) | facts[I_PROTO]) + 1)
    slot = fragments.find(
        places, bits, frag_counts, words[0], words[1], words[2], words[3], ident, ts, np.uint64(ctl[C_SEED])
    )
    if slot < 0:
        return FAIL_FRAGMENT_ROOM
    size = facts[I_L4_END] - facts[I_L4]
    total = fragments.add(
        places, bits, store, frag_counts, slot, buf, facts[I_L4], size, facts[I_FRAGMENT], facts[I_MORE], header,
        frame,
    )  # fmt: skip
    if total == -2:
        return FAIL_IP
    if total < 0:
        return 0
    start, base = ctl[C_SCRATCH], slot * fragments.PLACE_BYTES
    for k in range(total):
        buf[start + k] = store[base + k]
    ctl[C_SCRATCH] = start + total
    place = fragments.place_row(places, slot)
    ctl[C_ACCEPTED] += place.frames - frame
    length = place.header + total
    fragments.clear(places, bits, slot, frag_counts)
    facts[I_L4], facts[I_L4_END] = start, start + total
    return length


@kernel()
def tunnel_port(p):  # type: ignore[no-untyped-def]
    """Return the port of a UDP row that may stand for a tunnel, or 0."""
    low, high = np.int64(p.k4 >> np.uint64(48)), np.int64((p.k4 >> np.uint64(32)) & np.uint64(0xFFFF))
    if is_tunnel(low):
        return low
    return high if is_tunnel(high) else 0


# fmt: off
@kernel()
def network(  # type: ignore[no-untyped-def]
    buf, ethertype, cap_end, wire_end, ts, nth, out, places, bits, store, frag_counts, notes, words, facts, ctl, outcome
):
    # fmt: on
    """Open IP at `notes[N_POS]` down to the innermost packet, writing rows to `out`; ACCEPTED, WAITS or FAIL_*.

    `outcome` is FAIL_DEEP, or ACCEPTED for what comes behind the first packet of an A-MSDU: its frame has been counted.
    """
    status = 0
    check, exact = ctl[C_CHECK] != 0, False
    for _ in range(MAX_DEPTH):
        start = notes[N_POS]
        if ethertype == ET_IPV4:
            failure = ipv4(buf, start, cap_end, wire_end, ctl[C_CHECK], words, facts)
        else:
            failure = ipv6(buf, start, cap_end, wire_end, words, facts)
        if failure < 0:
            return failure if outcome < 0 else outcome
        if exact and facts[I_L4_END] != wire_end:
            return outcome
        exact = False
        length = facts[I_L4_END] - start
        whole = facts[I_L4_END] <= cap_end
        if facts[I_FRAGMENT] and not whole:
            return FAIL_FRAGMENT if outcome < 0 else outcome
        if whole and (facts[I_FRAGMENT] or facts[I_MORE]):  # of a first part that was cut, its headers are there
            header = facts[I_L4] - start - (0 if ethertype == ET_IPV4 else 8)
            if notes[N_JOINED] == MAX_JOINED:
                return FAIL_DEEP if outcome < 0 else outcome
            length = join(buf, ts, header, words, facts, places, bits, store, frag_counts, ctl, np.int64(outcome < 0))
            if length < 0:
                return length if outcome < 0 else outcome
            if length == 0:
                return WAITS if outcome < 0 else outcome
            notes[N_JOINED] += 1
            cap_end = facts[I_L4_END]
            status |= capture.STATUS_FRAGMENT
            if ethertype == ET_IPV6:
                failure = extensions(buf, cap_end, facts)
                if failure < 0:
                    return failure if outcome < 0 else outcome
        proto, l4, l4_end = facts[I_PROTO], facts[I_L4], facts[I_L4_END]
        cap_end = min(cap_end, l4_end)
        wire_end = l4_end
        if proto == 4 or proto == 41 or proto == 47:
            vlan, inner_vlan, ethernet = notes[N_VLAN], notes[N_INNER_VLAN], notes[N_ETHERNET]
            tunnel, tunnel_id = notes[N_TUNNEL], notes[N_TUNNEL_ID]
            notes[N_POS] = l4
            if proto == 47:
                ethertype = shims(buf, cap_end, gre(buf, l4, cap_end, notes), notes)
            else:
                ethertype = ET_IPV4 if proto == 4 else ET_IPV6
                notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_IP, 0
            if ethertype == ET_IPV4 or ethertype == ET_IPV6:
                continue
            notes[N_VLAN], notes[N_INNER_VLAN], notes[N_ETHERNET] = vlan, inner_vlan, ethernet
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = tunnel, tunnel_id
        if proto == NO_NEXT_HEADER and status & capture.STATUS_INNER:  # a Teredo bubble
            return outcome
        p = packet_row(out, ctl[C_PACKETS])
        p.ts, p.nth, p.ip_len, p.status = ts, nth, length, status
        p.vlan, p.inner_vlan = notes[N_VLAN], notes[N_INNER_VLAN]
        p.tunnel, p.ctx = notes[N_TUNNEL], notes[N_TUNNEL_ID]
        p.frame_off = notes[N_ETHERNET] if notes[N_ETHERNET] >= 0 else capture.NO_FRAME
        failure = transport(
            buf, p, proto, l4, cap_end, l4_end, words[0], words[1], words[2], words[3],
            np.uint64(ctl[C_SEED]), check and not facts[I_ROUTED],
        )  # fmt: skip
        if failure == FAIL_CHECKSUM and ctl[C_CHECK] == CHECK_BUT_OFFLOAD:
            if is_unfinished(buf, proto, l4, l4_end, words[0], words[1], words[2], words[3]):
                failure, p.status = 0, status | (p.status & ~capture.STATUS_BAD_CHECKSUM)
                ctl[C_OFFLOADED] += 1
        if failure < 0:
            if failure == FAIL_CHECKSUM or p.status & capture.STATUS_BAD_HEADER:
                ctl[C_PACKETS] += 1
            return failure if outcome < 0 else outcome
        ctl[C_PACKETS] += 1
        outcome = ACCEPTED
        if proto != 17:
            return outcome
        port, end = tunnel_port(p), np.int64(p.pay_off) + np.int64(p.pay_cap)
        if port == 0:
            if not is_teredo(buf, np.int64(p.pay_off), end):
                return outcome
            port = PORT_TEREDO
        if notes[N_TUNNEL] == T_GTP and (port == PORT_GTP or port == PORT_GTP_CONTROL):
            return outcome  # a phone's own packet on that port
        notes[N_POS] = np.int64(p.pay_off)
        ethertype = shims(buf, end, over_udp(buf, np.int64(p.pay_off), end, port, notes), notes)
        if ethertype != ET_IPV4 and ethertype != ET_IPV6:
            return outcome
        cap_end, wire_end = end, np.int64(p.pay_off) + np.int64(p.pay_len)
        exact = notes[N_TUNNEL] == T_GTP or notes[N_TUNNEL] == T_TEREDO  # they have no better mark
        status |= capture.STATUS_INNER
    return outcome


@kernel(inline=True)
def plain(buf, pos, cap_end, f, nth, p, ctl):  # type: ignore[no-untyped-def]
    """Decode the common frame at one go: Ethernet, IPv4 without options or fragments, TCP or UDP, wholly captured.

    Returns:
        ACCEPTED, or a negative value where the long way must be taken; nothing has been counted then.
    """
    if f.link != capture.LINK_ETHERNET or cap_end - pos < 54 or be32(buf, pos + 12) >> 8 != 0x080045:
        return FAIL_IP
    ip = pos + 14
    total, proto = be16(buf, ip + 2), np.int64(buf[ip + 9])
    if be16(buf, ip + 6) & 0x3FFF or ip + total > cap_end or total < 40 or (proto != 6 and proto != 17):
        return FAIL_IP
    check = ctl[C_CHECK] != 0
    if check:
        mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
        a, b = ule64(buf, ip), ule64(buf, ip + 8)
        if fold((a & mask) + (a >> shift) + (b & mask) + (b >> shift) + np.uint64(le32(buf, ip + 16))) != 0xFFFF:
            return FAIL_IP
    l4, end = ip + 20, ip + total
    if proto == 6:
        header = np.int64(buf[l4 + 12] >> 4) << 2
        if header < 20 or l4 + header > end:
            return FAIL_IP
        p.seq, p.ack, p.flags = be32(buf, l4 + 4), be32(buf, l4 + 8), buf[l4 + 13]
        p.status = capture.STATUS_ZERO_WINDOW if be16(buf, l4 + 14) == 0 else 0
    else:
        header = np.int64(8)
        if be16(buf, l4 + 4) != total - 20:
            return FAIL_IP
        p.seq, p.ack, p.flags, p.status = 0, 0, 0, 0
    if check and (proto == 6 or be16(buf, l4 + 6)):
        # the addresses of the pseudo header stand right in front of the segment
        sum_ = ones_sum(buf, ip + 12, end) + np.uint64((proto << 8) + swapped(total - 20))
        if fold(sum_) != 0xFFFF:
            return FAIL_IP
    src_port, dst_port = be16(buf, l4), be16(buf, l4 + 2)
    if proto == 17 and (is_tunnel(dst_port) or is_tunnel(src_port) or is_teredo(buf, l4 + 8, end)):
        return FAIL_IP
    prefix, zero = np.uint64(0xFFFF00000000), np.uint64(0)
    src, dst = prefix | ube32(buf, ip + 12), prefix | ube32(buf, ip + 16)
    set_key(p, proto, zero, src, zero, dst, src_port, dst_port, False, np.uint64(ctl[C_SEED]))
    p.ts, p.nth, p.ip_len, p.frame_off = f.ts, nth, total, pos
    p.vlan, p.inner_vlan, p.tunnel, p.ctx = 0, 0, 0, 0
    p.pay_len = p.pay_cap = total - 20 - header
    p.pay_off = l4 + header
    ctl[C_PACKETS] += 1
    return ACCEPTED


@kernel(inline=True)
def swapped(value):  # type: ignore[no-untyped-def]
    """Swap the bytes of a 16-bit number."""
    return ((value & 0xFF) << 8) | (value >> 8)


@kernel(inline=True)
def is_tunnel(port):  # type: ignore[no-untyped-def]
    """Tell whether a UDP port may stand for a tunnel of `tunnel.over_udp`."""
    if port < PORT_GTP_CONTROL or port > PORT_GENEVE:
        return False
    return (
        port == PORT_VXLAN
        or port == PORT_GENEVE
        or port == PORT_GTP
        or port == PORT_GTP_CONTROL
        or port == PORT_TEREDO
        or port == PORT_AYIYA
        or port == PORT_GRE
    )


@kernel()
def arp(buf, pos, end, ts, ordinal, vlan, row):  # type: ignore[no-untyped-def]
    """Fill an ARP row from an Ethernet/IPv4 message (RFC 826); whether it was one."""
    if pos + 28 > end or be32(buf, pos) != 0x00010800 or be16(buf, pos + 4) != 0x0604:
        return False
    row.ts, row.offset, row.vlan, row.op = ts, ordinal, vlan, be16(buf, pos + 6)
    row.sender_mac = np.uint64(be16(buf, pos + 8)) << np.uint64(32) | np.uint64(be32(buf, pos + 10))
    row.sender_ip = be32(buf, pos + 14)
    row.target_mac = np.uint64(be16(buf, pos + 18)) << np.uint64(32) | np.uint64(be32(buf, pos + 20))
    row.target_ip = be32(buf, pos + 24)
    return True


@kernel(
    rows(np.uint8), rows(capture.FRAME), "int64", rows(capture.PACKET), rows(capture.ARP), rows(fragments.PLACE),
    rows(np.uint64), rows(np.uint8), rows(np.int64), rows(np.int64), rows(np.uint64), rows(np.int64), rows(np.int64),
    rows(np.int64),
)  # fmt: skip
def decode(buf, frames, i, out, arps, places, bits, store, frag_counts, notes, words, facts, ctl, drops):  # type: ignore[no-untyped-def]
    """Decode frames from `frames[i]` on until they, `out`, `arps` or the scratch part of `buf` run out.

    Args:
        buf: Read buffer, uint8; its scratch part is `ctl[C_SCRATCH]:ctl[C_SCRATCH_END]`.
        frames: dtype FRAME, shape (n,).
        out: dtype PACKET; rows are appended at `ctl[C_PACKETS]`.
        arps: dtype ARP; rows are appended at `ctl[C_ARPS]`.
        places, bits, store, frag_counts: State of `fragments`.
        notes, words, facts: Scratch of the header walk, of N_COUNT, 4 and I_COUNT words.
        ctl: C_COUNT control words.
        drops: int64, one counter per `capture.DROP_REASONS`.

    Returns:
        The first frame that was not decoded.
    """
    n_frames, n_out, n_arps = len(frames), len(out), len(arps)
    buf, frames, out, arps = borrow(buf), borrow(frames), borrow(out), borrow(arps)
    places, bits, store, frag_counts = borrow(places), borrow(bits), borrow(store), borrow(frag_counts)
    notes, words, facts, ctl, drops = borrow(notes), borrow(words), borrow(facts), borrow(ctl), borrow(drops)
    while (
        i < n_frames
        and ctl[C_PACKETS] + ROWS_A_FRAME <= n_out
        and ctl[C_ARPS] < n_arps
        and ctl[C_SCRATCH_END] - ctl[C_SCRATCH] >= MAX_JOINED * fragments.PLACE_BYTES
    ):
        f = frame_row(frames, i)
        pos, cap_end, wire_end = np.int64(f.off), np.int64(f.off) + np.int64(f.cap), np.int64(f.off) + np.int64(f.wire)
        if plain(buf, pos, cap_end, f, i, packet_row(out, ctl[C_PACKETS]), ctl) == ACCEPTED:
            ctl[C_ACCEPTED] += 1
            i += 1
            continue
        for k in range(N_COUNT):
            notes[k] = 0
        notes[N_ETHERNET] = -1
        ethertype = shims(buf, cap_end, link_header(buf, pos, cap_end, f.link, notes), notes)
        if ethertype == ET_ARP:
            outcome = ACCEPTED
            if arp(buf, notes[N_POS], cap_end, f.ts, ctl[C_ORDINAL] + i, notes[N_VLAN], arp_row(arps, ctl[C_ARPS])):
                ctl[C_ARPS] += 1
            else:
                outcome = FAIL_TRANSPORT
        elif ethertype < 0:
            outcome = ethertype
        else:
            outcome = network(
                buf, ethertype, cap_end, max(wire_end, cap_end), f.ts, i, out, places, bits, store, frag_counts,
                notes, words, facts, ctl, FAIL_DEEP,
            )  # fmt: skip
        for _ in range(MAX_SUBFRAMES):
            if notes[N_NEXT] == 0:
                break
            limit = notes[N_LIMIT]
            beyond = max(wire_end, limit) if limit == cap_end else limit
            ethertype = shims(buf, limit, subframe(buf, limit, notes), notes)
            if ethertype == ET_IPV4 or ethertype == ET_IPV6:
                network(
                    buf, ethertype, limit, beyond, f.ts, i, out, places, bits, store, frag_counts, notes, words,
                    facts, ctl, ACCEPTED,
                )  # fmt: skip
        if outcome == ACCEPTED:
            ctl[C_ACCEPTED] += 1
        elif outcome < 0:
            drops[-1 - outcome] += 1
        i += 1
    return i
