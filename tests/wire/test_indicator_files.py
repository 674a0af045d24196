"""Lists of indicators: CSV, STIX, one a line; every entry is used, a duplicate, or refused with a reason."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.indicator import Indicator
from sensor.wire.indicator_files import folded, kind_of, read_indicators, values


def held(tmp_path, text, name="list.csv"):
    path = tmp_path / name
    path.write_text(text)
    return read_indicators(path)


def pairs(read):
    return [(one.kind, one.value) for one in read.indicators]


def test_a_csv_with_a_header(tmp_path):
    """Columns by name; entries that say the same are one; refusals are counted by reason."""
    read = held(
        tmp_path,
        "value,type,description,confidence,valid_until\n"
        "198.51.100[.]7,ip,botnet,80,2024-05-01T00:00:00Z\n"
        "198.51.100.7,ip,again,,\n"
        "*.Evil.example,domain,,,\n"
        "300.1.1.1,ip,,,\n"
        "x,registry-key,,,\n"
        ",ip,,,\n",
    )

    assert [("address", "198.51.100.7"), ("domain", "evil.example")] == pairs(read)
    assert ("botnet", 80.0, "list.csv, row 1") == (
        read.indicators[0].about, read.indicators[0].confidence, read.indicators[0].origin,
    )  # fmt: skip
    assert 1_714_521_600 * 10**9 == read.indicators[0].until_ns
    assert {"bad_address": 1, "unknown_kind": 1, "empty_value": 1} == read.refused
    assert (6, 1) == (read.entries, read.duplicates)


def test_one_value_a_line(tmp_path):
    """Kinds are guessed, comments and empty lines left out, a second cell says what it is."""
    read = held(
        tmp_path,
        "# a list\n\n203.0.113.9\nbad.example\nhxxp://bad[.]example/a?b=1\n2001:db8::/32\n" + "a" * 64 + "\n",
        "list.txt",
    )

    assert [
        ("address", "203.0.113.9"), ("domain", "bad.example"), ("url", "bad.example/a?b=1"),
        ("network", "2001:db8::/32"), ("hash", "a" * 64),
    ] == pairs(read)  # fmt: skip
    assert "loader" == held(tmp_path, "203.0.113.9,loader\nbad.example,panel\n").indicators[0].about


def test_a_header_in_the_comment_above(tmp_path):
    """As abuse.ch exports its lists; an address with a port is the address."""
    read = held(
        tmp_path,
        '# "first_seen_utc","ioc_value","ioc_type","malware_printable","confidence_level"\n'
        '"2024-05-01 10:00:00", "203.0.113.9:443", "ip:port", "Remcos", "75"\n',
    )

    assert [("address", "203.0.113.9")] == pairs(read)
    assert ("Remcos", 75.0) == (read.indicators[0].about, read.indicators[0].confidence)


def test_misp_types(tmp_path):
    """Composite values stand for their first part."""
    read = held(tmp_path, "uuid,type,value,comment\n1,ip-dst|port,203.0.113.9|443,c2\n2,email-src,A@Bad.example,\n")

    assert [("address", "203.0.113.9"), ("sender", "a@bad.example")] == pairs(read)


def stix(*patterns, **more):
    objects = [
        {"type": "indicator", "spec_version": "2.1", "id": f"indicator--{n}", "pattern_type": "stix", "pattern": one,
         **more}
        for n, one in enumerate(patterns)
    ]  # fmt: skip
    return json.dumps({"type": "bundle", "objects": [{"type": "malware", "spec_version": "2.1"}, *objects]})


def test_a_stix_bundle(tmp_path):
    """Objects that are no indicators are no entries; a pattern of several values is several indicators."""
    read = held(
        tmp_path,
        stix(
            "[ipv4-addr:value = '203.0.113.9']",
            "[domain-name:value = 'bad.example' OR domain-name:value IN ('worse.example', 'worst.example')]",
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [file:hashes.'SHA-256' = '" + "B" * 64 + "']",
            "[ipv4-addr:value = '203.0.113.1' AND network-traffic:dst_port = 443]",
            "[windows-registry-key:key = 'x']",
            "[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']",
            "[domain-name:value LIKE '%.example']",
            confidence=60, name="APT",
        ),
        "bundle.json",
    )  # fmt: skip

    assert [
        ("address", "203.0.113.9"), ("domain", "bad.example"), ("domain", "worse.example"),
        ("domain", "worst.example"), ("network", "198.51.100.0/24"), ("hash", "b" * 64),
    ] == pairs(read)  # fmt: skip
    assert {60.0} == {one.confidence for one in read.indicators}
    assert {"unsupported_pattern": 3, "unsupported_object": 1} == read.refused
    assert read.entries == len(read.indicators) + sum(read.refused.values())


def test_what_was_revoked_is_not_used(tmp_path):
    """Nor is a pattern in another language."""
    assert {"revoked": 1} == held(tmp_path, stix("[url:value = 'http://a.example/']", revoked=True), "a.json").refused
    told = stix("alert ip any any -> any any", pattern_type="snort")
    assert {"unsupported_pattern": 1} == held(tmp_path, told, "b.json").refused


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("address", "1.2.3", "bad_address"),
        ("domain", "localhost", "bad_domain"),
        ("domain", "a b.example", "bad_domain"),
        ("hash", "xyz", "bad_hash"),
        ("fingerprint", "x", "bad_hash"),
        ("url", "https://bad.example/path", "encrypted_url"),
        ("url", "gopher://bad.example", "bad_url"),
        ("sender", "no mail", "bad_domain"),
        ("domain", "  ", "empty_value"),
    ],
)
def test_what_is_refused_and_why(kind, value, reason):
    """The reason is counted, so it is one word."""
    with pytest.raises(Malformed, match=reason):
        folded(kind, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bücher.example", ("domain", "xn--bcher-kva.example")),
        ("Bad.Example.", ("domain", "bad.example")),
    ],
)
def test_names_are_as_on_the_wire(value, expected):
    """Folded, without the root's dot, and in punycode."""
    assert expected == folded("domain", value)


