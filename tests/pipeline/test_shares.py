"""How detectors are dealt out."""

import ast
import inspect

from sensor import registry
from sensor.pipeline.shares import COORDINATOR, TOGETHER, deal

NAMES = ["beacon", "files", "scan", "unusual", "volumes"]


def test_every_detector_is_dealt_once():
    """And none where there is one process for all."""
    for processes in (1, 2, 3, 9):
        shares = deal(NAMES, processes, {}, 1.0)

        assert processes == len(shares)
        assert NAMES == sorted(name for share in shares for name in share)


def test_what_is_asked_between_steps_stays_with_the_coordinator():
    """Whatever it costs."""
    shares = deal(NAMES, 3, {"unusual": 90.0, "volumes": 90.0}, 5.0)

    assert COORDINATOR == shares[0]


def test_the_dearest_are_apart():
    """Two dear detectors do not wait for each other."""
    first, second, third = deal(NAMES, 3, {"scan": 5.0, "beacon": 5.0}, 0.0)

    assert {"scan", "beacon"} == {*second, *third}
    assert ("files", "unusual", "volumes") == first


def test_who_share_what_they_know_are_together():
    """Every module of a detector that asks for something shared is in the block of all who ask for the same."""
    asking = {}
    for name in registry.names("sensor.detectors"):
        module = registry.load("sensor.detectors", name)
        if not hasattr(module, "detector"):
            continue
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom) and _is_shared(node.module, [one.name for one in node.names]):
                asking.setdefault(node.module, set()).add(name)

    assert asking
    for names in asking.values():
        assert any(names <= set(block) for block in TOGETHER) or 1 == len(names)
    for processes in (2, 4, 9):
        shares = deal({name for block in TOGETHER for name in block}, processes, {}, 0.0)
        assert all(any(set(block) <= set(share) for share in shares) for block in TOGETHER)


def _is_shared(module, names):
    return "shared" in names and module.startswith("sensor.detectors")
