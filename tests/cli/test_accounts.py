"""`spanline accounts` and `account`: tried on a state that a replay of sign-ins made."""

import json

import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from tests.cli.test_events import OKTA

SECOND = "f1d0a4c2-0000-11ee-8000-000000000002"


def run(*arguments):
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state with two sign-ins of one account."""
    folder = tmp_path_factory.mktemp("accounts")
    device = {"id": "guo1", "name": "LAPTOP-7", "registered": True, "managed": True}
    rows = [OKTA, {**OKTA, "uuid": SECOND, "published": "2024-01-01T01:00:00.000Z", "device": device}]
    (folder / "okta.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert 0 == run("replay", folder / "okta.jsonl", "--state", folder / "state")[0]
    return folder / "state"


def test_accounts_are_listed(state):
    """With their kind and who told of them; other kinds can be left out."""
    code, text = run("accounts", "--state", state, "--json")
    (one,) = json.loads(text)

    assert (0, "ann@example.com", "user", ["okta"], 2) == (
        code, one["name"], one["kind"], one["sources"], one["sightings"],
    )  # fmt: skip
    assert [] == json.loads(run("accounts", "--state", state, "--json", "--kind", "service")[1])
    assert "ann@example.com" in run("accounts", "--state", state)[1]


@pytest.mark.parametrize("key", ["ann@example.com", "ANN@example.com", "ann", "00u"])
def test_an_account_is_found_by_any_spelling(state, key):
    """Its name, its user's name alone, its provider's id; the page shows its sign-ins."""
    code, text = run("account", key, "--state", state)

    assert 0 == code
    assert "203.0.113.9" in text
    assert "ann@example.com" == json.loads(run("account", key, "--state", state, "--json")[1])["name"]


def test_an_unknown_account_is_exit_4(state):
    """As every named thing that does not exist."""
    assert 4 == run("account", "nobody", "--state", state)[0]
