"""Twins of baselines/seen.py: a set of (block, place) pairs, from the two hashes of each key."""


def visit(bits, keys, blocks):
    """Return (held before, bits after) for keys of (block hash, place hash, put)."""
    bits, found = set(bits), []
    for block_hash, place_hash, put in keys:
        block = block_hash % blocks
        wanted = {(block, place_hash >> 9 * k & 511) for k in range(7)}
        found.append(wanted <= bits)
        if put:
            bits |= wanted
    return found, bits
