"""The format of bundles: what a site signed is read, and nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire import bundles
from sensor.wire.bundles import Incomplete, Writer
from tests.wire.bundles_made import KEYS, bodies, bundle, checked, head, hub, signer, taken

ENVELOPES = bodies(5, first=401)
PLAIN = bundle(ENVELOPES)
SEALED = bundle(ENVELOPES, seal_to=hub().public_key())


def refused(file, **told):
    """Return what is said of a bundle that is not taken."""
    with pytest.raises((Malformed, Incomplete)) as caught:
        taken(file, **told)
    return str(caught.value)


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=8), st.integers(1, 2**62), st.booleans())
def test_what_was_written_is_read(records, first, sealed):
    """Any envelopes, in order, encrypted or not."""
    envelopes = {first + 2 * place: body for place, body in enumerate(records)}
    file = bundle(envelopes, seal_to=hub().public_key() if sealed else None, first=first, last=first + 20)

    assert envelopes == taken(file, hub_keys=[hub()])


@pytest.mark.parametrize("file", [PLAIN, SEALED], ids=["plain", "sealed"])
@given(st.data())
def test_any_flipped_bit_is_refused(file, data):
    """Wherever it is."""
    bit = data.draw(st.integers(0, 8 * len(file) - 1))
    changed = bytearray(file)
    changed[bit // 8] ^= 1 << bit % 8

    assert refused(bytes(changed), hub_keys=[hub()])


@pytest.mark.parametrize("file", [PLAIN, SEALED], ids=["plain", "sealed"])
@given(st.data())
def test_a_shorter_file_is_incomplete(file, data):
    """However much is missing, and it says how much is there."""
    have = data.draw(st.integers(0, len(file) - 1))
    with pytest.raises(Incomplete) as caught:
        checked(file[:have])

    assert (have, True) == (caught.value.have, caught.value.need > have)


@given(st.binary(max_size=600))
def test_other_bytes_raise_nothing_else(file):
    """Only Malformed or Incomplete, whatever it is."""
    assert refused(file)
    assert refused(bundles.MAGIC + file)


def test_bytes_after_the_end_are_refused():
    """Nothing hides behind what was signed."""
    assert "1 bytes follow its end" == refused(PLAIN + b"x")


def test_one_site_cannot_sign_as_another():
    """The key of PER does not make a bundle of SYD, and the hub says whose it is."""
    file = bundle(ENVELOPES, sign=signer("PER"))

    assert "it says it is of 'SYD', and is signed by the key of 'PER'" == refused(file)
    assert "not configured" in refused(bundle(ENVELOPES, sign=signer("nobody")))
    assert "no key of a site 'ADL' is configured" == refused(bundle(ENVELOPES, site="ADL"))


def test_either_of_two_keys_is_valid():
    """While keys are changed, both sign; afterwards the old one does not."""
    both = {"SYD": [signer("new").public_key(), *KEYS["SYD"]]}

    assert ENVELOPES == taken(PLAIN, both) == taken(bundle(ENVELOPES, sign=signer("new")), both)
    assert refused(PLAIN, keys={"SYD": both["SYD"][:1]})


def test_only_the_hub_reads_what_is_encrypted():
    """No envelope stands in the file; without the key, or with another, it is refused by name."""
    assert not [body for body in ENVELOPES.values() if len(body) > 4 and body in SEALED]
    assert "not configured here" in refused(SEALED, hub_keys=[hub("other")])
    assert ENVELOPES == taken(SEALED, hub_keys=[hub("old"), hub()])


def test_nothing_sealed_can_be_moved():
    """Sealed records of one bundle in another, signed by the same site, do not open."""
    other = bundle(ENVELOPES, seal_to=hub().public_key(), epoch=8)
    moved = Writer(head(first=401, last=405), [(k, len(v)) for k, v in ENVELOPES.items()], signer("SYD"))
    found = checked(SEALED)
    moved.head = msgspec.structs.replace(found.head, epoch=8)
    moved._encoded = msgspec.msgpack.encode(moved.head)
    moved._plan = [(one.sequence, one.length) for one in found.entries]
    body = b"".join(moved.record(record) for _, record in found._records())

    assert len(other) == len(SEALED)
    assert "not sealed to this hub's key" in refused(moved.front() + body, hub_keys=[hub()])


def test_what_had_left_the_spool_is_told():
    """Sequences of the range that are not in the table, as runs."""
    file = bundle({3: b"a", 4: b"b", 7: b"c"}, first=1, last=9)

    assert [(1, 2), (5, 6), (8, 9)] == list(checked(file).lost())
    assert [(5, 2**62)] == list(checked(bundle({}, first=5, last=2**62)).lost())
    assert [] == list(checked(PLAIN).lost())


@pytest.mark.parametrize(
    ("envelopes", "of", "said"),
    [
        ({2: b"a", 1: b"b"}, {"first": 1, "last": 2}, "not in order"),
        ({1: b"a"}, {"first": 2, "last": 2}, "not in order"),
        ({5: b"a"}, {"first": 1, "last": 4}, "not in order"),
        ({}, {"first": 2, "last": 1}, "before its first"),
        ({1: b""}, {}, "empty"),
    ],
)
def test_what_no_site_writes_is_refused(envelopes, of, said):
    """Signed or not: a site's program may be another's by now."""
    assert said in refused(bundle(envelopes, **of))


def test_counts_and_lengths_have_bounds_before_anything_is_read():
    """A head that claims four gigabytes is refused by its first 20 bytes."""
    asked = []

    def read(at, count):
        asked.append(count)
        return (bundles.MAGIC + bytes([1, 0, 0, 0]) + b"\xff" * 8)[at : at + count]

    with pytest.raises(Malformed, match="longer than any site writes"):
        bundles.verify(read, 1 << 40, KEYS)
    assert [20] == asked


def test_a_newer_version_is_named():
    """So that an operator knows which end to upgrade."""
    assert "version 2, and this release reads version 1" in refused(PLAIN[:8] + b"\x02" + PLAIN[9:])


def test_a_record_that_changes_after_the_check_is_not_given():
    """Each is compared again as it is read: what lies in a folder may be exchanged meanwhile."""
    file = bytearray(PLAIN)
    found = bundles.verify(lambda at, count: bytes(file[at : at + count]), len(file), KEYS)
    found.check()
    given_out = found.envelopes()
    next(given_out)
    file[-1] ^= 1

    with pytest.raises(Malformed, match="envelope 405"):
        list(given_out)


def test_a_file_cut_after_the_check_is_incomplete():
    """As one that is replaced by a shorter one."""
    file = bytearray(PLAIN)
    found = bundles.verify(lambda at, count: bytes(file[at : at + count]), len(file), KEYS)
    del file[-1:]

    with pytest.raises(Incomplete):
        found.check()


def test_a_writer_takes_what_was_planned():
    """Another length, one too few, or more than a bundle holds are errors of ours."""
    writer = Writer(head(), [(1, 1)], signer("SYD"))
    with pytest.raises(ValueError, match="not every envelope"):
        writer.front()
    with pytest.raises(ValueError, match="not the one"):
        writer.record(b"ab")
    with pytest.raises(ValueError, match="cannot hold"):
        Writer(head(), [(1, bundles.RECORD_MAX)], signer("SYD"))
