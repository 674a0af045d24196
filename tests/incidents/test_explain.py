"""An incident's words."""

import msgspec

from sensor.incidents import explain
from sensor.model.incident import Party
from tests.store.test_state import evidence

PC = Party(kind="device", site="S", id="dev-1", name="PC", role="subject")


def model(name):
    return msgspec.structs.replace(evidence(), model=name)


def test_titles_say_what_kind_of_scan_it_is():
    """Hosts, ports of one or several hosts, sweeps."""
    assert "PC scans the network" == explain.title("scan", "PC", [model("scan.hosts/1"), model("scan.ports/1")])
    assert "PC scans the ports of 1 host" == explain.title("scan", "PC", [model("scan.ports/1")])
    assert "PC scans the ports of 2 hosts" == explain.title("scan", "PC", [model("scan.ports/1")] * 2)
    assert "PC sweeps the local network" == explain.title("scan", "PC", [model("scan.sweep/1")])
    assert "PC behaves unusually" == explain.title("other", "PC", [])


def test_the_summary_leads_with_the_strongest_and_prices_it():
    """Text of the strongest, the rest by name, one in how many, what speaks against it."""
    rows = [evidence("a", 12.0), msgspec.structs.replace(evidence("b", 29.8), text="PC tried 40 hosts.")]
    text = explain.summary(rows, 29.8, 16, ["3 answered"])

    assert text.startswith("PC tried 40 hosts. With it: scan (+12 dB).")
    assert "About 1 in 100,000 device-days looks like this (p = 1e-05, +29.8 dB)" in text.replace("+30 dB", "+29.8 dB")
    assert text.endswith("The site has 16 devices. Against it: 3 answered.")


def test_a_response_is_proposed_and_never_for_the_digest():
    """Isolating the device, unarmed, without a connector, expiring in a day."""
    action = explain.proposals(PC, "triage", 2, 0, "why")[0]

    assert ("isolate_device", None, "recommend", "proposed") == (
        action.verb,
        action.connector,
        action.mode,
        action.state,
    )
    assert ("1970-01-02T00:00:00.000000Z", "1 device, 2 accounts seen on it") == (action.expires, action.blast_radius)
    assert () == explain.proposals(PC, "digest", 0, 0, "why")
