"""`spanline quarantine`: one row a message and recipient, who acted, what happened since."""

import json
from pathlib import Path

import pytest

from tests.cli.test_accounts import run

FOLDER = Path(__file__).resolve().parents[2] / "pcaps" / "selftest"
TRACE = {
    "MessageTraceId": "", "MessageId": "<71@mailer.example>", "Received": "2026-06-22T12:00:00Z",
    "SenderAddress": "payroll@mailer.example", "RecipientAddress": "bo@corp.example", "Subject": "Payslip",
    "Status": "FilteredAsSpam",
}  # fmt: skip


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A message that was clicked and then removed, and the trace of its other copy."""
    folder = tmp_path_factory.mktemp("mail")
    (folder / "trace.jsonl").write_text(json.dumps(TRACE) + "\n")
    inputs = [FOLDER / "people-history.jsonl.gz", FOLDER / "phishing.jsonl.gz", folder / "trace.jsonl"]
    assert 0 == run("replay", "--fresh", "--state", folder / "state", *inputs)[0]
    return folder / "state"


def rows(state, *options):
    code, text = run("quarantine", "--state", state, "--json", *options)
    assert 0 == code
    return json.loads(text)


def test_a_message_that_was_clicked_and_removed_is_one_row(state):
    """With who acted, the click, its incident and what is proposed."""
    (one,) = rows(state, "--recipient", "cai@corp.example")

    assert ("<71@mailer.example>", "quarantined", "defender, SpecialAction", ["defender"]) == (
        one["message"], one["state"], one["acted_by"], one["products"],
    )  # fmt: skip
    assert ["Phish ZAP"] == [step["action"] for step in one["acted"]]
    assert ["ClickAllowed"] == [step["action"] for step in one["since"]]
    assert one["incident"].startswith("INC-")
    assert ["proposed"] == [action["state"] for action in one["actions"]]


def test_each_recipient_is_a_row_and_can_be_asked_for(state):
    """By recipient, message and time; the latest acted on first."""
    every = rows(state)

    assert ["cai@corp.example", "bo@corp.example"] == [one["recipient"] for one in every]
    assert ["exchange_online"] == every[1]["products"]
    assert every[:1] == rows(state, "--limit", "1")
    assert every[:1] == rows(state, "--since", "2026-06-22T13:00:00Z")
    assert every == rows(state, "--message", "<71@mailer.example>")
    assert [] == rows(state, "--message", "<72@mailer.example>")


def test_the_table_and_a_wrong_time(state):
    """A person sees them too; what is no time is bad usage."""
    text = run("quarantine", "--state", state)[1]
    assert "Payslip" in text
    assert "ClickAllowed clicked," in text
    assert "quarantine_message" in text
    assert 2 == run("quarantine", "--state", state, "--since", "yesterday")[0]
