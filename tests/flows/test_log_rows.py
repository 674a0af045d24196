"""The columns of a row, and the table of short words."""

import numpy as np

from sensor.flows import log_rows
from sensor.model.flow import CONN_STATES, FLOW


def test_a_blank_row_has_every_column_unset():
    """What no field sets is unset, not 0."""
    row = log_rows.blank_row().view(FLOW)[0]
    unset = {name for name in FLOW.names if row[name] == -1}
    counts = {name for name in FLOW.names if name.endswith(("_bytes", "_pkts"))}
    assert counts | {"duration", "local_orig", "local_resp"} == unset
    assert np.isnan([row["size_sq"], row["gap_sq"]]).all()


def test_every_word_has_a_slot_of_its_own():
    """Each state, protocol and truth value is found under its kind."""
    words = log_rows._words()
    assert len(CONN_STATES) - 1 + 3 + 4 == len(words)
    for key, number in words.items():
        slot = (key * int(log_rows._MULTIPLIER) & (1 << 64) - 1) >> (64 - log_rows._SLOT_BITS)
        assert (key, number) == (int(log_rows._WORD_KEYS[slot]), int(log_rows._WORD_NUMBERS[slot]))
