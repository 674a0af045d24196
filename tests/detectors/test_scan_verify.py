"""Scans counted again from the archive."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import scan
from sensor.detectors.scan_verify import Walk, again, numbers, recount
from tests.detectors.recounts import archived, ask
from tests.scenes import arp, flow, flows, office


def random_scene(seed):
    """A site in which three hosts try many others, some of them several ports; part of it is seen one way only."""
    rng = np.random.default_rng(seed)
    rows = office(seed=seed, hosts=3, minutes=10)
    for k in range(700):
        proto = int(rng.choice([6, 6, 6, 17, 1]))
        state = str(rng.choice(["S0", "REJ", "SF", "RSTO", "SHR", "OTH", "RSTOS0"])) if proto == 6 else "SF"
        one = flow(
            f"10.0.0.{rng.integers(60, 63)}", f"10.0.{rng.integers(7, 9)}.{rng.integers(1, 80)}",
            at_s=float(rng.uniform(0, 90_000)), duration_s=float(rng.exponential(5)), port=int(rng.integers(1, 9)),
            proto=proto, state=state, uid=f"R{k}", orig_port=8 if proto == 1 else 40_000,
        )  # fmt: skip
        if proto != 6 and rng.random() < 0.8:
            one["resp_pkts"] = 0
        if rng.random() < 0.02:
            one["history"] = b"SAD"
        rows.append(one)
    rows += [flow("10.0.0.61", "10.0.9.9", at_s=80_000 + 3 * k, port=8443, state="S0", uid=f"D{k}") for k in range(30)]
    rows += [flow("10.0.0.60", "10.0.0.10", at_s=500 + k, port=3000 + k, state="REJ", uid=f"P{k}") for k in range(60)]
    rows += [
        flow("10.0.0.62", f"10.0.7.{k}", at_s=700 + k, port=0, proto=1, orig_port=8, uid=f"E{k}") for k in range(40)
    ]
    asks = np.concatenate([arp("10.0.0.60", f"10.0.0.{k}", at_s=900 + k) for k in range(100, 140)])
    return flows(*rows), asks


@pytest.mark.parametrize("seed", range(4))
def test_every_evidence_is_counted_again(tmp_path, seed):
    """Net failures, walks, failures, targets, tries and touches, of every scan at any time."""
    rows, asks = random_scene(seed)
    found = archived(tmp_path, scan.detector, rows, asks)
    assert {"scan.hosts/1", "scan.ports/1", "scan.dead/1", "scan.sweep/1"} <= {one.model for one in found}

    def compare(archive):
        for one in found:
            told = numbers(one, archive)
            assert {name: one.basis[name] for name in told} == told
            assert one.observed == recount(one, archive)

    ask(tmp_path, compare)
    assert [one.p for one in found] == pytest.approx([again(one) for one in found], rel=1e-12)


def test_an_evidence_that_the_records_do_not_hold_counts_nothing(tmp_path):
    """Another id, another device: 0, which differs from whatever is stored."""
    rows, asks = random_scene(0)
    found = archived(tmp_path, scan.detector, rows, asks)
    for one in found[:3]:
        assert 0.0 == ask(tmp_path, lambda archive, one=one: recount(msgspec.structs.replace(one, id="EV-x"), archive))


def test_another_model_is_not_counted():
    """None: a later release's evidence is not this one's to judge."""
    from tests.store.test_state import evidence

    assert None is again(msgspec.structs.replace(evidence(), model="scan.hosts/9"))
    assert None is numbers(msgspec.structs.replace(evidence(), model="scan.hosts/9"), None)


def test_a_walk_starts_anew_after_the_benign_verdict():
    """Four successes end it: the fifth contact is the next walk's first, which five failures bring to 4."""
    walk = Walk(4)
    began = [walk.step(at, failed=at >= 5, visible=True) for at in range(10)]

    assert [4] == [at for at, anew in enumerate(began) if anew]
    assert ({"net": 4, "fails": 5, "count": 6}, 5) == (walk.told, walk.told_since)
