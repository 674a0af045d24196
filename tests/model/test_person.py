"""Roles: each may what those before it may, at the sites that were granted."""

import pytest

from sensor.model.person import ROLES, Person, highest, read_grant


def person(**grants):
    """Somebody with roles at sites; `all` is everywhere."""
    return Person(name="ann", grants={"*" if site == "all" else site: role for site, role in grants.items()})


@pytest.mark.parametrize("held", ROLES)
def test_a_role_holds_those_before_it(held):
    """Everywhere and at each site; none holds one after it."""
    one = person(all=held)
    for role in ROLES:
        may = ROLES.index(role) <= ROLES.index(held)
        assert (may, may, may) == (one.may(role), one.may(role, ("SYD",)), one.may_somewhere(role))


def test_a_role_at_a_site_is_none_elsewhere():
    """What touches several sites needs the role at each; the rest is not seen."""
    one = person(SYD="analyst", PER="viewer")
    assert [True, False, False, True] == [
        one.may("analyst", ("SYD",)), one.may("analyst", ("SYD", "PER")), one.may("analyst"),
        one.may("viewer", ("SYD", "PER")),
    ]  # fmt: skip
    assert (("PER", "SYD"), None) == (one.sites(), person(all="viewer", SYD="admin").sites())
    assert not person(SYD="emperor").may_somewhere("viewer")
    assert not person().may("viewer", ("SYD",))


def test_grants_are_read_as_they_are_written():
    """A role, or a role at a site; of several for one place the highest holds."""
    assert [("*", "admin"), ("SYD", "viewer")] == [read_grant("admin"), read_grant("viewer@SYD")]
    with pytest.raises(ValueError, match="'root' is no role"):
        read_grant("root@SYD")
    assert {"*": "analyst", "SYD": "admin"} == highest([("*", "viewer"), ("*", "analyst"), ("SYD", "admin")])
