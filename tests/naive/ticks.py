"""Twin of sensor/packets/ticks.py, from draft-ietf-opsawg-pcapng section 4.2, with integers of any size."""


def to_ns(ticks, resolution, offset_s):
    """Return ns since 1970 rounded down, None outside [1970, 2262)."""
    per_second = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10 ** (resolution & 0x7F)
    ns = ticks * 10**9 // per_second + offset_s * 10**9
    return ns if 0 <= ns < 9_214_646_400 * 10**9 else None
