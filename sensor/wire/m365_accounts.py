r"""Who acted and from where in a record of Microsoft 365's unified audit log.

`UserId` is a UPN, or what a service writes for it: `urn:spo:guest#x@example.com` and `i:0#.f|membership|x@example.com`
(SharePoint), `NT AUTHORITY\SYSTEM (…)`, `ServicePrincipal_<id>`, `Not Available`. The address stands in `ClientIP` with
or without a port, in `ClientIPAddress` too, where it is the person's own and not that of a service in between; in some
forms behind a host's name: `HOST (192.0.2.1)`.
"""

import re

from sensor.model.accounts import fold
from sensor.wire.fields import Fields, read_address

_NOBODY = frozenset({"not available", "unknown", "<null>"})
_GUEST, _CLAIM, _ANONYMOUS = "urn:spo:guest#", "|", "urn:spo:anon#"
_BEHIND_NAME = re.compile(r"\(([0-9A-Fa-f:.%]{2,60})\)\]?\s*$")
_UPN = 5
"""An actor's identity type: the user principal name (`IdentityType` of the Azure AD schema)."""
_ADDRESSES = ("ClientIPAddress", "Client_IPAddress", "ClientIP", "ActorIpAddress", "UserIp")


def read_account(record: Fields, *names: str) -> str | None:
    """Return who acted, folded.

    Args:
        record: The audit record.
        names: What its envelope calls the user, for records that are nothing but an envelope.
    """
    for text in (record.text("UserId", *names), _actor(record), _with_at(record.text("UserKey"))):
        if text and (found := _unwrapped(text)):
            return found
    return None


def read_client(record: Fields) -> tuple[str | None, int | None]:
    """Return the address and port a person acted from."""
    for path in _ADDRESSES:
        text = record.text(path)
        found = read_address(text)
        if found[0] is None and text and (behind := _BEHIND_NAME.search(text[-80:])):
            found = read_address(behind[1])
        if found[0] is not None:
            return found
    return None, None


def _unwrapped(text: str) -> str | None:
    """Take the name out of what SharePoint writes around it."""
    folded = text.lower()
    if folded in _NOBODY or folded.startswith(_ANONYMOUS):
        return None
    if folded.startswith(_GUEST):
        text = text[len(_GUEST) :]
    elif folded.startswith("i:0"):
        text = text.rpartition(_CLAIM)[2]
    return fold(text)


def _actor(record: Fields) -> str | None:
    """Return the UPN among the identities of the actor."""
    return next((one.text("ID") for one in record.each("Actor") if one.number("Type") == _UPN), None)


def _with_at(text: str | None) -> str | None:
    return text if text and "@" in text else None
