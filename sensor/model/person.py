"""People who use the console, and what each may do at which site."""

from collections.abc import Iterable

import msgspec

ROLES = ("viewer", "analyst", "responder", "admin")
"""From the least: see; close, mute and hunt; decide on responses; stop them all and see who is there. Each may all that
those before it may."""
EVERYWHERE = "*"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. `grants`: site, or `*` for all of them, to role."""

    name: str
    grants: dict[str, str]

    def may(self, role: str, sites: Iterable[str] = ()) -> bool:
        """Tell whether the person has a role at every one of these sites; without a site, whether at all there are."""
        return self._has(role, EVERYWHERE) or (
            bool(named := list(sites)) and all(self._has(role, one) for one in named)
        )

    def may_somewhere(self, role: str) -> bool:
        """Tell whether the person has a role at any site."""
        return any(self._has(role, place) for place in self.grants)

    def sites(self) -> tuple[str, ...] | None:
        """Return the sites that the person may see, None for all."""
        return None if EVERYWHERE in self.grants else tuple(sorted(self.grants))

    def _has(self, role: str, place: str) -> bool:
        held = self.grants.get(place)
        return held in ROLES and ROLES.index(held) >= ROLES.index(role)


def read_grant(text: str) -> tuple[str, str]:
    """Read `role` or `role@site` as site and role. Raises ValueError."""
    role, _, site = text.partition("@")
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role: {', '.join(ROLES)}, or one of them with @SITE")
    return site or EVERYWHERE, role


def highest(grants: list[tuple[str, str]]) -> dict[str, str]:
    """Return the highest role of each place."""
    found: dict[str, str] = {}
    for place, role in grants:
        held = found.get(place)
        if held is None or ROLES.index(role) > ROLES.index(held):
            found[place] = role
    return found
