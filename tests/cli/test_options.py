"""Options shared by commands."""

import json

import click
import pytest

from sensor.cli.options import echo_json, fail, open_state
from sensor.store.state import State


def test_fail_says_why_and_exits(capsys):
    """The message on stderr, the code as asked."""
    with pytest.raises(click.exceptions.Exit) as done:
        fail("no", 4)

    assert (4, "spanline: no\n") == (done.value.exit_code, capsys.readouterr().err)


def test_a_state_is_never_created_by_asking(tmp_path):
    """Readers and closers exit 4 where there is none."""
    for readonly in (True, False):
        with pytest.raises(click.exceptions.Exit) as done:
            open_state(tmp_path / "none", readonly=readonly)
        assert 4 == done.value.exit_code
    State(tmp_path).close()
    with open_state(tmp_path, readonly=False) as state:
        assert [] == state.incidents()


def test_json_is_one_document(capsys):
    """What is printed parses as a whole."""
    echo_json({"a": [1, {"b": None}]})

    assert {"a": [1, {"b": None}]} == json.loads(capsys.readouterr().out)
