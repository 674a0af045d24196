"""Fields are walked to the end of a message, and a damaged tail never leads outside of it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import metadata, protocols


def _write(items: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([field]) + len(value).to_bytes(2, "little") + value for field, value in items)


FIELDS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8)


@given(FIELDS)
def test_what_was_written_is_read(items: list[tuple[int, bytes]]) -> None:
    """Every field, empty ones too, in order."""
    assert items == list(metadata.fields(_write(items)))


@given(FIELDS, st.integers(0, 2500))
def test_a_cut_message_gives_a_prefix(items: list[tuple[int, bytes]], cut: int) -> None:
    """The fields before the cut are whole; the one at the cut is shortened or missing; nothing follows it."""
    found = list(metadata.fields(_write(items)[:cut]))
    assert items[: max(len(found) - 1, 0)] == found[:-1]
    if found:
        field, value = items[len(found) - 1]
        assert (field, value[: len(found[-1][1])]) == found[-1]


@given(st.binary(max_size=400))
def test_any_bytes_end_the_walk(blob: bytes) -> None:
    """At least three bytes are consumed a turn, whatever they are."""
    assert len(blob) // 3 >= sum(1 for _ in metadata.fields(blob))


def test_field_ids_are_distinct_and_fit_a_byte() -> None:
    """One number space for all kinds: no two names share a number."""
    ids = [value for name, value in vars(metadata).items() if name.startswith("F_")]
    assert len(ids) == len(set(ids))
    assert 256 > max(ids)


def test_every_kind_has_its_service() -> None:
    """The list of services covers the kinds, in their order."""
    kinds = sorted(value for name, value in vars(metadata).items() if name.startswith("K_"))
    assert list(range(len(metadata.SERVICES))) == kinds


def test_a_record_knows_its_kind_when_read_back() -> None:
    """Records of different logs share a list and come back as what they were."""
    shared = {"ts": 1, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 2, "resp_h": "10.0.0.2", "resp_p": 53, "proto": 17}
    records = [metadata.Dns(query="a.example", **shared), metadata.Ssh(client="SSH-2.0-x", **shared)]
    back = msgspec.json.decode(msgspec.json.encode(records), type=list[protocols.AnyMessage])
    assert records == back
