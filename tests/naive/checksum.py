"""The Internet checksum as RFC 1071 §1 defines it: big-endian words, end-around carry after every addition."""


def ones_sum(octets):
    """Add 16-bit words in one's-complement, an odd last byte padded with zero."""
    octets = bytes(octets) + b"\0" * (len(octets) % 2)
    total = 0
    for k in range(0, len(octets), 2):
        total += int.from_bytes(octets[k : k + 2], "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_sum(src, dst, proto, length):
    """Add the pseudo header of RFC 9293 §3.1 (addresses of 4 bytes) or RFC 8200 §8.1 (of 16 bytes)."""
    return ones_sum(src + dst + length.to_bytes(4, "big") + bytes(3) + bytes([proto]))


def right(octets, *more):
    """Tell whether everything, the checksum included, adds up to minus zero."""
    total = ones_sum(octets)
    for other in more:
        total += other
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF
