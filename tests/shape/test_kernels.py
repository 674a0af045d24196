"""Every kernel that Python calls has a naive twin that a test compares it with."""

import ast
from collections.abc import Iterator

from tests.shape.tree import Function, Module, is_kernel, is_pinned, module, ours, settled, suite

DEBTS: frozenset[str] = frozenset()
"""`module.kernel` known to lack a twin. May only shrink."""


def called(item: Module, kernels: frozenset[str]) -> Iterator[str]:
    """Yield the kernels, by full name, that a module calls from code which is not itself a kernel."""
    known = {name: f"{item.name}.{name}" for name in item.kernels()}
    for node in ast.walk(item.tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in _outside_kernels(item.tree):
        if isinstance(node, ast.Call):
            head, _, rest = ast.unparse(node.func).partition(".")
            name = ".".join(filter(None, [known.get(head, head), rest]))
            if name in kernels:
                yield name


def _outside_kernels(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, but not into kernels."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            child for child in ast.iter_child_nodes(node) if not (isinstance(child, Function) and is_kernel(child))
        ]


def need_twins(found: list[Module]) -> set[str]:
    """Kernels that Python calls: those with a pinned signature, and those a plain function calls."""
    every = frozenset(f"{item.name}.{name}" for item in found for name in item.kernels())
    pinned = {f"{item.name}.{name}" for item in found for name, node in item.kernels().items() if is_pinned(node)}
    return pinned | {name for item in found for name in called(item, every)}


def without_twin(found: list[Module], tested: list[Module]) -> list[str]:
    """Kernels whose twin does not exist, or that no test imports."""
    twins = {
        f"{item.name.rpartition('.')[2]}.{node.name}"
        for item in tested
        if item.name.startswith("tests.naive.")
        for node in item.functions()
    }
    imported = {
        wanted.target
        for item in tested
        if item.name.rpartition(".")[2].startswith("test_")
        for wanted in item.imports()
        if wanted.target.startswith("tests.naive")
    }
    wrong = []
    for name in sorted(need_twins(found)):
        home, function = name.split(".")[-2:]
        if f"{home}.{function}" not in twins:
            wrong.append(f"{name}: has no twin tests/naive/{home}.py:{function}")
        elif not {f"tests.naive.{home}", f"tests.naive.{home}.{function}"} & imported:
            wrong.append(f"{name}: no test imports its twin")
    return wrong


def test_every_kernel_has_a_twin_that_a_test_uses() -> None:
    """Each kernel that Python calls is compared with plain Python of the same name."""
    assert [] == settled(without_twin(ours(), suite()), DEBTS)


def test_options_of_the_compiler_have_one_home() -> None:
    """No module but these two imports numba: options are decided there, and a warm start needs no compiler."""
    found = [
        f"{item.path}:{wanted.lineno}"
        for item in ours()
        for wanted in item.imports()
        if item.name not in {"baselines._compiler", "baselines._intrinsics"} and wanted.target.split(".")[0] == "numba"
    ]
    assert [] == found


_KERNELS = module(
    "sensor.flows.table",
    "@kernel(int64)\ndef pinned(a): return helper(a)\n"
    "@kernel\ndef helper(a): return a\n"
    "@kernel\ndef open(a): return helper(a)\n"
    "def start(a): return open(a)\n",
)


def test_a_kernel_without_a_twin_is_found() -> None:
    """A pinned kernel and one that Python calls need a twin; one that only kernels call does not."""
    assert [
        "sensor.flows.table.open: has no twin tests/naive/table.py:open",
        "sensor.flows.table.pinned: has no twin tests/naive/table.py:pinned",
    ] == without_twin([_KERNELS], [])


def test_a_kernel_called_from_another_module_is_found() -> None:
    """Calls through an imported name, an alias and a module all count."""
    for text in (
        "from sensor.flows.table import helper\nhelper(1)\n",
        "from sensor.flows.table import helper as h\ndef f(): h(1)\n",
        "from sensor.flows import table\ntable.helper(1)\n",
        "import sensor.flows.table\nsensor.flows.table.helper(1)\n",
    ):
        assert "sensor.flows.table.helper" in need_twins([_KERNELS, module("sensor.flows.b", text)])


def test_a_twin_that_no_test_imports_is_found() -> None:
    """A twin must be used: by name or through its module."""
    twins = module("tests.naive.table", "def pinned(a): ...\ndef open(a): ...\n")
    by_name = module("tests.flows.test_table", "from tests.naive.table import pinned\n")
    by_module = module("tests.flows.test_table", "from tests.naive import table\n")
    assert ["sensor.flows.table.open: no test imports its twin"] == without_twin([_KERNELS], [twins, by_name])
    assert [] == without_twin([_KERNELS], [twins, by_module])
