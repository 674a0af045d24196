"""Tests for sensor/wire/nps_records.py: attributes out of the three formats."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire.nps_records import TEXT_CHARS, attributes, is_record, named

STAMP = {"Timestamp": "03/07/2026 13:04:33"}
DATABASE = (
    '"NPS1","IAS",03/07/2026,13:04:33,2,,"EX\\ann",,"AA-BB-CC-DD-EE-FF",,,,,9,,"10.0.0.9","ap, one",,,,,,,11,"W",0'
)
PAIRS = "10.0.0.9,ann,03/07/2026,13:04:33,IAS,NPS1,"


def test_xml_gives_every_element_by_its_name():
    """The misspelt one by its right name; of two the first; entities are undone."""
    text = (
        '<Event><Timestamp data_type="4">03/07/2026 13:04:33.250</Timestamp>'
        '<User-Name data_type="1">a&amp;b </User-Name>'
        '<User-Name data_type="1">c</User-Name><Fully-Qualifed-User-Name data_type="1">EX\\a</Fully-Qualifed-User-Name>'
        "</Event>"
    )
    expected = {
        "Timestamp": "03/07/2026 13:04:33.250", "User-Name": "a&b", "Fully-Qualified-User-Name": "EX\\a",
    }  # fmt: skip
    assert expected == attributes(text)


def test_the_database_format_has_its_columns_in_order():
    """A comma in quotes separates nothing."""
    found = {name: value for name, value in attributes(DATABASE).items() if value}
    expected = {
        **STAMP, "Computer-Name": "NPS1", "Event-Source": "IAS", "Packet-Type": "2", "NAS-Port": "9",
        "Fully-Qualified-User-Name": "EX\\ann", "Calling-Station-Id": "AA-BB-CC-DD-EE-FF",
        "Client-IP-Address": "10.0.0.9", "Client-Friendly-Name": "ap, one", "Authentication-Type": "11",
        "NP-Policy-Name": "W", "Reason-Code": "0",
    }  # fmt: skip
    assert expected == found


def test_pairs_have_numbers_and_hexadecimal_texts():
    """Unknown numbers are passed over, and so is a number without a value; bytes that are no text stay as written."""
    head = {"NAS-IP-Address": "10.0.0.9", "User-Name": "ann", "Event-Source": "IAS", "Computer-Name": "NPS1", **STAMP}
    text = PAIRS + "31,0x612c62,9999,x,25,0xff00,4129,EX\\ann,4136,4,40"
    pairs = {"Calling-Station-Id": "a,b", "Class": "0xff00", "SAM-Account-Name": "EX\\ann", "Packet-Type": "4"}
    assert {**head, **pairs} == attributes(text)


def test_a_header_that_somebody_wrote_gives_the_same_names():
    """The database format's own names, as Microsoft's page and most scripts have them."""
    row = {
        "ComputerName": "NPS1", "ServiceName": "IAS", "Record-Date": "03/07/2026", "Record-Time": "13:04:33",
        "Fully-Qualified-Distinguished-Name": "EX\\ann", "Policy-Name": "Wi-Fi",
    }  # fmt: skip
    expected = {
        **STAMP, "Computer-Name": "NPS1", "Event-Source": "IAS", "Fully-Qualified-User-Name": "EX\\ann",
        "NP-Policy-Name": "Wi-Fi",
    }  # fmt: skip
    assert expected == named(row)


def test_other_lines_are_no_records():
    """Windows' events, DHCP's rows, web logs; one that is too long is refused."""
    for text in (
        "<Event xmlns='x'><System></System></Event>", "10,03/07/26,13:04:33,Assign,10.0.0.1,h,AABBCCDDEEFF",
        "10.0.0.1, ann, 03/07/2026, 13:04:33, W3SVC1, WEB, 10.0.0.2, 15, 200, 300, 200, 0, GET, /, -,", "", "<Event>",
    ):  # fmt: skip
        assert not is_record(text)
        with pytest.raises(Malformed, match=r"^not_a_record$"):
            attributes(text)
    with pytest.raises(Malformed, match=r"^record_too_long$"):
        attributes(PAIRS + "31," + "x" * TEXT_CHARS)


@given(st.sampled_from(["", PAIRS, DATABASE + ",", "<Event><A data_type='1'>"]), st.text(max_size=200))
def test_garbage_gives_attributes_or_a_reason(begin, rest):
    """Nothing else is raised."""
    with contextlib.suppress(Malformed):
        assert isinstance(attributes(begin + rest), dict)
