"""Who may import whom: the ten rules of sensor/__init__.py, absolute imports only, no cycle, no undeclared package."""

import sys
import tomllib

import pytest

from tests.shape.tree import ROOT, Module, module, ours, resolve

EDGES = frozenset({"sources", "sinks", "responses"})
KERNEL_HOME = "baselines._jit"
BELOW_PIPELINE = (
    "baselines model metrics packets flows wire entities detectors store incidents sources sinks responses registry"
    " config console"
)

# What each area may import besides itself, `errors`, and the bare `sensor` (which holds the version alone).
MAY = {
    "baselines": "",
    "sensor": "",
    "model": "",
    "errors": "model",
    "metrics": "model",
    "packets": f"model {KERNEL_HOME}",
    "flows": f"model packets {KERNEL_HOME}",
    "wire": "model",
    "entities": "model flows baselines",
    "detectors": "model entities baselines",
    "store": "model",
    "incidents": "model entities baselines",
    "sources": f"model packets flows wire metrics {KERNEL_HOME}",
    "sinks": "model wire metrics",
    "responses": "model wire metrics",
    "registry": "model",
    "config": "model registry",
    "console": "store model",
    "pipeline": BELOW_PIPELINE,
    "conversion": f"model packets flows sources {KERNEL_HOME}",
    "warming": KERNEL_HOME,
    "cli": "config pipeline conversion warming store model",
}
# Where a rule names the other packages too, these and the standard library are all.
FOREIGN = {
    "baselines": "numpy numba llvmlite",  # llvmlite: numba's own LLVM, which loads machine code without numba
    "model": "numpy msgspec",
    "packets": "numpy msgspec cryptography zstandard",
    "flows": "numpy msgspec pyarrow",
}
# The import name of a distribution, where it is not its own name with an underscore.
IMPORT_NAMES = {"argon2-cffi": "argon2", "nats-py": "nats"}


def _names(modules: list[Module]) -> frozenset[str]:
    return frozenset(item.name for item in modules)


def _reached(item: Module, names: frozenset[str]) -> list[tuple[str, int]]:
    """Modules of ours that a module imports, each with the line."""
    found = ((resolve(wanted.target, names), wanted.lineno) for wanted in item.imports())
    return [(target, line) for target, line in found if target is not None and target != item.name]


def _edge_part(name: str) -> str:
    """The file, or files, of one product: `sources.a` of `sensor.sources.a.tail` and of `sensor.sources._a_tail`."""
    kind, file = name.split(".")[1:3]
    return f"{kind}.{file[1:].split('_')[0] if file.startswith('_') else file}"


def _may(item: Module, target: str, target_area: str) -> bool:
    if target == "sensor" or target_area == "errors":
        return item.area != "baselines"
    if target == f"sensor.{item.area}":
        return True  # its own package, to see what modules it has: an __init__.py holds nothing
    if target_area in EDGES and item.area in EDGES:
        return _edge_part(item.name) == _edge_part(target)
    allowed = MAY[item.area].split()
    if item.name == "sensor.responses.executor":
        allowed.append("store")
    return target_area == item.area or target_area in allowed or target in allowed


def forbidden(modules: list[Module]) -> list[str]:
    """Imports among our own modules that no rule allows, and areas that no rule names."""
    by_name = {item.name: item for item in modules}
    names = _names(modules)
    found = [f"{item.path}: rule: no rule names {item.area}" for item in modules if item.area not in MAY]
    for item in modules:
        if item.area in MAY:
            found += [
                f"{item.path}:{line}: {item.area} may not import {target}"
                for target, line in _reached(item, names)
                if not _may(item, target, by_name[target].area)
            ]
    return found


def cycles(modules: list[Module]) -> list[str]:
    """Import cycles, each once, starting from its first module by name."""
    names = _names(modules)
    graph = {item.name: sorted({target for target, _ in _reached(item, names)}) for item in modules}
    found: list[str] = []
    done: set[str] = set()
    for start in sorted(graph):
        stack: list[tuple[str, list[str]]] = [(start, [start])]
        seen: set[str] = set()
        while stack:
            at, trail = stack.pop()
            for target in graph[at]:
                if target == start:
                    found.append(" → ".join([*trail, start]))
                elif target not in seen and target not in done:
                    seen.add(target)
                    stack.append((target, [*trail, target]))
        done.add(start)
    return found


def relative(modules: list[Module]) -> list[str]:
    """Imports that begin with a dot."""
    return [f"{item.path}:{wanted.lineno}" for item in modules for wanted in item.imports() if wanted.level]


def foreign(modules: list[Module], core: frozenset[str], extras: frozenset[str]) -> list[str]:
    """Third-party imports that are undeclared, kept from this area, or optional yet needed at import."""
    own = {item.name.split(".")[0] for item in modules}
    found = []
    for item in modules:
        for wanted in item.imports():
            top = wanted.target.split(".")[0]
            if top in sys.stdlib_module_names or top in own:
                continue
            where = f"{item.path}:{wanted.lineno}: {top}"
            if item.area in FOREIGN and top not in FOREIGN[item.area].split():
                found.append(f"{where} is not for {item.area}")
            elif top not in core | extras:
                found.append(f"{where} is not declared in pyproject.toml")
            elif top not in core and wanted.at_top:
                found.append(f"{where} is optional: import it where it is used")
    return found


