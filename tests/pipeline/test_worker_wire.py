"""What crosses between coordinator and workers arrives as it left."""

import socket

import msgspec
import numpy as np
import pytest

from sensor.model.capture import ARP
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.pipeline.worker_wire import (
    ORDERS,
    Learn,
    Stream,
    StreamClosedError,
    column,
    decode_found,
    encode,
    encode_found,
    packed,
    unpacked,
)


def finding(observed):
    """Return one that holds something in every field that is built anew."""
    evidence = Evidence(
        id="EV-1", ts="2026-01-01T00:00:00.000000Z", site="SYD", entity=Entity(kind="device", id="D-1"),
        detector="scan", family="scan", source="network", observed=observed, expected=None, range=(0, 1.5),
        reference="peers", reference_n=3, p=1e-300, db=60.0, text="ß", records=(Record(input="a", row=1),),
        basis={"b": 2, "a": float("inf")}, keys=("address:192.0.2.1",), marks=("context",),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=3, name="pc", techniques=("T1046",), peers=(Peer(kind="device", id="D-2", name="x"),),
        opens=True, counter=("c",),
    )  # fmt: skip


@pytest.mark.parametrize("observed", [5, 5.0, 0.1 + 0.2])
def test_a_finding_arrives_with_the_very_numbers_it_left_with(observed):
    """Also an integer where a float is due: what is written of it later is the same to the byte."""
    sent = finding(observed)

    arrived = decode_found(encode_found({"scan": [sent], "doh": []}))

    assert {"scan": [sent]} == arrived
    assert msgspec.json.encode(sent) == msgspec.json.encode(arrived["scan"][0])


def test_a_number_of_numpy_arrives_as_pythons():
    """A detector may hand out what an array gave it."""
    arrived = decode_found(encode_found({"scan": [finding(np.int64(7))]}))

    assert "7" == repr(arrived["scan"][0].evidence.observed)


def test_arrays_of_a_state_arrive_with_their_types_and_shapes():
    """Rows of a record dtype, an empty array and one number as well; they may be written to."""
    state = {
        "rows": np.zeros(2, ARP), "none": np.empty((0, 3), np.uint8), "one": np.array(2.5), "two": np.eye(2)[:, ::-1],
    }  # fmt: skip

    again = unpacked(packed(state))

    assert {name: one.dtype for name, one in state.items()} == {name: one.dtype for name, one in again.items()}
    assert {name: one.shape for name, one in state.items()} == {name: one.shape for name, one in again.items()}
    assert all(np.array_equal(one, again[name]) and again[name].flags.writeable for name, one in state.items())


def test_a_column_is_writable_and_aligned():
    """Kernels are compiled for no others."""
    rows = np.zeros(3, ARP)
    rows["ts"] = 1, 2, 3

    got = column(rows.tobytes(), ARP)

    assert rows.tolist() == got.tolist()
    assert got.flags.writeable
    assert got.flags.aligned


def test_frames_arrive_whole_and_the_end_is_noticed_at_both_ends():
    """However much the socket takes at a time; a frame that breaks off is no frame."""
    one, other = socket.socketpair()
    here, there = Stream(one), Stream(other)
    order = Learn(b"\x01" * 1000, b"")
    here.send(encode(order))
    one.sendall(b"\x05")

    assert order == ORDERS.decode(there.receive())
    here.close()
    with pytest.raises(StreamClosedError):
        there.receive()
    with pytest.raises(StreamClosedError):
        there.send(b"x" * (1 << 24))
    there.close()
