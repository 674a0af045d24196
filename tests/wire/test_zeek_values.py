"""The judge of single values: every form that is one, refusal of everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire import zeek_values as v

READERS = (v.time_ns, v.interval_ns, v.seconds, v.count, v.port, v.address, v.mac, v.boolean, v.text, v.texts)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(anything)
def test_no_value_raises_anything_but_malformed(value):
    """Whatever JSON can hold is a value, unset, or refused by the column's name."""
    for reader in READERS:
        reason = "bad_orig_h"
        try:
            reader(value, "id.orig_h")
        except Malformed as fault:
            reason = str(fault)
        assert "bad_orig_h" == reason


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (v.time_ns, "1588205198.89971", 1_588_205_198_899_710_000),
        (v.time_ns, 1588205198899, 1_588_205_198_899_000_000),
        (v.time_ns, "2020-04-30T00:06:38.899710Z", 1_588_205_198_899_710_000),
        (v.time_ns, "2020-04-30T10:06:38+1000", 1_588_205_198_000_000_000),
        (v.time_ns, None, None),
        (v.interval_ns, "0.0015780925750732422", 1_578_093),
        (v.seconds, "4.294967e+09", 4_294_967_000),
        (v.seconds, "3600.000000", 3600),
        (v.count, "9223372036854775807", 2**63 - 1),
        (v.count, "39.0", 39),
        (v.count, None, None),
        (v.address, "::ffff:1.2.3.4", (0, 0xFFFF01020304)),
        (v.mac, "AA-BB-CC-DD-EE-FF", 0xAABBCCDDEEFF),
        (v.boolean, True, True),
        (v.boolean, "F", False),
        (v.text, "", ""),
        (v.text, 7, "7"),
        (v.texts, ["a", None, "b"], ("a", "b")),
        (v.texts, None, ()),
    ],
)
def test_forms_of_values(reader, value, expected):
    """Each form that Zeek, its shippers and its converters write."""
    assert expected == reader(value, "x")


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (v.count, "-1"), (v.count, ""), (v.count, "-"), (v.address, ""), (v.time_ns, ""),
        (v.count, "9223372036854775808"), (v.count, "1.5"), (v.count, True), (v.count, "0x10"),
        (v.port, "65536"), (v.time_ns, "yesterday"), (v.time_ns, "20000000000"), (v.time_ns, "2020-13-01T00:00:00Z"),
        (v.interval_ns, "-0.5"), (v.address, "fe80::1%eth0"), (v.address, "10.0.0.256"), (v.address, "host"),
        (v.mac, "aa:bb"), (v.boolean, "yes"), (v.text, ["a"]), (v.texts, [["a"]]),
    ],
)  # fmt: skip
def test_what_is_refused(reader, value):
    """What is not a value of its type is refused, never rounded or read as 0."""
    with pytest.raises(Malformed, match="bad_x"):
        reader(value, "x")
