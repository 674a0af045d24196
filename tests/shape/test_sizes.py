"""Modules stay under 500 lines, functions under 40, kernels under 120: what a reader can hold in the head at once."""

import ast

from tests.shape.tree import Function, Module, is_kernel, module, ours, settled

MODULE_LINES = 500
FUNCTION_LINES = 40
KERNEL_LINES = 120

DEBTS: frozenset[str] = frozenset()
"""`module` or `module.function` known to be too long. May only shrink."""


def lines(node: Function) -> int:
    """Count a function's lines from `def` to its end, its docstring left out."""
    first = node.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def too_long(modules: list[Module]) -> list[str]:
    """Modules and functions over their size, nested functions counted within the outer one."""
    found = []
    for item in modules:
        total = len(item.text.splitlines())
        if total > MODULE_LINES:
            found.append(f"{item.name}: {total} lines, at most {MODULE_LINES}")
        for node in item.functions():
            limit = KERNEL_LINES if is_kernel(node) else FUNCTION_LINES
            if lines(node) > limit:
                found.append(f"{item.name}.{node.name}: {lines(node)} lines, at most {limit}")
    return found


def test_modules_and_functions_are_small() -> None:
    """Nothing is longer than its limit but what the list of debts names."""
    assert [] == settled(too_long(ours()), DEBTS)


def test_what_is_too_long_is_found() -> None:
    """A function of 41 lines and a kernel of 121 are found; their docstrings do not count, nor does one line less."""
    body = "    x = 1\n"
    text = (
        f'def ok():\n    """Do.\n\n    More.\n    """\n{body * 39}'
        f"def long():\n{body * 40}"
        f"@kernel\ndef fine(a):\n{body * 119}"
        f"@kernel(int64)\ndef huge(a):\n{body * 120}"
    )
    assert [
        "sensor.flows.a.long: 41 lines, at most 40",
        "sensor.flows.a.huge: 121 lines, at most 120",
    ] == too_long([module("sensor.flows.a", text)])


def test_a_module_that_is_too_long_is_found() -> None:
    """501 lines are one too many."""
    assert ["sensor.flows.a: 501 lines, at most 500"] == too_long([module("sensor.flows.a", "x = 1\n" * 501)])


def test_a_debt_that_is_paid_must_leave_the_list() -> None:
    """An entry without its violation is itself reported, so the list can only shrink."""
    assert ["b: is no longer so, take it off the list of debts"] == settled(["a: wrong"], frozenset({"a", "b"}))
