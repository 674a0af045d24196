"""What the documents show can be typed: configurations are valid, commands and their options exist."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from sensor import config
from sensor.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path, language):
    return [text for kind, text in BLOCK.findall(path.read_text()) if kind == language]


def typed(path):
    """Every call of spanline in a document's shell blocks, without what a shell would take away."""
    lines = [line for text in blocks(path, "sh") for line in text.replace("\\\n", " ").splitlines()]
    for line in lines:
        words = shlex.split(line.replace("…", "1"), comments=True)
        if words and words[0].rpartition("/")[2] == "spanline":
            yield [word for word in words[1:] if word not in {"|", ">", "&"}]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_configurations_are_valid(path):
    """Each block by itself: unknown keys, types and modes are errors as they are for a user."""
    for text in blocks(path, "toml"):
        config.build(tomllib.loads(text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist_with_their_options(path):
    """A name or an option that is not there is a usage error; that a file is missing is none."""
    for words in typed(path):
        command, rest, context = cli, words, click.Context(cli)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(context, rest[0])
            if found is None:
                break
            command, rest = found, rest[1:]
        assert command is not cli or rest[:1] in (["-h"], ["--version"]), f"no command: {' '.join(words)}"
        known = {name for one in command.params for name in one.opts} | {"-h", "--help"}
        given = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert set() == given - known, " ".join(words)