def declared() -> tuple[frozenset[str], frozenset[str]]:
    """Import names of the core requirements and of the extras (but `dev`), from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> frozenset[str]:
        plain = [item.replace("<", ">").replace("=", ">").split(">")[0].strip() for item in requirements]
        return frozenset(IMPORT_NAMES.get(name, name.replace("-", "_")) for name in plain)

    extras = [item for extra, items in project["optional-dependencies"].items() if extra != "dev" for item in items]
    # llvmlite is numba's: its version is numba's to choose.
    return names(project["dependencies"]) | {"llvmlite"}, names(extras)


def test_every_import_is_allowed_by_a_rule() -> None:
    """No module imports what the ten rules keep from it."""
    assert [] == forbidden(ours())


def test_there_is_no_import_cycle() -> None:
    """No module reaches itself through imports, those inside functions counted too."""
    assert [] == cycles(ours())


def test_imports_are_absolute() -> None:
    """No import begins with a dot."""
    assert [] == relative(ours())


def test_third_party_imports_are_declared_and_in_their_place() -> None:
    """Each is in pyproject.toml, allowed in that area, and inside a function where it is optional."""
    assert [] == foreign(ours(), *declared())


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("baselines.a", "import sensor.model.flow"),
        ("baselines.a", "from sensor.errors import Malformed"),
        ("sensor.model.a", "from sensor.packets import dns"),
        ("sensor.metrics", "from sensor.flows import table"),
        ("sensor.packets.a", "from sensor.flows.table import x"),
        ("sensor.packets.a", "from baselines.moments import x"),
        ("sensor.flows.a", "import baselines.moments"),
        ("sensor.wire.a", "from sensor.metrics import x"),
        ("sensor.entities.a", "from sensor.packets import dns"),
        ("sensor.detectors.a", "from sensor.flows import table"),
        ("sensor.store.a", "from sensor.entities import b"),
        ("sensor.incidents.a", "from sensor.store import state"),
        ("sensor.sources.a", "from sensor.sources.b import x"),
        ("sensor.sources.b", "from sensor.sources._a_c import x"),
        ("sensor.sources.a", "from sensor.sinks import b"),
        ("sensor.sources.a", "from baselines.moments import x"),
        ("sensor.responses.a", "from sensor.store import state"),
        ("sensor.registry", "from sensor.config import x"),
        ("sensor.config", "from sensor.wire import b"),
        ("sensor.console.a", "import sensor.pipeline"),
        ("sensor.pipeline", "from sensor.cli import main"),
        ("sensor.cli.a", "from sensor.sources import b"),
        ("sensor.cli.a", "def f():\n    from sensor.flows import table"),
    ],
)
def test_a_forbidden_import_is_found(name: str, statement: str) -> None:
    """Each rule bites, inside functions too."""
    assert 1 == len(forbidden([*_house(), module(name, statement)]))


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("sensor.sources.a", "from baselines._jit import kernel"),
        ("sensor.sources.a.tail", "from sensor.sources.a.rows import x"),
        ("sensor.sources.a", "from sensor.sources._a_c import x"),
        ("sensor.sources.a", "from sensor import sources"),
        ("sensor.responses.executor", "from sensor.store import state"),
        ("sensor.cli.a", "from sensor import __version__"),
        ("sensor.store.a", "from sensor.errors import Malformed"),
        ("sensor.pipeline", "from sensor.detectors import b"),
    ],
)
def test_an_allowed_import_is_left_alone(name: str, statement: str) -> None:
    """The exceptions that the rules name are exceptions."""
    assert [] == forbidden([*_house(), module("sensor.sources.a.rows", ""), module(name, statement)])


def test_an_area_without_a_rule_is_found() -> None:
    """A new package needs a rule first."""
    assert ["sensor/plugins/a.py: rule: no rule names plugins"] == forbidden([module("sensor.plugins.a", "")])


def test_a_cycle_is_found_once() -> None:
    """A cycle of three is named once, in order; what merely leads into it is not part of it."""
    trio = [
        module("sensor.store.a", "import sensor.store.b"),
        module("sensor.store.b", "def f():\n    from sensor.store.c import x"),
        module("sensor.store.c", "from sensor.store import a"),
        module("sensor.cli.d", "import sensor.store.a"),
    ]
    assert ["sensor.store.a → sensor.store.b → sensor.store.c → sensor.store.a"] == cycles(trio)


def test_a_foreign_import_out_of_place_is_found() -> None:
    """Undeclared, kept from the area, and optional at the top are findings; optional inside a function is none."""
    text = "import requests\nimport numpy.typing\nimport pyshark\ndef f():\n    import pyshark\n"
    found = foreign([module("sensor.cli.a", text), module("sensor.model.b", "import numba")], *declared())
    assert [
        "sensor/cli/a.py:1: requests is not declared in pyproject.toml",
        "sensor/cli/a.py:3: pyshark is optional: import it where it is used",
        "sensor/model/b.py:1: numba is not for model",
    ] == found


def test_a_relative_import_is_found() -> None:
    """`from . import x` is reported with its line."""
    assert ["sensor/model/a.py:1"] == relative([module("sensor.model.a", "from . import flow")])


def _house() -> list[Module]:
    """One empty module in every area, for the rules to look at."""
    areas = "model packets flows wire entities detectors store incidents sources sinks responses console cli"
    names = [f"sensor.{area}{module}" for area in areas.split() for module in ("", ".b")]
    names += ["sensor", "sensor.errors", "sensor.metrics", "sensor.registry", "sensor.pipeline", "sensor.config"]
    names += ["sensor.packets.dns", "sensor.flows.table", "sensor.store.state", "sensor.model.flow", "sensor.cli.main"]
    names += ["sensor.sources._a_c"]
    return [module(name, "") for name in [*names, "baselines", "baselines._jit", "baselines.moments"]]
