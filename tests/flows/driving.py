"""Run the flow engine on frames in memory, and read its rows back under names."""

import numpy as np

from sensor.flows.engine import LOCAL_NETWORKS, FlowEngine
from sensor.model.capture import TUNNELS
from sensor.model.flow import CONN_STATES, ENDINGS, FLOW
from tests.naive.decode import decode
from tests.naive.engine import COLUMNS, drive
from tests.packets.frames import laid_out, untouched


def engine(max_flows=1 << 12, *, interval_ns=0, **options):
    """An engine without interval rows."""
    return FlowEngine(max_flows, interval_ns=interval_ns, **options)


def feed(target, frames):
    """Feed frames as one block; nothing outside the scratch part of the buffer may change."""
    buf, rows, scratch_at, memory = laid_out(frames)
    target.feed(buf, rows, scratch_at)
    assert untouched(memory, frames)


def run(frames, *, pieces=None, **options):
    """Feed frames in pieces of the given sizes (all at once by default) and finish."""
    target = engine(**options)
    at = 0
    for size in [*(pieces or ()), len(frames)]:
        if at < len(frames):
            feed(target, frames[at : at + size])
        at += size
    target.finish()
    return target


def named(row):
    """A FLOW row as a dictionary, codes as their names."""
    found = {name: row[name].item() for name in FLOW.names}
    return found | {
        "conn_state": CONN_STATES[found["conn_state"]],
        "tunnel": TUNNELS[found["tunnel"]],
        "why": ENDINGS[found["why"]],
        **{name: found[name].decode() for name in ("uid", "history", "service")},
    }


def flows(frames, **options):
    """The flows of frames, in the order of their first packets."""
    rows = [named(row) for row in run(frames, **options).drain_flows()]
    return sorted(rows, key=order)


def order(row):
    return row["offset"], row["ts"], row["proto"], row["orig_p"], row["resp_p"], row["tunnel_id"], row["resp_lo"]


def compared(row):
    """What the twin knows of a flow."""
    return {name: row[name] for name in COLUMNS}


def expected(frames, *, check=True):
    """The twin's flows."""
    packets = decode(frames, check=check).packets
    return sorted(drive(packets, local_networks=LOCAL_NETWORKS), key=order)


def everything(target):
    """All that an engine gives, as bytes: for telling whether two runs are identical."""
    metas = target.drain_metas()
    texts = [arena[row["at"] : row["at"] + row["len"]].tobytes() for rows, arena in metas for row in rows]
    rows = np.concatenate([rows for rows, _ in metas]) if metas else np.zeros(0)
    columns = [octets(table) for table in (rows, target.drain_flows(), target.drain_arps())]
    return columns, texts, target.accepted, target.drops, target.opened, target.evicted


def octets(rows):
    """Each column as bytes, but for where a message lies in its arena; between columns lies whatever lay there."""
    return [rows[name].tobytes() for name in rows.dtype.names or () if name != "at"]


def differences(frames, *, check=True, **options):
    """Where flows and the twin's differ: (the flow's offset, column, engine's value, twin's), the first few."""
    found, wanted = flows(frames, ignore_checksums=not check, **options), expected(frames, check=check)
    unlike = [
        (row["offset"], name, row[name], other[name])
        for row, other in zip(found, wanted, strict=False)
        for name in COLUMNS
        if row[name] != other[name]
    ]
    return unlike[:10] or [("flows", len(found), len(wanted))] * (len(found) != len(wanted))
