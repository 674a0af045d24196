"""Twins of sensor/packets/packet_ring.py, from linux/if_packet.h and the module's rules, with struct and slices."""

import struct


def walk(content, link, window_ns, seen):
    """Return (rows, counts) of a block; a row is (ts_ns, frame, wire), counts by name.

    `seen` maps what is compared of a frame to its time.
    """
    rows = []
    counts = {"duplicates": 0, "joined": 0, "not_ready": 0, "tagged": 0, "last": 0, "bytes": 0}
    number, at = struct.unpack_from("=II", content, 12)
    for _ in range(number):
        following, seconds, rest, cap, wire, status, mac, _, _, tci, tpid = struct.unpack_from(
            "=IIIIIIHHIIH", content, at
        )
        ts = seconds * 10**9 + rest
        frame = content[at + mac : at + mac + cap]
        at += following
        tagged = link == "ethernet" and status & 16 and cap >= 12
        counts["bytes"] += wire + (4 if tagged else 0)
        counts["last"] = max(counts["last"], ts)
        counts["not_ready"] += bool(status & 8)
        counts["joined"] += wire > 9300
        if window_ns:
            key = (wire, cap, frame[:192])
            before = seen.pop(key, None)
            if before is not None and 0 <= ts - before <= window_ns:
                counts["duplicates"] += 1
                continue
            seen[key] = ts
        if tagged:
            tag = struct.pack(">HH", tpid if status & 64 else 0x8100, tci & 0xFFFF)
            frame, wire = frame[:12] + tag + frame[12:], wire + 4
            counts["tagged"] += 1
        rows.append((ts, frame, wire))
    return rows, counts


def records(rows):
    """Return records of a pcap with nanoseconds, little-endian, of (ts_ns, frame, wire)."""
    return b"".join(struct.pack("<IIII", ts // 10**9, ts % 10**9, len(frame), wire) + frame for ts, frame, wire in rows)
