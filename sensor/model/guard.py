"""Limits of responses, as a configuration may tighten them. They are the project's, not the user's, to raise."""

import msgspec

from sensor.model.response import MODES

PER_HOUR, PER_DAY = 3, 10
"""Actions of one installation. A takeover needs three; what needs more than ten a day needs a person."""
ACCOUNT_SHARE = 0.01
"""Of the accounts a day, at least 1: a mistake must not lock an organisation out."""
EXPIRE_S = 3600
"""A reversible action is taken back after an hour unless a person keeps it."""


class Group(msgspec.Struct, frozen=True):
    """Accounts, devices or addresses that are treated more carefully than the rest."""

    members: tuple[str, ...]
    mode: str = "recommend"


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """The guard's part of the configuration."""

    never_touch: tuple[str, ...] = ()
    """Account names (also as patterns), device ids or names, addresses and networks."""
    groups: dict[str, Group] = {}
    per_hour: int = PER_HOUR
    per_day: int = PER_DAY
    account_share: float = ACCOUNT_SHARE
    expire_s: int = EXPIRE_S


def problem(guard: Guard) -> str | None:
    """Say what is wrong with a configured guard, None if nothing is."""
    if not 0 <= guard.per_hour <= PER_HOUR or not 0 <= guard.per_day <= PER_DAY:
        return f"per_hour and per_day may be lowered from {PER_HOUR} and {PER_DAY}, not raised"
    if not 0 <= guard.account_share <= ACCOUNT_SHARE:
        return f"account_share may be lowered from {ACCOUNT_SHARE}, not raised"
    if not 60 <= guard.expire_s <= EXPIRE_S:
        return f"expire_s must be from 60 to {EXPIRE_S}"
    wrong = [name for name, group in guard.groups.items() if group.mode not in MODES]
    return f"groups.{wrong[0]}: mode must be one of {', '.join(MODES)}" if wrong else None
