"""What is said of something new."""

import pytest

from sensor.detectors.new_peer_text import Found, told
from sensor.detectors.usage import ASKS, DESTINATION, OFFERS
from tests.detectors.ticks import entities, tick
from tests.scenes import flow, flows


@pytest.mark.parametrize(
    ("category", "said", "peer"),
    [
        (
            DESTINATION,
            "10.0.0.5 contacted 203.0.113.7, tcp/8443, for the first time; nobody at the site",
            "203.0.113.7",
        ),
        (ASKS, "10.0.0.5 used tcp/8443, of 203.0.113.7, for the first time; nobody", "203.0.113.7"),
        (OFFERS, "10.0.0.5 answered on tcp/8443, to 10.0.0.5, for the first time", "10.0.0.5"),
    ],
)
def test_the_sentence_names_what_was_new(category, said, peer):
    """By category; p and the history it stands on are in it, and the digest takes it at one in a thousand."""
    known = entities()
    step = tick(known, flows(flow("10.0.0.5", "203.0.113.7", port=8_443)))
    found = Found(
        device=0, flow=0, category=category, draws=700, kinds=4, users=0, mass=0.01, chances=100.0, p_new=0.003,
        p_model=9e-3,
    )  # fmt: skip
    finding = told(known, step, found, 2.05, 1e-3, None)

    assert said in finding.evidence.text
    assert "1 in 1,000 device-days" in finding.evidence.text
    assert "700" in finding.evidence.text
    assert peer in finding.peers[0].name
    assert (True, "own") == (finding.digest, finding.evidence.reference)


@pytest.mark.parametrize(("port", "counter"), [(4500, ("port 4500 is IPsec's: a VPN has a new gateway",)), (4501, ())])
def test_a_tunnels_port_speaks_for_a_new_gateway(port, counter):
    """It is said as what speaks against the finding."""
    known = entities()
    step = tick(known, flows(flow("10.0.0.5", "203.0.113.7", port=port, proto=17)))
    found = Found(
        device=0, flow=0, category=DESTINATION, draws=700, kinds=4, users=0, mass=0.01, chances=100.0, p_new=0.003,
        p_model=9e-3,
    )  # fmt: skip
    assert counter == told(known, step, found, 2.05, 1e-3, None).counter
