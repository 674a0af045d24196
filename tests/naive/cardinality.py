"""Twins of baselines/cardinality.py, on hashes."""


def add(hashes):
    """Registers of 64-bit hashes: by the low six bits, the position of the lowest set bit of the rest."""
    registers = [0] * 64
    for h in hashes:
        rest = h >> 6
        rank = 59 if rest == 0 else (rest & -rest).bit_length()
        registers[h & 63] = max(registers[h & 63], rank)
    return registers
