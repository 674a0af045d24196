"""What is usual for a device and an account, counted from an archive that a table in memory stands for."""

import duckdb
import pytest

from sensor.model.archive import TABLES
from sensor.model.times import DAY_NS, HOUR_NS, parse
from sensor.model.usual import Share
from sensor.store.usual import account_timeline, account_usual, device_usual

MONDAY = parse("2024-06-03T00:00:00Z")
TYPES = {"int64": "BIGINT", "time": "BIGINT", "uint16": "USMALLINT", "uint8": "UTINYINT", "bool": "BOOLEAN"}


class Held:
    """An archive of rows given by hand; columns that are not named are null."""

    def __init__(self, since_ns=0):
        self.since_ns = since_ns
        self._connection = duckdb.connect(":memory:")
        for table, columns in TABLES.items():
            told = ", ".join(f'"{name}" {TYPES.get(kind, "VARCHAR")}' for name, (kind, _) in columns.items())
            self._connection.execute(f"CREATE TABLE {table} ({told})")

    def add(self, table, **row):
        names = ", ".join(f'"{name}"' for name in row)
        self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            list(row.values()),
        )

    def rows(self, sql, parameters=()):
        return self._connection.execute(sql, parameters).fetchall()


@pytest.fixture
def week():
    """Five working days of nine hours; on Wednesday one flow is reported in two parts."""
    held = Held()
    for day in range(5):
        for hour in range(9):
            held.add(
                "flows", ts=MONDAY + day * DAY_NS + hour * HOUR_NS, orig_device="dev-1", resp_device="dev-9",
                service="ssl" if hour % 3 else None, proto="tcp", resp_p=8080, orig_bytes=1000, resp_bytes=5000,
                fresh=True, conn_state="SF",
            )  # fmt: skip
    held.add(
        "flows", ts=MONDAY + 2 * DAY_NS, orig_device="dev-1", proto="tcp", service="ssl", orig_bytes=500,
        resp_bytes=-1, fresh=False, conn_state="SF",
    )  # fmt: skip
    held.add("messages", ts=MONDAY, device="dev-1", kind="ssl", query="www.example.org")
    held.add("messages", ts=MONDAY, device="dev-1", kind="dhcp", query="dev-1")
    return held


def test_days_hours_and_groups_of_a_device(week):
    """A second report of a flow adds bytes and no flow; an unknown size adds none; what has no service is a port."""
    usual = device_usual(week, ["dev-1"], "UTC")

    assert [9] * 5 == [day.count for day in usual.days]
    assert [9000, 9000, 9500, 9000, 9000] == [day.bytes_out for day in usual.days]
    assert [45000] * 5 == [day.bytes_in for day in usual.days]
    assert [5] * 9 + [0] * 15 == list(usual.hours)
    assert [9] * 5 + [0, 0] == list(usual.weekdays)
    assert (Share(name="ssl", count=30, days=5), Share(name="tcp/8080", count=15, days=5)) == usual.groups["services"]
    assert (Share(name="www.example.org", count=1, days=1),) == usual.groups["names"]
    assert (Share(name="dev-9", count=45, days=5),) == usual.groups["peers"]


def test_what_a_person_would_say_of_it(week):
    """Days, hours of the time zone, amounts of a day, and what it uses."""
    first, amounts, *_ = device_usual(week, ["dev-1"], "UTC").said

    assert "Seen on 5 of 5 days, Monday to Friday, mostly from 00:00 to 09:00 (UTC)." == first
    assert "On such a day it opens 9 flows, sends 9.0 kB to 9.5 kB and receives 45.0 kB." == amounts


def test_days_and_hours_are_local(week):
    """In Adelaide, half an hour off the hour, nine o'clock UTC is the evening of the same day."""
    usual = device_usual(week, ["dev-1"], "Australia/Adelaide")

    assert [5] * 9 == list(usual.hours[9:18])
    assert "mostly from 09:00 to 18:00 (Australia/Adelaide)" in usual.said[0]


def test_hours_around_midnight_are_one_run():
    """A night shift is said as such."""
    held = Held()
    for hour in (22, 23, 24, 25):
        held.add("flows", ts=MONDAY + hour * HOUR_NS, orig_device="dev-1", proto="udp", fresh=True)

    assert "mostly from 22:00 to 02:00 (UTC)" in device_usual(held, ["dev-1"], "UTC").said[0]


def test_clients_of_a_server_count_where_it_answered(week):
    """Attempts that failed make no client."""
    week.add("flows", ts=MONDAY + 1, orig_device="dev-2", resp_device="dev-1", fresh=True, conn_state="S0", proto="tcp")
    week.add("flows", ts=MONDAY + 1, orig_device="dev-3", resp_device="dev-1", fresh=True, conn_state="SF", proto="tcp")

    assert (Share(name="dev-3", count=1, days=1),) == device_usual(week, ["dev-1"], "UTC").groups["clients"]


def test_records_of_a_device_that_turned_out_to_be_it_are_its_own(week):
    """Ids of aliases are counted with it."""
    assert (None, 5) == (
        device_usual(week, ["dev-7"], "UTC"), len(device_usual(week, ["dev-7", "dev-1"], "UTC").days),
    )  # fmt: skip


@pytest.mark.parametrize(("since", "whole"), [(0, True), (MONDAY + 1, False)])
def test_an_archive_that_dropped_some_of_it_says_so(since, whole):
    """`whole` is false where records of the window are gone."""
    held = Held(since)
    held.add("flows", ts=MONDAY, orig_device="dev-1", proto="udp", fresh=True)

    assert whole is device_usual(held, ["dev-1"], "UTC").whole


@pytest.fixture
def signed_in():
    """Two sign-ins, one of them judged again, a failure with its reason, and a mail rule."""
    held = Held()
    one = {"account": "ann@example.org", "source": "entra", "app": "Mail", "ip": "192.0.2.1"}
    held.add(
        "signins", n=1, ts=MONDAY, id="a", result="success", corroboration="unknown", country="AU", begun=True, **one
    )
    held.add(
        "signins",
        n=2,
        ts=MONDAY,
        id="a",
        result="success",
        corroboration="contradicted",
        country="AU",
        begun=False,
        **one,
    )
    held.add("signins", n=3, ts=MONDAY + HOUR_NS, id="b", result="failure", reason="wrong password", begun=True, **one)
    held.add(
        "events", n=4, ts=MONDAY + 2 * HOUR_NS, account_entity="ann@example.org", kind="mail_rule",
        action="New-InboxRule", object=".", outcome="success", source="m365",
    )  # fmt: skip
    return held


def test_sign_ins_of_an_account(signed_in):
    """A sign-in that was judged again is one; failures are counted by their reason."""
    usual = account_usual(signed_in, "ann@example.org", "UTC")

    assert [2] == [day.count for day in usual.days]
    assert (Share(name="AU", count=1, days=1),) == usual.groups["countries"]
    assert (Share(name="wrong password", count=1, days=1),) == usual.groups["failures"]
    assert (Share(name="mail_rule", count=1, days=1),) == usual.groups["acts"]


def test_an_account_s_timeline(signed_in):
    """Oldest first, each sign-in once with its last verdict, failures with the reason."""
    acts = account_timeline(signed_in, "ann@example.org", 10)

    assert [("signin", "contradicted"), ("signin", "wrong password"), ("mail_rule", "")] == [
        (act.kind, act.why) for act in acts
    ]
    assert "New-InboxRule ." == acts[-1].what
    assert acts[1:] == account_timeline(signed_in, "ann@example.org", 2)
