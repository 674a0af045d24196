"""Records asked by path, whatever a product did to them."""

import pytest

from sensor.errors import Malformed
from sensor.wire.fields import Assumed, Fields, read_address

RECORD = Fields(
    {
        "Properties": {"Status": '{"errorCode":50126,"failureReason":""}', "devices": '[{"Id":"d1"},{"id":"d2"}]'},
        "source.ip": "::ffff:192.0.2.1",
        "host": {"os.name": "Windows"},
        "Nothing": "null",
        "Number": "17",
        "Float": "3.0",
        "Yes": "True",
        "Parameters": [{"Name": "Name", "Value": "."}, {"Name": "From"}],
        "when": "2021-01-01T00:00:00Z",
    }
)


def test_paths_go_through_nesting_flattening_and_json_text():
    """Case does not matter, and what means nothing is absent."""
    assert "50126" == RECORD.text("properties.status.ErrorCode")
    assert 50126 == RECORD.number("PROPERTIES.status.errorcode")
    assert RECORD.text("properties.status.failureReason") is None
    assert "Windows" == RECORD.text("host.os.name")
    assert "192.0.2.1" == RECORD.address("source.ip")[0]
    assert RECORD.text("nothing") is None
    assert RECORD.has("nothing", "number")
    assert not RECORD.has("nothing", "missing")


def test_values_have_the_type_that_is_asked():
    """Numbers and truth from texts, lists from one or many."""
    assert (17, 3, True) == (RECORD.number("number"), RECORD.number("float"), RECORD.flag("yes"))
    assert ["d1", "d2"] == [one.text("id") for one in RECORD.each("properties.devices")]
    assert {"name": ".", "from": None} == RECORD.named("parameters")
    assert ["True"] == RECORD.texts("yes")
    assert 1609459200 * 10**9 == RECORD.time("missing", "when")
    assert not RECORD.part("missing")
    with pytest.raises(Malformed, match="missing_time"):
        RECORD.time("missing")


@pytest.mark.parametrize(
    "written", [1 << 64, "0x" + "f" * 5000, "9" * 30, "-9223372036854775809", "1.5e300", "nan", []]
)
def test_a_number_beyond_64_bits_is_none(written):
    """No text can make one that later columns, or Python's own limit of digits, refuse."""
    assert Fields({"n": written}).number("n") is None


@pytest.mark.parametrize(
    ("written", "expected"), [("443", 443), (65535, 65535), (0, None), (65536, None), ("-1", None), ("https", None)]
)
def test_a_port_is_one_that_can_be(written, expected):
    """0, what lacks a port has, is none."""
    assert expected == Fields({"p": written}).port("p")


@pytest.mark.parametrize("written", ["nan", "inf", "-1e999", "north", True])
def test_what_is_no_finite_number_is_none(written):
    """A latitude of NaN is no place."""
    assert Fields({"n": written}).real("n") is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1:443", ("192.0.2.1", 443)),
        ("[2001:DB8::1]:8443", ("2001:db8::1", 8443)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("2001:db8:0:0::1", ("2001:db8::1", None)),
        ("::ffff:192.0.2.1", ("192.0.2.1", None)),
        ("fe80::1%eth0", ("fe80::1", None)),
        ("::1", ("::1", None)),
        ("2001:db8::1#443", ("2001:db8::1", 443)),
        ("2001:db8::1p443", ("2001:db8::1", 443)),
        ("2001:db8::1 port 443", ("2001:db8::1", 443)),
        ("2001:db8::1.443", ("2001:db8::1", 443)),
        ("2001:db8:1:2:3:4:5:6:443", ("2001:db8:1:2:3:4:5:6", 443)),
        ("10.80", (None, None)),
        ("192.0.2.1:99999", ("192.0.2.1", None)),
        ("localhost", (None, None)),
        ("999.0.0.1", (None, None)),
        (None, (None, None)),
    ],
)
def test_addresses_are_brought_to_one_form(written, expected):
    """With the port that stands beside them; what is no address is none."""
    assert expected == read_address(written)


def test_a_record_without_a_time_takes_the_assumed_one():
    """Also inside its parts; that it was taken is counted, and a time that is there wins."""
    assumed = Assumed(7)
    record = Fields({"part": {"x": 1}, "when": "2024-01-01T00:00:00Z"}, assumed)
    assert (7, 7) == (record.time("none"), record.part("part").time("none"))
    assert 2 == assumed.used
    assert 1_704_067_200 * 10**9 == record.time("when")
    with pytest.raises(Malformed, match="missing_time"):
        Fields({}).time("none")
