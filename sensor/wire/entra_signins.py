"""One sign-in of Entra ID (or of AD FS, as Azure Monitor reports it), in any of its envelopes, as an event.

The same record comes as an Azure Monitor export (`{time, category, properties: {…}}`), from Graph (`auditLogs/signIns`)
and as a row of Log Analytics (`SigninLogs`, `AADNonInteractiveUserSignInLogs`, `AADServicePrincipalSignInLogs`,
`AADManagedIdentitySignInLogs`, `ADFSSignInLogs`), there with nested objects as JSON text.
Fields: https://learn.microsoft.com/en-us/graph/api/resources/signin and
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/signinlogs.

The event's time is `createdDateTime`: the export's own `time` is when the log was written, minutes later. Several rows
may share one `correlationId`: they are one flow, which the reader does not merge.
"""

from typing import NamedTuple

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.entra_codes import outcome_of, outcome_of_word
from sensor.wire.entra_mfa import method_of, mfa_of
from sensor.wire.fields import Fields, read_address

CATEGORIES = {
    "signinlogs": "interactive",
    "noninteractiveusersigninlogs": "non_interactive",
    "serviceprincipalsigninlogs": "service_principal",
    "microsoftserviceprincipalsigninlogs": "service_principal",
    "managedidentitysigninlogs": "managed_identity",
    "adfssigninlogs": "interactive",
}
"""Azure Monitor's category, folded (or Log Analytics' table without its `AAD`), and what kind of sign-in it is."""
_EVENT_TYPES = {
    "interactiveuser": "interactive",
    "noninteractiveuser": "non_interactive",
    "serviceprincipal": "service_principal",
    "managedidentity": "managed_identity",
}
"""Graph's `signInEventTypes`, folded: https://learn.microsoft.com/en-us/graph/api/resources/signin."""
_TIMES = ("createdDateTime", "CreatedDateTime [UTC]", "TimeGenerated", "TimeGenerated [UTC]", "time", "Date (UTC)")
_NO_ID = "00000000-0000-0000-0000-000000000000"
_RISKS = frozenset({"none", "hidden", "unknownfuturevalue"})
"""`hidden`: the tenant has no licence to see it."""


class _Both(NamedTuple):
    """A record and the sign-in's own object in it; the same where there is no envelope."""

    outer: Fields
    inner: Fields

    def text(self, *paths: str) -> str | None:
        """Ask the sign-in first, then what is around it."""
        return self.inner.text(*paths) or self.outer.text(*paths)


def category_of(record: Fields) -> str | None:
    """Return which kind of sign-in a record is, by its category or table; None where it is no sign-in by these."""
    for name in (record.text("category"), record.text("Type")):
        if name and (found := CATEGORIES.get(name.lower().removeprefix("aad"))):
            return found
    return None


def read_signin(record: Fields, source: str) -> Event:
    """Return the event of a sign-in.

    Args:
        record: The record in its envelope.
        source: `entra` or `adfs`.

    Raises:
        Malformed: `missing_time`, `bad_time`.
    """
    both = _Both(record, record.part("properties") or record)
    inner = both.inner
    code, outcome = _result(both)
    # The sign-in's own goes before the envelope's, so that all envelopes say the same.
    ip, port = first_address(inner.text("ipAddress"), record.text("callerIpAddress"))
    account, account_id = _account(both)
    category = category_of(record) or _kind(inner)
    user = category in {"interactive", "non_interactive"}
    return Event(
        ts=_time(both),
        source=source,
        kind="signin",
        action=record.text("operationName") or "Sign-in activity",
        outcome=outcome,
        reason_code=None if code is None else str(code),
        reason=_reason(both, code),
        account=account,
        account_id=account_id,
        ip=ip,
        port=port,
        country=_country(both),
        city=inner.text("location.city", "LocationDetails.city"),
        asn=inner.number("autonomousSystemNumber") or None,
        mfa=mfa_of(inner, code, outcome) if user else "none",
        app=inner.text("appDisplayName", "servicePrincipalName", "appId"),
        resource=inner.text("resourceDisplayName", "resourceIdentity"),
        user_agent=inner.text("userAgent"),
        os=inner.text("deviceDetail.operatingSystem"),
        device_id=inner.text("deviceDetail.deviceId"),
        device_name=inner.text("deviceDetail.displayName"),
        managed=inner.flag("deviceDetail.isManaged"),
        session_id=inner.text("sessionId"),
        correlation_id=both.text("correlationId"),
        detail=_detail(inner, category),
        raw_id=inner.text("id", "originalRequestId"),
    )


def _result(both: _Both) -> tuple[int | None, str]:
    """Return the code and the outcome it stands for."""
    code = both.inner.number("status.errorCode")
    if code is None:
        code = both.outer.number("resultType")
    if code is not None:
        return code, outcome_of(code)
    words = (both.outer.text("resultType"), both.outer.text("resultSignature"), both.outer.text("status"))
    return None, next((found for word in words if (found := outcome_of_word(word)) != "unknown"), "unknown")


