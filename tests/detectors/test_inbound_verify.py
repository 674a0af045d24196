"""Contacts from outside counted again from the archive."""

import numpy as np
import pytest

from sensor.detectors import inbound
from sensor.detectors.inbound_verify import again, numbers, recount
from tests.detectors.recounts import archived, ask
from tests.scenes import flow, flows, office


def weather(seed):
    """Outside hosts try services of several devices and addresses over two days, few of them answered."""
    rng = np.random.default_rng(seed)
    rows = office(seed=seed, hosts=5, minutes=10)
    for k in range(900):
        target = f"10.0.0.{rng.integers(10, 15)}" if rng.random() < 0.7 else f"10.0.3.{rng.integers(1, 200)}"
        rows.append(
            flow(
                f"203.0.113.{rng.integers(1, 90)}", target, at_s=600 + float(rng.uniform(0, 150_000)),
                port=int(rng.choice([22, 22, 22, 445, 3389])), state=str(rng.choice(["S0", "REJ", "SF", "SHR", "OTH"])),
                uid=f"W{k}",
            )
        )  # fmt: skip
    return flows(*rows)


@pytest.mark.parametrize("seed", range(3))
def test_every_row_is_counted_again(tmp_path, seed):
    """Failures, answers, sources and targets of a service; failures of a port at a site."""
    found = archived(tmp_path, inbound.detector, weather(seed))
    assert {0.0, 1.0} <= {float(one.basis["at_site"]) for one in found}

    def compare(archive):
        for one in found:
            told = numbers(one, archive)
            assert told is not None or not one.basis["proto"]
            assert {name: one.basis[name] for name in told or {}} == (told or {})
            assert recount(one, archive) in {one.observed, None}

    ask(tmp_path, compare)
    assert {1.0} == {again(one) for one in found}