def test_a_url_that_is_encrypted_is_its_host(tmp_path):
    """Where it has no path: that much is seen."""
    assert [("domain", "bad.example"), ("address", "203.0.113.9")] == pairs(
        held(tmp_path, "https://bad.example/\nhttps://203.0.113.9\n")
    )


@pytest.mark.parametrize("text", ['{"objects": 7}', "{", "[1,"])
def test_what_is_no_list_is_refused_by_name(tmp_path, text):
    """The error names the file."""
    with pytest.raises(Malformed, match=r"list\.csv"):
        held(tmp_path, text)


def test_what_is_no_text_is_refused_with_its_place(tmp_path):
    """The error names the byte."""
    (tmp_path / "list.csv").write_bytes(b"a.example\n\xff\xfe")
    with pytest.raises(Malformed, match="not UTF-8 at byte 10"):
        read_indicators(tmp_path / "list.csv")


@given(st.text(max_size=80))
def test_any_pattern_is_read_or_refused(pattern):
    """Never anything else."""
    with contextlib.suppress(Malformed):
        assert values(pattern)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=40), max_size=8))
def test_every_entry_is_accounted_for(tmp_path_factory, lines):
    """Whatever the lines hold."""
    path = tmp_path_factory.mktemp("list") / "x.txt"
    path.write_text("\n".join(lines), newline="")
    try:
        read = read_indicators(path)
    except Malformed:
        return
    assert read.entries == len(read.indicators) + read.duplicates + sum(read.refused.values())
    assert all(isinstance(one, Indicator) and one.value for one in read.indicators)


def test_a_kind_is_guessed():
    """From the form of the value."""
    expected = ["url", "hash", "sender", "address", "network", "domain", "fingerprint"]
    given = [
        "http://a.example/x", "f" * 64, "a@b.example", "::1", "10.0.0.0/8", "a.example",
        "t13d1516h2_8daaf6152771_b186095e22b6",
    ]  # fmt: skip
    assert [one.replace("network", "address") for one in expected] == [kind_of(value) for value in given]
