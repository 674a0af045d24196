"""The source text as syntax trees: what the shape tests look at. Nothing of ours is imported or run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and where it stands."""

    target: str
    level: int
    lineno: int
    at_top: bool


@dataclass(frozen=True)
class Module:
    """One file of Python: its dotted name, its path below the root, and its text."""

    name: str
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)

    @property
    def area(self) -> str:
        """`baselines`, `model`, `packets`, … or for a module beside the packages its own name (`errors`)."""
        parts = self.name.split(".")
        return "baselines" if parts[0] == "baselines" else parts[1] if len(parts) > 1 else "sensor"

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def kernels(self) -> dict[str, Function]:
        """Top-level functions that are compiled, by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, Function) and is_kernel(node)}

    def imports(self) -> list[Import]:
        """Every import, those inside functions too. `from a.b import c` counts as a.b.c; see `resolve`."""
        top = {id(node) for node in self.tree.body}
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [Import(alias.name, 0, node.lineno, id(node) in top) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                found += [
                    Import(f"{base}.{alias.name}" if base else alias.name, node.level, node.lineno, id(node) in top)
                    for alias in node.names
                ]
        return found


def is_kernel(node: Function) -> bool:
    """Tell whether a function is compiled: @kernel, @kernel(...) with a pinned signature, or @entry(...)."""
    return any(_decorator(item) in {"kernel", "entry"} for item in node.decorator_list)


def is_pinned(node: Function) -> bool:
    """Tell whether a kernel's signature is pinned, which says that Python calls it."""
    return any(
        _decorator(item) == "kernel" and isinstance(item, ast.Call) and item.args for item in node.decorator_list
    )


def _decorator(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def module(name: str, text: str) -> Module:
    """Make a module from text, for the tests of these tests."""
    return Module(name, name.replace(".", "/") + ".py", text)


def modules(*folders: str) -> list[Module]:
    """Read every module below folders of the root, in the order of their paths."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            parts = relative.with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Module(name, relative.as_posix(), path.read_text(encoding="utf-8")))
    return found


def ours() -> list[Module]:
    """Every module of both packages."""
    return modules("baselines", "sensor")


def suite() -> list[Module]:
    """Every file of tests, support code too."""
    return modules("tests")


def resolve(target: str, names: frozenset[str]) -> str | None:
    """Return the module of ours that an import reaches: `sensor.model.flow.FLOW` reaches `sensor.model.flow`."""
    while target:
        if target in names:
            return target
        target = target.rpartition(".")[0]
    return None


def settled(found: list[str], debts: frozenset[str]) -> list[str]:
    """Return what is wrong: violations that are not owned up to, and debts that have been paid but still stand.

    Args:
        found: Violations, each as "<key>: <what is wrong>".
        debts: Keys of violations that are known; the list may only shrink.
    """
    keys = {line.split(": ", 1)[0] for line in found}
    return [line for line in found if line.split(": ", 1)[0] not in debts] + [
        f"{key}: is no longer so, take it off the list of debts" for key in sorted(debts - keys)
    ]
