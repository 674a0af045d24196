"""Twins of baselines/keyed.py: dictionaries."""

M = (1 << 64) - 1


def mix(a, b, c, secret):
    """splitmix64's finaliser, once a word."""
    h = secret
    for word in (a, b, c):
        h ^= word
        h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & M
        h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & M
        h = ((h ^ (h >> 31)) + 0x9E3779B97F4A7C15) & M
    return h ^ (h >> 32)


def find_slot(index, keys, key, start):
    """First slot from `start` on, going round, that is empty or holds the key."""
    slots = list(range(start, len(index))) + list(range(start))
    return next(slot for slot in slots if index[slot] < 0 or tuple(keys[index[slot]]) == key)


def insert(known, keys):
    """Row of each key in a dictionary that grows in order of first sight."""
    return [known.setdefault(key, len(known)) for key in keys]


def look_up(known, keys):
    """Row of each key, −1 where absent."""
    return [known.get(key, -1) for key in keys]


def reindex(keys):
    """Dictionary of rows by key."""
    return {key: row for row, key in enumerate(keys)}
