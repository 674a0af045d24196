"""Twin of baselines/prefixes.py: as 128-bit integers."""


def match(values, masks):
    """Which values agree with some (value, mask) in all bits of the mask."""
    return [any(value & mask == wanted for wanted, mask in masks) for value in values]
