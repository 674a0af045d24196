"""Techniques have names."""

import re

from sensor.model.techniques import TECHNIQUES, technique_name
from tests.shape.tree import ours


def test_every_technique_that_is_cited_has_a_name():
    """Those of the detectors' own text, and what each is a part of."""
    cited = {one for item in ours() for one in re.findall(r'"(T\d{4}(?:\.\d{3})?)"', item.text)}

    assert set() == (cited | {one.partition(".")[0] for one in cited}) - TECHNIQUES.keys()


def test_one_that_is_not_known_goes_by_its_id():
    """A later release's evidence can be shown."""
    assert ("DNS", "T9999") == (technique_name("T1071.004"), technique_name("T9999"))
