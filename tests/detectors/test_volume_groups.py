"""Peer groups: by site and kind of role, kept where answers disagree, and how often each acts as one."""

import numpy as np

from baselines.table import Table
from sensor.detectors.volume_groups import GROUPS_MAX, KINDS, Groups
from sensor.detectors.volume_state import DAY, READY, SPEC, cells


class Roles:
    """Devices of two sites with the roles given."""

    def __init__(self, *roles):
        self.roles = list(roles)

    def role(self, device):
        return self.roles[device]

    def device_site(self, device):
        return ("SYD", "PER")[device % 2]


def devices(roles):
    table = Table(SPEC, 100)
    table.cover(len(roles.roles))
    columns, groups = cells(table), Groups(roles)
    groups.place(columns, np.arange(len(roles.roles)))
    return columns, groups


def test_devices_of_one_site_and_kind_are_peers():
    """A role not known, or not asked for yet, is a kind of its own; sites never meet."""
    roles = Roles("server", "workstation", "domain controller", None, "camera", "server")
    columns, groups = devices(roles)
    before = [groups.known[group] for group in columns["group"].tolist()]
    columns["seen"][:5] = READY
    groups.refresh(columns, 0)
    after = [(site, KINDS[kind]) for site, kind in (groups.known[group] for group in columns["group"].tolist())]

    assert [("SYD", 0), ("PER", 0)] * 3 == before
    assert [
        ("SYD", "servers"), ("PER", "workstations"), ("SYD", "servers"), ("PER", "devices"), ("SYD", "things"),
        ("PER", "devices"),
    ] == after  # fmt: skip


def test_a_group_changes_where_two_answers_agree():
    """One odd week changes nothing; nobody is asked but once a week."""
    roles = Roles("server")
    columns, groups = devices(roles)
    columns["seen"][:] = READY
    groups.refresh(columns, 0)
    found = []
    for day, role in ((1, "printer"), (7, "printer"), (14, "server"), (21, "printer"), (28, "printer")):
        roles.roles[0] = role
        groups.refresh(columns, day * DAY)
        found.append(KINDS[int(columns["kind"][0])])

    assert ["servers", "servers", "servers", "servers", "things"] == found


def test_there_are_no_more_groups_than_the_cap():
    """What comes after is judged with the first."""
    groups = Groups(Roles())
    numbers = [groups.number(f"site{k}", 0) for k in range(GROUPS_MAX + 5)]

    assert GROUPS_MAX == len(groups.known)
    assert [0] * 6 == numbers[-6:]


def test_days_on_which_a_group_acts_as_one_are_counted():
    """Only of groups of five or more; what is saved is loaded."""
    groups, other = Groups(Roles()), Groups(Roles())
    groups.number("SYD", 1)
    for as_one in (1, 0, 0):
        groups.days[1, 2] = as_one
        groups.close_day(np.array([1] * 5 + [0] * 4, np.int32))
    other.load(groups.save())

    assert ([3, 1, 0], [0, 0, 0]) == (groups.days[1].tolist(), groups.days[0].tolist())
    assert (groups.known, groups.days.tolist()) == (other.known, other.days.tolist())
