"""Who takes part in an evidence and which records stand behind it, for detectors of attacks on hosts.

Not here: names for a person of a scan's contacts (sensor/detectors/scan_text.py).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sensor.model import addresses
from sensor.model.evidence import RECORDS_MAX, Peer, Record
from sensor.model.metadata import Message
from sensor.model.tick import Names


def flow_records(names: Names, flows: NDArray[np.void]) -> tuple[Record, ...]:
    """Name the last flows, at most RECORDS_MAX: of logs by their row, of captures by their first packet."""
    named = []
    for flow in flows[-RECORDS_MAX:]:
        place = {"row" if np.isnan(flow["size_sq"]) else "offset": int(flow["offset"])}
        uid = flow["uid"].decode("ascii", "replace") or None
        named.append(Record(input=names.input_path(int(flow["input"])), uid=uid, **place))
    return tuple(named)


def message_record(names: Names, message: Message) -> Record:
    """Name the record that a protocol's message is."""
    return Record(input=names.input_path(message.input), uid=message.uid or None, offset=message.offset)


def last_records(records: Sequence[Record]) -> tuple[Record, ...]:
    """Keep the last RECORDS_MAX, each once."""
    return tuple(dict.fromkeys(records))[-RECORDS_MAX:]


def party(names: Names, device: int, hi: int, lo: int) -> Peer:
    """Name the other side: a device where it is one, else an address with the name it was given."""
    address = addresses.text(hi, lo)
    if device >= 0:
        called = names.device_name(device)
        name = address if called == address else f"{called} ({address})"
        return Peer(kind="device", id=names.device_id(device), site=names.device_site(device), name=name)
    given = names.address_name(hi, lo)
    return Peer(kind="address", id=address, name=f"{given} ({address})" if given else address)


def seen_as(names: Names, device: int, address: str) -> str:
    """Write a device's name, and the address it was seen under where that is another text."""
    called = names.device_name(device)
    return called if called == address else f"{called} ({address})"


def keys_of(peers: Iterable[Peer]) -> tuple[str, ...]:
    """Return what ties an evidence to others that share its other sides."""
    return tuple(f"{'device' if peer.kind == 'device' else 'address'}:{peer.id}" for peer in peers)
