"""Envelopes for tests."""

import zstandard

from sensor.model.site_packet import Envelope


def envelope(sequence=1, body=b"what happened", **fields):
    """Make one, the first of epoch 7 of SYD unless told otherwise."""
    said = {"site": "SYD", "epoch": 7, "began": 0, "previous": sequence - 1, "kind": "signals"}
    said |= {"first_ns": 10, "last_ns": 20, "raw_bytes": len(body), "body": zstandard.compress(body)}
    return Envelope(**{**said, "sequence": sequence, **fields})
