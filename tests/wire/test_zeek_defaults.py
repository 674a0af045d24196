"""Schemas for lines whose header is lost."""

import pytest

from sensor.wire.zeek_defaults import DEFAULTS, LEAD_MAX, guess
from sensor.wire.zeek_records import try_tsv

LINES = {
    "conn": "1.5 C1 10.0.0.1 1 10.0.0.2 2 tcp - 0.1 1 2 SF",
    "dns": "1.5 C1 10.0.0.1 1 10.0.0.2 53 udp 7",
}
END = "0 ShADad 1 2 3 4 -"


def line(text):
    """Make a TSV line of words."""
    return text.replace(" ", "\t").encode()


@pytest.mark.parametrize(
    ("text", "path", "n_columns"),
    [
        (f"{LINES['conn']} T F {END} 6", "conn", 22),
        (f"{LINES['conn']} T F {END}", "conn", 21),
        (f"{LINES['conn']} - {END}", "conn", 20),
        (f"{LINES['conn']} {END} 6", "conn", 20),
        (f"{LINES['dns']} 0.1 x.test 1 C_INTERNET 1 A 0 NOERROR F F T T 0 1.2.3.4 60.0 F", "dns", 24),
        (f"{LINES['dns']} x.test 1 C_INTERNET 1 A 0 NOERROR F F T T 0 1.2.3.4 60.0 F", "dns", 23),
        ("1.5 C1 10.0.0.1 1 10.0.0.2 443 TLSv12 X - x.test F - - T - - - - - -", "ssl", 20),
        ("1.5 C1 10.0.0.1 1 10.0.0.2 88 AS u/R krbtgt/R T - - 2.0 aes T T - - - -", "kerberos", 20),
        ("1.5 C1 10.0.0.1 1 10.0.0.2 445 u PC D - - - T", "ntlm", 13),
    ],
)
def test_the_schema_that_fits(text, path, n_columns):
    """Exactly one default schema takes the line."""
    found = guess(line(text), try_tsv)
    assert (path, n_columns, 0) == (found.path, len(found.fields), found.lead)


def test_columns_before_zeeks():
    """A shipper's columns are counted."""
    found = guess(line(f"host conn {LINES['conn']} T F {END}"), try_tsv)
    assert ("conn", 2) == (found.path, found.lead)


@pytest.mark.parametrize(
    "text",
    ["", "1.5", "a b c d", f"{LINES['conn']} T F {END}".replace("10.0.0.1", "x"), f"{LINES['conn']} XX T F {END}"],
)
def test_no_schema_for_what_does_not_fit(text):
    """A line that no schema takes is not guessed at."""
    assert guess(line(text), try_tsv) is None


def test_no_two_logs_share_a_schema():
    """Columns are distinct, and each is usable."""
    columns = [text.split() for _, text in DEFAULTS]
    assert len(columns) == len({tuple(names) for names in columns})
    assert all(len(names) == len(set(names)) for names in columns)
    assert LEAD_MAX < min(map(len, columns))
