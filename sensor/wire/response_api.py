"""What every connector over HTTP shares: its options, whose accounts it serves, and how a target is taken apart.

A connector's module says its options beside these (`OPTIONS`), what it cannot do without (`NEEDS`), and which option
holds its secret (`HELD_IN`, empty where it has none), and makes itself of what is asked (`build`).
"""

from sensor.errors import Permanent
from sensor.model.response import Request
from sensor.wire.api_offer import Asked
from sensor.wire.http_client import Limits

COMMON: dict[str, type] = {"domains": list, "api_url": str, "login_url": str, "proxy": str, "ca_file": str}
"""`domains`: of the accounts it serves; without it, any."""
LIMITS = Limits(attempts=3, total_s=30.0, silence_s=15.0, wait_max_s=20.0)
"""A response is looked at again anyway: one that waits for minutes would hold up the kill switch."""


def serves_account(asked: Asked, account: str) -> bool:
    """Tell whether an account is of the configured domains."""
    found = asked.options.get("domains")
    domains = {str(one).lower() for one in found} if isinstance(found, list | tuple) else set()
    return not domains or account.rpartition("@")[2].lower() in domains


def halves(request: Request) -> tuple[str, str]:
    """Return mailbox and rule of a rule's id, or message and recipient of a message's. Raises Permanent."""
    first, found, second = (
        request.target.rpartition("/") if request.verb == "quarantine_message" else request.target.partition("/")
    )
    if not found or not first:
        raise Permanent(f"{request.target!r} names no {request.verb.partition('_')[2]}")
    return first, second
