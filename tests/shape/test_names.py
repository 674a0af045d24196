"""Names come from the field, and say what a thing is."""

import ast
import re
from collections.abc import Iterator

from tests.shape.tree import Function, Module, module, ours

# What such a module is about is anybody's guess, and so anything ends up in it.
SAYS_NOTHING = frozenset({"base", "common", "helper", "helpers", "lib", "manager", "misc", "util", "utils"})
# A packet has a source and a destination, by its header; a flow has an originator and a responder.
PACKET_SIDES = re.compile(r"(^|_)(src|dst)(_|$)")
PACKET_AREAS = frozenset({"packets"})


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that a module gives: variables, arguments, attributes, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, Function | ast.ClassDef):
            yield node.name, node.lineno


def empty_names(modules: list[Module]) -> list[str]:
    """Modules and folders whose name says nothing."""
    return [item.path for item in modules if SAYS_NOTHING & set(item.name.split("."))]


def packet_sides(modules: list[Module]) -> list[str]:
    """Places that call a flow's ends src and dst."""
    return [
        f"{item.path}:{line}: {name}"
        for item in modules
        if item.area not in PACKET_AREAS
        for name, line in identifiers(item.tree)
        if PACKET_SIDES.search(name)
    ]


def test_every_module_name_says_what_it_holds() -> None:
    """There is no utils, helpers, common, manager or base."""
    assert [] == empty_names(ours())


def test_a_flow_has_an_originator_and_a_responder() -> None:
    """No name of ours calls a flow's ends src or dst (a packet's header may)."""
    assert [] == packet_sides(ours())


def test_bad_names_are_found() -> None:
    """Each form of giving a name is looked at; words that merely contain the letters are not meant."""
    text = "src_ip = 1\nself.dst = 2\ndef f(orig_src): ...\nsrcset = 3\nuse(src_port)\nclass C:\n    dst_p: int\n"
    assert [
        "sensor/flows/a.py:1: src_ip",
        "sensor/flows/a.py:2: dst",
        "sensor/flows/a.py:3: orig_src",
        "sensor/flows/a.py:7: dst_p",
    ] == sorted(packet_sides([module("sensor.flows.a", text), module("sensor.packets.a", text)]))
    assert ["sensor/flows/utils.py"] == empty_names(
        [module("sensor.flows.utils", ""), module("sensor.flows.table", "")]
    )
