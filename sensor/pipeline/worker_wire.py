"""What a coordinator and its workers say to each other: length-prefixed msgpack over a stream.

Everything a worker needs crosses here and nothing else does, so that the stream may as well lie between two machines.
Arrays of a state go as `.npy` bytes, columns of a tick as their bare bytes; a finding arrives with its numbers of the
very type they left with (5 is not 5.0), because incidents are compared by their bytes. Not here: who says what when
(`crew`, `worker`). Assumes both ends to be of one release and one byte order.
"""

import io
import socket
import struct
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from sensor.model.event import Event
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.protocols import AnyMessage
from sensor.model.report import AnyReport
from sensor.model.result import Coverage

_LENGTH = struct.Struct("<Q")
_TUPLES = ("range", "keys", "marks")

Arrays = dict[str, bytes]
"""A state's named arrays, as `.npy`."""


class _Said(msgspec.Struct, frozen=True, array_like=True):
    pass


class Begin(_Said, frozen=True, array_like=True, tag="b"):
    """Who is who is kept like this; what is known so far."""

    networks: dict[str, tuple[str, ...]]
    secret: int
    egresses: dict[str, tuple[str, ...]]
    domains: dict[str, tuple[str, ...]]
    timezone: str
    entities: Arrays


class Own(_Said, frozen=True, array_like=True, tag="o"):
    """These detectors are yours from now on, with their state; those not named here no more.

    A state that is None is the one the worker has.
    """

    detectors: dict[str, Arrays | None]


class Take(_Said, frozen=True, array_like=True, tag="t"):
    """One step's records: resolve and score them. Columns as bytes, in order of event time."""

    end_ns: int
    learn: bool
    sites: list[str]
    """Every site's name by its number, as they are before the step."""
    inputs: list[str]
    flows: bytes
    site: bytes
    fresh: bytes
    arp: bytes
    arp_site: bytes
    arp_input: bytes
    messages: list[AnyMessage]
    message_site: list[int]
    events: list[Event]
    event_site: list[int]
    reports: list[AnyReport]


class Learn(_Said, frozen=True, array_like=True, tag="l"):
    """What was flagged of the step that was scored: learn the rest."""

    flagged: bytes
    frozen: bytes


class Tell(_Said, frozen=True, array_like=True, tag="k"):
    """Say what the detectors hold."""

    entities: bool = False
    """And what is known of who is who: for a look whether all know the same."""


AnyOrder = Begin | Own | Take | Learn | Tell


class Kept(_Said, frozen=True, array_like=True):
    """What a worker's detectors hold, each by its name."""

    states: dict[str, Arrays]
    coverage: dict[str, Coverage]
    saturation: dict[str, dict[str, float]]
    calibration: dict[str, list[tuple[str, float, float]]]
    spent_s: dict[str, float]
    """CPU seconds that each took since it was last asked."""
    entities: Arrays


ORDERS: msgspec.msgpack.Decoder[AnyOrder] = msgspec.msgpack.Decoder(AnyOrder)
KEPT: msgspec.msgpack.Decoder[Kept] = msgspec.msgpack.Decoder(Kept)
_FOUND: msgspec.msgpack.Decoder[dict[str, list[dict[str, Any]]]] = msgspec.msgpack.Decoder(
    dict[str, list[dict[str, Any]]]
)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} in a finding")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


class StreamClosedError(OSError):
    """The other end is gone."""


class Stream:
    """One end of a connected socket, by whole frames."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, body: bytes) -> None:
        """Send one frame. Raises StreamClosedError."""
        try:
            self._end.sendall(_LENGTH.pack(len(body)))
            self._end.sendall(body)
        except OSError as error:
            raise StreamClosedError(str(error)) from error

    def receive(self) -> bytearray:
        """Wait for one frame. Raises StreamClosedError."""
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return self._read(length)

    def close(self) -> None:
        """Let go of the socket."""
        self._end.close()

    def _read(self, length: int) -> bytearray:
        body = bytearray(length)
        left = memoryview(body)
        while left:
            try:
                count = self._end.recv_into(left)
            except OSError as error:
                raise StreamClosedError(str(error)) from error
            if not count:
                raise StreamClosedError("the stream ended")
            left = left[count:]
        return body


def encode(said: AnyOrder | Kept) -> bytes:
    """Write one frame's body."""
    return _ENCODER.encode(said)


def encode_found(found: Mapping[str, list[Finding]]) -> bytes:
    """Write what each detector found."""
    return _ENCODER.encode({name: findings for name, findings in found.items() if findings})


def decode_found(body: bytes | bytearray) -> dict[str, list[Finding]]:
    """Read what each detector found; one that found nothing is not named."""
    return {name: [_finding(one) for one in findings] for name, findings in _FOUND.decode(body).items()}


def packed(state: Mapping[str, NDArray[Any]]) -> Arrays:
    """Write named arrays."""
    return {name: _npy(column) for name, column in state.items()}


def unpacked(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Read named arrays; they may be written to."""
    return {name: np.lib.format.read_array(io.BytesIO(body), allow_pickle=False) for name, body in arrays.items()}


def column(body: bytes, dtype: DTypeLike) -> NDArray[Any]:
    """Return a column of a tick, aligned and writable as kernels want it, shape (n,)."""
    rows = np.empty(len(body) // np.dtype(dtype).itemsize, dtype)
    rows.view(np.uint8)[:] = np.frombuffer(body, np.uint8)
    return rows


def _npy(column: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(column), allow_pickle=False)
    return out.getvalue()


def _finding(raw: dict[str, Any]) -> Finding:
    """Build a finding without a change to any number's type."""
    told: dict[str, Any] = raw.pop("evidence")
    told["entity"] = Entity(**told["entity"])
    told["records"] = tuple(Record(**one) for one in told["records"])
    for name in _TUPLES:
        told[name] = None if told[name] is None else tuple(told[name])
    raw["peers"] = tuple(Peer(**one) for one in raw["peers"])
    raw["techniques"], raw["counter"] = tuple(raw["techniques"]), tuple(raw["counter"])
    return Finding(**raw, evidence=Evidence(**told))
