"""Twin of sensor/entities/presence.py: slots as dictionaries, histograms as lists of what left."""

RING, DAYS, SLOTS_DAY, HISTORY_MAX, SHARE, CONTACT, MIXED = 96, 45, 288, 1080, 4, 32, -1


def mark(marks, bin_of):
    """Return {row: state} after marks (row, slot, hash, size, site, flags); `bin_of` gives the bin of bits set."""
    held = {}
    for row, slot, digest, size, site, flags in marks:
        one = held.setdefault(
            row, {"first": slot, "days": set(), "on": set(), "contacts": set(), "cells": {}, "left": {}, "shares": {}}
        )
        one["first"] = min(one["first"], slot)
        newest = max(one["days"], default=0)
        if slot // SLOTS_DAY <= newest - DAYS:
            continue
        if slot // SLOTS_DAY > newest:
            one["days"].add(slot // SLOTS_DAY)
        one["on"].add(slot)
        if flags & CONTACT:
            one["contacts"].add(slot)
        cell = one["cells"].get(slot % RING)
        if cell is not None and cell["slot"] > slot:
            continue
        if cell is None or cell["slot"] < slot:
            if cell is not None:
                leave(one, cell, bin_of)
            cell = one["cells"][slot % RING] = {"slot": slot, "bits": set(), "sizes": {}, "site": 0, "flags": 0}
        cell["flags"] |= flags
        if site:
            cell["site"] = site if cell["site"] in {0, site} else MIXED
        if digest:
            cell["bits"].add(digest >> 58)
            peer = digest & 0xFFFFFFFF
            cell["sizes"][peer] = cell["sizes"].get(peer, 0) + size
    for one in held.values():
        oldest = (max(one["days"]) - DAYS + 1) * SLOTS_DAY
        one["on"] = {slot for slot in one["on"] if slot >= oldest}
        one["contacts"] = {slot for slot in one["contacts"] if slot >= oldest}
    return held


def leave(one, cell, bin_of):
    """Take a slot into the histogram of its hour of day."""
    hour = cell["slot"] // 12 % 24
    counts = one["left"].setdefault(hour, [0] * 16)
    counts[bin_of[len(cell["bits"])]] += 1
    one["shares"][hour] = one["shares"].get(hour, 0) + bool(cell["flags"] & SHARE)
    if sum(counts) > HISTORY_MAX:
        one["left"][hour] = [count // 2 for count in counts]
        one["shares"][hour] //= 2
