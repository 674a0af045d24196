"""dhcpd's lease file cut into leases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.lease_blocks import RECORD_BYTES, leases, looks_so

FILE = """# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\\000\\001";

lease 10.0.0.50 {
  starts 2 2024/05/07 08:00:00;
  ends 2 2024/05/07 20:00:00;
  binding state active;
  hardware ethernet 0:11:22:33:44:55;
  uid "\\001\\000\\021";
  set vendor-class-identifier = "MSFT 5.0";
  client-hostname "PC-ANN";
}
ia-na "\\001\\002" {
  cltt 2 2024/05/07 08:00:00;
  iaaddr 2001:db8::5 {
    binding state active;
  }
}
lease 10.0.0.51 {
  starts epoch 1715068800; # Tue May  7
  ends never;
}
"""


def test_leases_with_their_statements():
    """Quotes are taken away; comments, other blocks and the file's own statements are passed over."""
    first, second = (one["dhcpd_lease"] for one in leases(iter(FILE.splitlines(keepends=True))))

    assert ("10.0.0.50", "2 2024/05/07 08:00:00", "active", "0:11:22:33:44:55", "PC-ANN") == (
        first["address"], first["starts"], first["binding state"], first["hardware ethernet"],
        first["client-hostname"],
    )  # fmt: skip
    assert {"address": "10.0.0.51", "starts": "epoch 1715068800", "ends": "never"} == second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lease 10.0.0.1 {\n  starts 1 2024/05/06 00:00:00;\n", ["cut_short"]),
        ("lease 10.0.0.1 {\nlease 10.0.0.2 {\n}\n", ["cut_short", {"dhcpd_lease": {"address": "10.0.0.2"}}]),
        ("lease 10.0.0.1 {\n" + "  x;\n" * RECORD_BYTES + "}\n", ["record_too_long"]),
        ("something else\n", ["not_a_record"]),
        ("", []),
    ],
)
def test_what_is_cut_or_too_long_is_refused(text, expected):
    """And reading goes on behind it."""
    assert expected == list(leases(iter(text.splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("head", "expected"),
    [(FILE, True), ("lease 10.0.0.1 {\n", True), ("lease of life\n", False), ("#Fields: a b\n", False), ("", False)],
)
def test_such_a_file_is_known_by_its_beginning(head, expected):
    """Behind comments."""
    assert expected is looks_so(head)


@given(st.lists(st.sampled_from([*FILE.splitlines(), "}", "{", "lease 1.2.3.4 {", "x"]), max_size=60))
def test_any_order_of_lines_ends(lines):
    """Each lease that begins is one record or one reason."""
    cuts = list(leases(iter(lines)))

    assert len([cut for cut in cuts if cut != "not_a_record"]) <= sum(line.startswith("lease ") for line in lines)
