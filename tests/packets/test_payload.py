"""What a payload knows of its sender."""

import pytest

from tests.packets.handed import payload


@pytest.mark.parametrize(
    ("orig_p", "resp_p", "is_orig", "served"),
    [(9, 502, True, False), (9, 502, False, True), (502, 9, True, True), (502, 502, True, False), (8, 9, False, True)],
)
def test_the_server_is_the_end_on_its_port(orig_p, resp_p, is_orig, served):
    """Also where the flow's beginning was not seen; where ports say nothing it is the responder."""
    assert served == payload(b"", is_orig=is_orig, orig_p=orig_p, resp_p=resp_p).sent_from(502)
