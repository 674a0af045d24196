"""Entities without somebody."""

import numpy as np

from sensor.entities import forgetting
from sensor.entities.entities import Entities
from sensor.entities.links import NOWHERE

NOW = 1_700_000_000 * 10**9


def met():
    """Two accounts on two devices, one of them with a name and an address."""
    made = Entities({"SYD": ("10.0.0.0/8",)}, 7)
    site = made.site_number("SYD")
    for form, identity in (("ann@ex.com", "id-a"), ("bob@ex.com", "id-b")):
        made.identity.accounts.sight(form, NOW, site, "entra", identity)
    for row in (0, 1):
        made.identity.links.see(row, row, NOWHERE, "kerberos_as", NOW)
        made.identity.corroboration.used.add(row, "network", "AS1", NOW)
    return made


def restored(columns):
    made = Entities({"SYD": ("10.0.0.0/8",)}, 7)
    made.load(columns)
    return made


def test_an_account_goes_with_its_spellings_links_and_habits():
    """Its row is nobody's; others are as they were; met again it is somebody new."""
    columns = met().save()
    assert ([0], [0], [1], []) == tuple(
        forgetting.account_rows(columns, [name]) for name in ("ann@ex.com", "id-a", "id-b", "eve@ex.com")
    )
    left = restored(forgetting.forget_account(columns, 0, "erased-1"))
    assert ("erased-1", -1, 1) == (left.account_name(0), left.account_row("ann@ex.com"), left.account_row("bob@ex.com"))
    assert ([], [1]) == tuple([link.account for link in left.identity.links.of(row, NOW)] for row in (0, 1))
    used = left.identity.corroboration.used
    assert (False, True) == (used.knows_any(0), used.knows(1, "network", "AS1"))
    assert 2 == left.identity.accounts.sight("ann@ex.com", NOW, 0, "entra", "id-a")


def test_whoever_is_not_there_changes_nothing():
    """And an empty state has nobody."""
    columns = met().save()
    assert ([], []) == (forgetting.device_rows(columns, ["dev-1"]), forgetting.account_rows({}, ["ann"]))
    again = forgetting.forget_account(columns, 1, "erased-1")
    assert all(
        np.array_equal(column, columns[name]) for name, column in again.items() if not name.startswith("identity")
    )
