"""Tests mirror files: sensor/packets/dns.py is tested by tests/packets/test_dns.py."""

import ast

from tests.shape.tree import Function, Module, module, ours, settled, suite

DEBTS: frozenset[str] = frozenset()
"""Modules known to lack a test file of their name. May only shrink."""


def runs(item: Module) -> bool:
    """Tell whether a module has anything to run: dtypes, Structs, exceptions and Protocols alone have not."""
    return any(not _is_declaration(node) for node in item.functions())


def _is_declaration(node: Function) -> bool:
    """A docstring, `...` or nothing at all: a Protocol's method."""
    return all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in node.body)


def file_of_tests(item: Module) -> str:
    """Return the path of the file that tests a module. A leading underscore is left out."""
    parts = item.name.split(".")
    folders = parts[:-1] if parts[0] == "baselines" else parts[1:-1]
    return "/".join(["tests", *folders, f"test_{parts[-1].lstrip('_')}.py"])


def untested(found: list[Module], tested: list[Module]) -> list[str]:
    """Modules with something to run, and no test file of their name with a test in it."""
    have = {item.path for item in tested if any(node.name.startswith("test_") for node in item.functions())}
    return [
        f"{item.name}: has no {file_of_tests(item)}"
        for item in found
        if not item.path.endswith("__init__.py") and runs(item) and file_of_tests(item) not in have
    ]


def test_every_module_has_a_test_file_of_its_name() -> None:
    """Packages' __init__.py and modules with nothing to run need none."""
    assert [] == settled(untested(ours(), suite()), DEBTS)


def test_a_module_without_its_test_is_found() -> None:
    """Where the test lies is a matter of the name alone, and an empty test file does not count."""
    text = "def f():\n    return 1\n"
    found = [
        module("sensor.pipeline", text),
        module("sensor.packets.dns", text),
        module("baselines._jit", text),
        module("sensor.model.flow", "X = 1\nclass P(Protocol):\n    def f(self) -> int:\n        '''Do.'''\n"),
    ]
    assert [
        "sensor.pipeline: has no tests/test_pipeline.py",
        "sensor.packets.dns: has no tests/packets/test_dns.py",
        "baselines._jit: has no tests/baselines/test_jit.py",
    ] == untested(found, [module("tests.packets.test_dns", "")])
    assert [] == untested(found[1:2], [module("tests.packets.test_dns", "def test_x(): ...")])
