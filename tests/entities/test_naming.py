"""Hostnames of rows."""

import pytest

from sensor.entities import naming as module
from sensor.entities.naming import Naming


@pytest.fixture
def naming():
    """No names yet."""
    return Naming()


def test_a_better_source_names_a_row(naming):
    """DHCP's name stays when Kerberos says another; of the same source the last wins; all are remembered."""
    for at, (name, source) in enumerate((("A1X", "kerberos"), ("B1X", "dhcp"), ("C1X", "ntlm"), ("D1X", "dhcp"))):
        naming.put(7, 0, name, source, at)

    assert {7: "D1X"} == naming.names
    assert [("D1X", 3, 3, "dhcp"), ("C1X", 2, 2, "ntlm")] == naming.spans([7])[:2]
    assert naming.bears(7, "a1x.example.com")


def test_rows_are_found_by_name_at_their_site(naming):
    """Folded, and at no other site; everywhere looks at all."""
    naming.put(1, 0, "Laptop-231", "dhcp", 0)
    naming.put(2, 1, "LAPTOP-231.example.com", "dhcp", 0)

    assert ([1], [2], []) == tuple(naming.rows(site, "laptop-231") for site in (0, 1, 2))
    assert [1, 2] == naming.everywhere("LAPTOP-231$", 3)


def test_generic_clashing_announced_and_forgotten_names_find_nobody(naming):
    """Names that say nothing join nothing."""
    naming.put(1, 0, "iPhone", "dhcp", 0)
    naming.put(2, 0, "NAS-7", "announced", 0)
    for row, name in ((3, "PC-14"), (4, "PC-15")):
        naming.put(row, 0, name, "dhcp", 0)
    naming.clash(3, 0)
    naming.forget(4, 0)

    assert [[]] * 4 == [naming.rows(0, name) for name in ("iPhone", "NAS-7", "PC-14", "PC-15")]


def test_names_are_bounded(naming):
    """A row keeps its latest names; a name that too many rows bear is a clash; nonsense is no name."""
    for k in range(module.NAMES_MAX + 3):
        naming.put(1, 0, f"HOST-{k}", "dhcp", k)
        naming.put(10 + k, 0, "SAME-HOST", "dhcp", k)
    naming.put(2, 0, "...", "dhcp", 0)

    assert module.NAMES_MAX == len(naming.spans([1]))
    assert ([], None) == (naming.rows(0, "same-host"), naming.best([2]))
    assert ([], [1]) == (naming.rows(0, "HOST-0"), naming.rows(0, "HOST-9"))
    assert [0, "host-0"] not in [one[:2] for one in naming.save()["rows"]]


def test_the_best_name_of_several_rows_is_the_best_sources(naming):
    """An agent's before DHCP's; of equals the latest."""
    for row, name, source, at in ((1, "DOCK", "dhcp", 9), (2, "LAPTOP-1", "agent", 1), (3, "LAPTOP-2", "agent", 2)):
        naming.put(row, 0, name, source, at)

    assert ["DOCK", "LAPTOP-1", "LAPTOP-2", None] == [naming.best(rows) for rows in ([1], [1, 2], [1, 2, 3], [4])]
    assert naming.rank(2) > naming.rank(1) > naming.rank(4) == 0


def test_save_and_load_is_identity(naming):
    """Names, ranks, clashes and the way back come again."""
    naming.put(1, 0, "PC-14", "dhcp", 5)
    naming.put(2, 0, "PC-15", "dhcp", 5)
    naming.clash(2, 0)
    other = Naming()

    other.load(naming.save())

    assert (naming.names, naming.clashes, [1]) == (other.names, other.clashes, other.rows(0, "pc-14"))
    assert (naming.spans([1]), naming.rank(1)) == (other.spans([1]), other.rank(1))
