"""The same capture gives the same bytes: run again, on two threads, in blocks of any size."""

import io

import pytest

from sensor.flows.engine import FlowEngine
from sensor.packets.reader import CaptureReader
from tests.evaluation.captures import convert

CAPTURES = (
    "zeek-btest/Traces/cisco-fabric-path.pcap", "zeek-btest/Traces/ldap/missing_ldap_logs.pcapng",
    "zeek-btest/Traces/tunnels/ayiya3.pcap", "arkime/modbus.pcap", "ipfixprobe/inputs/wg.pcap",
)  # fmt: skip


@pytest.mark.parametrize("name", CAPTURES)
def test_json_is_the_same_again_and_on_two_threads(name, data_dir):
    """`flows --format json`, byte by byte; the account as well."""
    path = data_dir / "network" / name
    once, again, beside = convert(path, "json"), convert(path, "json"), convert(path, "json", threads=2)
    assert once.text
    assert once == again == beside


def everything(octets, chunk_bytes):
    """Flows, messages and ARP rows of a capture read in blocks of a size."""
    engine = FlowEngine(1 << 12)
    reader = CaptureReader(io.BytesIO(octets), "in memory", chunk_bytes=chunk_bytes)
    for buf, frames in reader.blocks():
        engine.feed(buf, frames, reader.scratch_at)
    engine.finish()
    flows, arps = engine.drain_flows(), engine.drain_arps()
    columns = [(name, rows[name].tobytes()) for rows in (flows, arps) for name in rows.dtype.names]  # without padding
    return len(flows), columns, engine.drain_messages(), engine.drops


@pytest.mark.parametrize("name", CAPTURES)
def test_blocks_of_any_size_give_the_same(name, data_dir):
    """From 4 KiB to more than the file: flows in the same order, messages, ARP, drops."""
    octets = (data_dir / "network" / name).read_bytes()
    whole = everything(octets, 1 << 20)
    assert whole[0]
    for chunk_bytes in (1 << 12, 5000, 1 << 14, 99_991):
        assert whole == everything(octets, chunk_bytes)