def _reason(both: _Both, code: int | None) -> str | None:
    """Return the reason in words; `Other.` is what Entra writes where it has none."""
    found = both.inner.text("status.failureReason") or both.outer.text("resultDescription")
    details = both.inner.text("status.additionalDetails")
    if found is None or found == "Other." or code == 0:
        return details
    return found if details is None or details in found else f"{found} {details}"


def _time(both: _Both) -> int:
    """Return when the sign-in happened, else when it was logged."""
    for path in _TIMES:
        for record in both:
            if record.value(path) is not None:
                return record.time(path)
    raise Malformed("missing_time")


def _account(both: _Both) -> tuple[str | None, str | None]:
    """Return the account's name and its object id: a user's, else a service principal's."""
    user_id = both.inner.text("userId")
    if user_id and user_id != _NO_ID:
        upn = both.inner.text("userPrincipalName", "signInIdentifier", "alternateSignInName")
        return fold(upn) or fold(user_id), user_id
    upn = both.inner.text("userPrincipalName", "signInIdentifier")
    if upn:
        return fold(upn), None
    principal = both.inner.text("servicePrincipalId", "appId")
    return fold(both.inner.text("servicePrincipalName")) or fold(principal), both.inner.text("servicePrincipalId")


def first_address(*texts: object) -> tuple[str | None, int | None]:
    """Return the first of these that is an address, and its port.

    An IPv6 address with `::` before all of its eight groups is read too: Azure Monitor's exporter writes such.
    """
    for text in texts:
        if isinstance(text, str):
            found = read_address(text)
            if found[0] is None and text.startswith("::"):
                found = read_address(text[2:])
            if found[0] is not None:
                return found
    return None, None


def _country(both: _Both) -> str | None:
    """Return the country's code: in `location`, which is an object or the code itself."""
    found = both.inner.text("location.countryOrRegion", "LocationDetails.countryOrRegion")
    if found is None:
        found = both.outer.text("Location")
        found = None if found is None or found.startswith("{") else found
    return None if found is None else found.upper() if len(found) == 2 else found


def _kind(inner: Fields) -> str:
    """Return which kind a Graph record is, which has no category."""
    for name in inner.texts("signInEventTypes"):
        if found := _EVENT_TYPES.get(name.lower()):
            return found
    if inner.text("userId", "userPrincipalName") is None and inner.text("servicePrincipalId"):
        return "service_principal"
    return "non_interactive" if inner.flag("isInteractive") is False else "interactive"


def _detail(inner: Fields, category: str) -> dict[str, object]:
    """Return what only sign-ins have."""
    risk = inner.text("riskLevelDuringSignIn")
    if risk is None or risk.lower() in _RISKS:
        risk = inner.text("riskLevelAggregated")
    latitude = inner.real("location.geoCoordinates.latitude", "LocationDetails.geoCoordinates.latitude")
    longitude = inner.real("location.geoCoordinates.longitude", "LocationDetails.geoCoordinates.longitude")
    placed = bool(latitude or longitude)
    return present(
        event_category=category,
        risk=None if risk is None or risk.lower() in _RISKS else risk.lower(),
        risk_state=inner.text("riskState"),
        risk_events=inner.texts("riskEventTypes_v2", "riskEventTypes"),
        mfa_detail=method_of(inner),
        latitude=latitude if placed else None,
        longitude=longitude if placed else None,
        policy=_policy(inner),
        client_app=inner.text("clientAppUsed"),
        protocol=_protocol(inner),
        token_id=inner.text("uniqueTokenIdentifier"),
        trust_type=inner.text("deviceDetail.trustType"),
        compliant=inner.flag("deviceDetail.isCompliant"),
        known_place=_known_place(inner),
    )


def _protocol(inner: Fields) -> str | None:
    """Return `devicecode` where the sign-in was lent to another machine, or its token came from such a one."""
    said = ((inner.text(name) or "").lower() for name in ("authenticationProtocol", "originalTransferMethod"))
    return "devicecode" if any(word in {"devicecode", "devicecodeflow"} for word in said) else None


def _policy(inner: Fields) -> str | None:
    """Return the name of the conditional access policy that stopped the sign-in."""
    for policy in inner.each("appliedConditionalAccessPolicies", "conditionalAccessPolicies"):
        if (policy.text("result") or "").lower() == "failure":
            return policy.text("displayName")
    return None


def _known_place(inner: Fields) -> bool | None:
    """Tell whether the tenant calls the address a named, trusted place; None where it says nothing."""
    kinds = [place.text("networkType") or "" for place in inner.each("networkLocationDetails")]
    return any(kind.lower() == "trustednamedlocation" for kind in kinds) if kinds else None
