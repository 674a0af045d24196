"""A broad except hides our faults: there is one, in the supervisor, and nothing evaluates or unpickles input."""

import ast

from tests.shape.tree import Module, module, ours

SUPERVISOR = "sensor.pipeline.replaying"
BROAD = frozenset({"Exception", "BaseException"})
RUNS_INPUT = frozenset(
    {"eval", "exec", "compile", "os.system", "os.popen", "pickle.loads", "pickle.load", "__import__"}
)


def broad(found: list[Module]) -> list[str]:
    """Handlers that catch everything, outside the supervisor."""
    wrong = []
    for item in found:
        for node in ast.walk(item.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or ast.unparse(kind).rpartition(".")[2] in BROAD for kind in kinds):
                wrong.append(f"{item.path}:{node.lineno}")
    return wrong


def runs_input(found: list[Module]) -> list[str]:
    """Calls that would run what they are given, a shell included."""
    return [
        f"{item.path}:{node.lineno}: {ast.unparse(node.func)}"
        for item in found
        for node in ast.walk(item.tree)
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func) in RUNS_INPUT
            or any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords)
        )
    ]


def test_only_the_supervisor_catches_everything() -> None:
    """Elsewhere each handler names what it expects."""
    assert [] == broad([item for item in ours() if item.name != SUPERVISOR])


def test_the_supervisor_catches_everything_at_most_once() -> None:
    """One place decides what an unexpected error means."""
    assert 1 >= len(broad([item for item in ours() if item.name == SUPERVISOR]))


def test_nothing_runs_its_input() -> None:
    """No eval, no pickle, no shell."""
    assert [] == runs_input(ours())


def test_broad_handlers_and_dangerous_calls_are_found() -> None:
    """Bare, by name, and in a tuple; a handler that names its error is left alone."""
    handlers = "".join(
        f"try: ...\nexcept{what}: ...\n"
        for what in ("", " Exception", " (ValueError, BaseException) as e", " ValueError")
    )
    assert ["sensor/a.py:2", "sensor/a.py:4", "sensor/a.py:6"] == broad([module("sensor.a", handlers)])
    calls = "eval(x)\nsubprocess.run(x, shell=True)\nre.compile(x)\nsubprocess.run(x)\n"
    assert ["sensor/a.py:1: eval", "sensor/a.py:2: subprocess.run"] == runs_input([module("sensor.a", calls)])
