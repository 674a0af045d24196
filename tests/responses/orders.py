"""Orders for tests: what is wanted, and how it is given."""

from sensor.model.given import Order
from sensor.model.order import Outcome, Wanted
from tests.responses.products import NOW, S


def wanted(key, verb="block_address", kind="address", target="203.0.113.5", **rest):
    """One order, to be begun within an hour."""
    said = {"incident": "INC-1", "reason": "a takeover", "by": "user:kim", "ts_ns": NOW, "expires_ns": NOW + 3600 * S}
    return Wanted(id=key, verb=verb, kind=kind, target=target, **{**said, **rest})


def order(key, reason="a takeover"):
    """One as a hub gives it."""
    return Order(ts=1, wanted=wanted(key, reason=reason))


def outcome(key, state="verified", detail="the effect holds", by="spanline", ts_ns=NOW + S):
    """What became of one."""
    return Outcome(id=key, state=state, detail=detail, by=by, ts_ns=ts_ns)
