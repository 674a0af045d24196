"""What is public says what it does, and every test says which behaviour it holds."""

import ast
from collections.abc import Iterator

from tests.shape.tree import Function, Module, module, modules, ours


def public(tree: ast.Module) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Yield public functions and classes of a module, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


def undocumented(found: list[Module]) -> list[str]:
    """Modules, classes, functions and methods that are public and say nothing."""
    wrong = [f"{item.path}: the module" for item in found if not ast.get_docstring(item.tree)]
    return wrong + [
        f"{item.path}:{node.lineno}: {name}"
        for item in found
        for name, node in public(item.tree)
        if not ast.get_docstring(node)
    ]


def silent_tests(found: list[Module]) -> list[str]:
    """Tests without a docstring."""
    return [
        f"{item.path}:{node.lineno}: {node.name}"
        for item in found
        if item.name.rpartition(".")[2].startswith("test_")
        for node in item.functions()
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]


def test_everything_public_has_a_docstring() -> None:
    """Modules, public classes, functions and methods of both packages."""
    assert [] == undocumented(ours())


def test_every_test_has_a_docstring() -> None:
    """It states the behaviour, so that a failure can be read without the code."""
    assert [] == silent_tests(modules("tests"))


def test_packages_hold_no_logic() -> None:
    """An __init__.py is a docstring and constants: importing a package runs nothing and hides nothing."""
    found = [
        f"{item.path}:{node.lineno}"
        for item in ours()
        if item.path.endswith("__init__.py")
        for node in item.tree.body[1:]
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
    ]
    assert [] == found


def test_what_says_nothing_is_found() -> None:
    """A module, a function, a class and a method without a docstring; private ones need none."""
    text = "def a(): ...\ndef _b(): ...\nclass C:\n    def d(self): ...\n    def _e(self): ...\n"
    assert [
        "sensor/flows/x.py: the module",
        "sensor/flows/x.py:1: a",
        "sensor/flows/x.py:3: C",
        "sensor/flows/x.py:4: C.d",
    ] == undocumented([module("sensor.flows.x", text)])
    tests = module("tests.flows.test_x", 'def test_a(): ...\ndef test_b():\n    """Hold."""\ndef other(): ...\n')
    assert ["tests/flows/test_x.py:1: test_a"] == silent_tests([tests])
