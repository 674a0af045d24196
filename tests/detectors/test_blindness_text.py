"""Rows about a blind sensor are counted again from the archive."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import blindness
from sensor.detectors.blindness_text import is_made, is_one_sided, recount
from tests.detectors.recounts import ask
from tests.detectors.test_blindness import COUNT, busy
from tests.detectors.ticks import tick
from tests.scenes import SECRET
from tests.store.archives import Writer


def told(folder, hours):
    """Archive hours and return what was told of them."""
    writer = Writer(folder)
    detector = blindness.detector(writer.known, SECRET)
    found = []
    for number, fields in hours:
        step = tick(writer.known, busy(number, **fields))
        writer.archive.take(step)
        writer.clock_ns = step.end_ns
        found += [finding.evidence for finding in detector.score(step)]
        detector.learn(step, np.zeros(writer.known.count(), np.bool_))
    writer.commit().close()
    return found


@pytest.mark.parametrize("fields", [{"missed": 300}, {"one_way": COUNT - 20}])
def test_shares_are_counted_again(tmp_path, fields):
    """By SQL over the hour; what is edited does not match."""
    (evidence,) = told(tmp_path, [*((k, {}) for k in range(30)), (30, fields), (31, {})])
    assert pytest.approx(evidence.observed, rel=1e-9) == ask(tmp_path, lambda archive: recount(evidence, archive))


def test_silence_is_counted_again(tmp_path):
    """The hours without a flow of the site."""
    (evidence,) = told(tmp_path, [*((k, {"count": 25}) for k in range(8 * 24)), (8 * 24 + 3, {})])
    assert 3.0 == evidence.observed
    assert 3.0 == ask(tmp_path, lambda archive: recount(evidence, archive))
    less = msgspec.structs.replace(evidence, basis=evidence.basis | {"begin": evidence.basis["begin"] - 1})
    assert 3.0 == ask(tmp_path, lambda archive: recount(less, archive))  # that hour had flows


@pytest.mark.parametrize(
    ("history", "state", "one", "made"),
    [("ShADadFf", "SF", False, True), ("SAD", "", True, False), ("hda", "", True, False), ("S", "S0", False, False),
     ("Sr", "REJ", False, False), ("", "SF", False, True), ("Dd", "OTH", False, False)],
)  # fmt: skip
def test_histories_say_which_sides_were_seen(history, state, one, made):
    """As the kernel reads them."""
    assert (one, made) == (is_one_sided(history), is_made(state, history))
