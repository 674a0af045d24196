"""Random TCP and UDP between a few hosts, made to be odd: lost, doubled, reordered, wrapped, reset, reused."""

import struct

from sensor.model.capture import LINK_ETHERNET

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
PAUSES_NS = (0, 1000, 10**6, 10**8, SECOND, 4 * SECOND, 6 * SECOND, 59 * SECOND, 61 * SECOND, 301 * SECOND)
PORTS = (40000, 40001, 80, 22, 443, 53)


def frame(ts, ends, flags, seq, ack, size, *, window=1000, proto=6):
    """An Ethernet frame without checksums; `ends` are (host, port) of sender and receiver."""
    (src, sport), (dst, dport) = ends
    header = (
        struct.pack(">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, 0x50, flags, window, 0, 0)
        if proto == 6
        else struct.pack(">HHHH", sport, dport, 8 + size, 0)
    )
    total = 20 + len(header) + size
    ip = struct.pack(">BBHHHBBH4B4B", 0x45, 0, total, 0, 0, 64, proto, 0, 10, 0, 0, src, 10, 0, 0, dst)
    octets = bytes(12) + b"\x08\0" + ip + header + bytes(size)
    return ts, octets, len(octets), LINK_ETHERNET


class Speaker:
    """One end of a conversation: where it stands in its stream, and what it last heard."""

    def __init__(self, rng):
        self.seq, self.heard = rng.choice((1000, 2**32 - 2000, 2**31 - 1000, 0)) + rng.randrange(5), 0
        self.opened = False

    def say(self, rng):
        """Choose what is sent next: (flags, seq, size)."""
        kind = rng.random()
        if not self.opened or kind < 0.03:
            self.opened = True
            flags, seq, size = SYN | (ACK if self.heard else 0), self.seq, 0
            self.seq += 1
            if kind < 0.01:
                self.seq += rng.randrange(1, 5000)
            return flags, seq, size
        if kind < 0.07:
            seq, self.seq = self.seq, self.seq + 1
            return FIN | ACK, seq, rng.choice((0, 0, 30))
        if kind < 0.09:
            return rng.choice((RST, RST | ACK)), self.seq, rng.choice((0, 0, 12))
        if kind < 0.10:
            return rng.choice((0, SYN | FIN, FIN | RST, SYN | RST, 255, PSH)), self.seq, rng.choice((0, 20))
        size = rng.choice((0, 0, 1, 100, 1460))
        if kind < 0.2:  # again
            return ACK, self.seq - rng.choice((1, size, 500, 3000)), size
        if kind < 0.27:  # ahead
            return ACK, self.seq + rng.choice((1, 100, 1460, 20_000)), size
        if kind < 0.33:  # lost
            self.seq += rng.choice((10, 1460, 100_000))
        seq, self.seq = self.seq, self.seq + size
        return ACK | PSH, seq, size


def frames(rng, count):
    """A number of frames of conversations that share hosts and ports."""
    talks, made, ts = {}, [], BEGIN
    while len(made) < count:
        ts += rng.choice(PAUSES_NS) if rng.random() < 0.3 else rng.randrange(10**6)
        hosts = rng.sample((1, 2, 3), 2)
        ends = tuple((host, rng.choice(PORTS[:2] if host == 1 else PORTS)) for host in sorted(hosts))
        sides = talks.setdefault(ends, (Speaker(rng), Speaker(rng)))
        if rng.random() < 0.1:
            made.append(frame(ts, ends if rng.random() < 0.5 else ends[::-1], 0, 0, 0, rng.randrange(60), proto=17))
            continue
        for _ in range(rng.choice((1, 1, 3, 8))):
            me = int(rng.random() < 0.5)
            flags, seq, size = sides[me].say(rng)
            known = sides[1 - me].seq if sides[1 - me].opened else 0
            ack = rng.choice((known, known, known, known - 10, known + 1, 0)) if flags & ACK else 0
            sides[1 - me].heard = 1
            window = 0 if rng.random() < 0.02 else 1000
            made.append(frame(ts, ends if me == 0 else ends[::-1], flags, seq, ack, size, window=window))
            ts += rng.randrange(10**7)
        if rng.random() < 0.05:
            del talks[ends]
    return made[:count]
