"""Packets to flows with a dictionary of objects: Zeek's conn.log columns and timeouts, nothing bounded."""

import ipaddress

from sensor.model.flow import FLOW
from tests.naive.ports import likely_server
from tests.naive.tcp import ACK, SHORT_NS, SYN, Connection, conn_state, size
from tests.naive.transport import flow_key

IDLE_NS = SHORT_NS
"""Zeek's udp_, icmp_ and unknown_ip_inactivity_timeout."""
DNS = (53, 137, 5353, 5355)
DNS_CHECK_NS, DNS_IDLE_NS = 10**10, 9 * 10**9
"""Zeek's dns_session_timeout: DNS flows over UDP are looked at every 10 s, and end if idle for 9 s."""
INTERACTIVE = (21, 22, 23, 513)
"""Zeek's Conn::port_inactivity_timeouts."""
COLUMNS = tuple(name for name in FLOW.names if name not in ("uid", "service"))


class Flow:
    """One flow; `ends` are its endpoints, the lower of the key first."""

    def __init__(self, p, lower_is_sender):
        self.first, self.p = p.ts, p
        self.tcp = Connection(p.ts)
        flip = flips(p)
        self.orig_sent_first = not flip
        self.endpoints = ((p.src, p.sport), (p.dst, p.dport))
        self.sides = {True: self.tcp.orig, False: self.tcp.resp}  # by whether the first sender sent
        if flip:
            self.tcp.write("^", True)
            self.sides = {True: self.tcp.resp, False: self.tcp.orig}
        self.size_sq = self.gap_sq = 0.0
        self.active = set()

    def is_orig(self, side):
        return side is self.tcp.orig

    def sender(self, p):
        if self.endpoints[0] == self.endpoints[1]:
            return self.sides[True]
        return self.sides[(p.src, p.sport) == self.endpoints[0]]

    def end(self):
        by_first = self.tcp.orig is self.sides[True]
        responder = self.endpoints[1 if by_first else 0][1]
        if self.p.proto == 6:
            return self.tcp.end(interactive=responder in INTERACTIVE)
        if self.p.proto == 17 and responder in DNS:
            check = self.first + DNS_CHECK_NS
            while check - self.tcp.last < DNS_IDLE_NS:
                check += DNS_CHECK_NS
            return check
        return self.tcp.last + IDLE_NS

    def take(self, p):
        """Count a packet."""
        side, tcp = self.sender(p), self.tcp
        before, first = tcp.last, not (tcp.orig.pkts or tcp.resp.pkts)
        is_orig = self.is_orig(side)
        if p.status & 17:  # wrong checksum, damaged header
            if p.status & 1 and p.proto in (6, 17):
                tcp.scaled(side, "C", is_orig, 255)
            if p.proto == 6 or p.status & 1:
                return
        if p.proto == 6:
            tcp.take(p, is_orig)
        else:
            tcp.last = p.ts
            self.active.add(id(side))
            if p.proto == 17:
                tcp.once("data", "D", is_orig)
            if p.proto in (1, 17, 58):
                side.payload += p.pay_len
        if not first:
            gap = float(p.ts - before) * 1e-9
            self.gap_sq += gap * gap
        side.pkts += 1
        side.ip_bytes += p.ip_len
        self.size_sq += float(p.ip_len) * float(p.ip_len)

    def row(self, why, networks, source):
        """The flow's row, under the names of FLOW."""
        o, r, tcp, p = self.tcp.orig, self.tcp.resp, self.tcp, self.p
        by_first = o is self.sides[True]
        orig, resp = self.endpoints if by_first else self.endpoints[::-1]
        macs = (p.macs[6:], p.macs[:6]) if p.macs else (bytes(6), bytes(6))
        orig_l2, resp_l2 = macs if by_first else macs[::-1]
        sent = (size(o, r), size(r, o)) if p.proto == 6 else (o.payload, r.payload)
        state = "OTH"
        if p.proto == 6:
            state = conn_state(o, r, *sent, tcp.history)
        elif p.proto == 17:
            seen = id(o) in self.active, id(r) in self.active
            state = {(True, True): "SF", (True, False): "S0", (False, True): "SHR"}.get(seen, "OTH")
        return {
            "ts": self.first, "duration": max(tcp.last - self.first, 0), "proto": p.proto, "conn_state": state,
            "orig_hi": int.from_bytes(orig[0][:8], "big"), "orig_lo": int.from_bytes(orig[0][8:], "big"),
            "resp_hi": int.from_bytes(resp[0][:8], "big"), "resp_lo": int.from_bytes(resp[0][8:], "big"),
            "orig_p": orig[1], "resp_p": resp[1], "local_orig": local(networks, orig[0]),
            "local_resp": local(networks, resp[0]), "orig_bytes": sent[0], "resp_bytes": sent[1],
            "missed_bytes": tcp.missed, "orig_pkts": o.pkts, "orig_ip_bytes": o.ip_bytes, "resp_pkts": r.pkts,
            "resp_ip_bytes": r.ip_bytes, "history": tcp.history, "orig_l2": int.from_bytes(orig_l2, "big"),
            "resp_l2": int.from_bytes(resp_l2, "big"), "vlan": p.vlan, "inner_vlan": p.inner_vlan,
            "tunnel": p.tunnel, "tunnel_id": p.tunnel_id, "size_sq": self.size_sq, "gap_sq": self.gap_sq,
            "why": why, "input": source, "offset": p.nth,
        }  # fmt: skip


def local(networks, address):
    if not networks:
        return -1
    mapped = ipaddress.IPv6Address(address)
    plain = mapped.ipv4_mapped or mapped
    return int(any(plain in net for net in networks if net.version == plain.version))


def flips(p):
    """Zeek's rule of likely_server_ports: does a first packet come from the responder?"""
    if p.proto == 17:
        if p.dst == bytes(10) + b"\xff" * 6:  # DHCP and its like
            return False
        return likely_server(17, p.sport) and not likely_server(17, p.dport)
    if p.proto != 6 or p.flags & (SYN | ACK) == SYN or not likely_server(6, p.sport):
        return False
    return not likely_server(6, p.dport) or (not p.flags & SYN and p.sport < p.dport)


def drive(packets, *, local_networks=(), source=0, now=None):
    """Turn packets into rows of flows, in the order in which the flows ended; those of one moment in any order.

    Args:
        packets: The decoder's, in the order of the input; `nth` is the frame's ordinal there.
        local_networks: Networks as text.
        source: Number of the input.
        now: Event time at the end, ns; the last packet's where None.
    """
    networks = [ipaddress.ip_network(text) for text in local_networks]
    live, rows, clock = {}, [], None
    for p in packets:
        clock = p.ts if clock is None else max(clock, p.ts)
        key, _ = flow_key(p)
        flow = live.get(key)
        if flow is not None:
            over = clock >= flow.end()
            reused = not over and p.proto == 6 and flow.tcp.reused(p)
            if over or reused:
                ended = reused or flow.tcp.ends_at_until
                rows.append(live.pop(key).row("ended" if ended else "timeout", networks, source))
                flow = None
        if flow is None:
            flow = live[key] = Flow(p, None)
        flow.take(p)
    clock = max(clock or 0, now or 0)
    for flow in live.values():
        over = clock >= flow.end()
        why = ("ended" if flow.tcp.ends_at_until else "timeout") if over else "end_of_input"
        rows.append(flow.row(why, networks, source))
    return rows
