"""Twins of baselines/tally.py."""


def tally(exchanges):
    """Return {row: [out, in, opened, answered, failed]} of (first, second, sent, returned, fresh, failed)."""
    found = {}
    for first, second, sent, returned, fresh, failed in exchanges:
        out, back = max(sent, 0), max(returned, 0)
        for row, line in ((first, [out, back, fresh, 0, fresh and failed]), (second, [back, out, 0, fresh, 0])):
            if row >= 0:
                found[row] = [old + new for old, new in zip(found.get(row, [0] * 5), line, strict=True)]
    return found
