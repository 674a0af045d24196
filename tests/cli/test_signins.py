"""`spanline signins`: the list, its filters, its form."""

import json

import pytest

from tests.cli.test_accounts import SECOND, run, state
from tests.cli.test_events import OKTA

__all__ = ["state"]

FIRST = OKTA["uuid"]
FIELDS = {
    "ts", "account", "source", "ip", "country", "asn", "app", "result", "reason_code", "reason", "mfa", "device",
    "corroboration", "because", "revisions", "raw_id",
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [SECOND, FIRST]),
        (("--limit", "1"), [SECOND]),
        (("--account", "ann"), [SECOND, FIRST]),
        (("--account", "bob"), []),
        (("--since", "2024-01-01T00:30:00Z"), [SECOND]),
    ],
)
def test_sign_ins_are_listed_latest_first(state, options, expected):
    """Under the documented names; by account, since a time, at most so many."""
    code, text = run("signins", "--state", state, "--json", *options)
    rows = json.loads(text)

    assert (0, expected) == (code, [row["raw_id"] for row in rows])
    assert all(FIELDS <= set(row) for row in rows)


def test_the_table_and_a_wrong_time(state):
    """A person sees the verdict too; what is no time is bad usage."""
    assert "unknown" in run("signins", "--state", state)[1]
    assert 2 == run("signins", "--state", state, "--since", "yesterday")[0]
