"""Names that a site may have in its envelopes."""

import pytest

from sensor.model.site_packet import problem


@pytest.mark.parametrize("site", ["SYD", "Zürich 2", "x" * 64])
def test_a_printable_name_will_do(site):
    """Also of other letters, up to 64 bytes."""
    assert None is problem(site)


@pytest.mark.parametrize("site", ["", "x" * 65, "ü" * 33, "a/b", "a=b", "a\nb", "a\x00", "\ud83d"])
def test_what_could_be_taken_for_something_else_is_no_name(site):
    """Separators, control characters and what is too long are refused."""
    assert None is not problem(site)
