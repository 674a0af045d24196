"""Okta's System Log of the same attempts: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/."""

import random

from story.cast import guid
from story.happenings import Attempt, iso

APPS = {"One Outlook Web": "Microsoft Office 365", "Microsoft Office": "Microsoft Office 365"}
_COUNTRIES = {
    "AU": "Australia", "NZ": "New Zealand", "SG": "Singapore", "JP": "Japan", "GB": "United Kingdom", "ID": "Indonesia",
    "US": "United States", "FR": "France", "NL": "Netherlands", "DE": "Germany", "RO": "Romania", "PL": "Poland",
    "CA": "Canada",
}  # fmt: skip


def entries(rng: random.Random, attempt: Attempt) -> list[dict[str, object]]:
    """Write what Okta logs of one row: the session, the factor, the application."""
    if not attempt.is_interactive:
        return [_entry(attempt, attempt.raw_id, attempt.ts, "app.oauth2.signon", "SUCCESS", "", "", app=True)]
    if attempt.code in {50126, 50055}:
        word = "INVALID_CREDENTIALS" if attempt.code == 50126 else "PASSWORD_EXPIRED"
        return [_entry(attempt, attempt.raw_id, attempt.ts, "user.session.start", "FAILURE", word, "PASSWORD")]
    if attempt.mfa in {"denied", "timed_out"}:
        sent = _entry(
            attempt,
            guid(rng),
            attempt.ts - 20,
            "system.push.send_factor_verify_push",
            "SUCCESS",
            "",
            "OKTA_VERIFY_PUSH",
        )
        result = ("FAILURE", "INVALID_CREDENTIALS") if attempt.mfa == "denied" else ("UNANSWERED", "")
        return [
            sent,
            _entry(
                attempt, attempt.raw_id, attempt.ts, "user.authentication.auth_via_mfa", *result, "OKTA_VERIFY_PUSH",
                pushed="OV_RESPONSE_DENY" if attempt.mfa == "denied" else "",
            ),
        ]  # fmt: skip
    if attempt.code:
        return [_entry(attempt, attempt.raw_id, attempt.ts, "policy.evaluate_sign_on", "CHALLENGE", "", "")]
    found = [_entry(attempt, attempt.raw_id, attempt.ts, "user.session.start", "SUCCESS", "", "PASSWORD")]
    if attempt.mfa == "satisfied":
        found.append(
            _entry(
                attempt,
                guid(rng),
                attempt.ts - 2,
                "user.authentication.auth_via_mfa",
                "SUCCESS",
                "",
                "OKTA_VERIFY_PUSH",
                pushed="OV_UNLOCK_VERIFY_FACTOR_RESPONSE",
            )
        )
    found.append(_entry(attempt, guid(rng), attempt.ts + 1, "user.authentication.sso", "SUCCESS", "", "", app=True))
    return found


def _entry(
    attempt: Attempt, uuid: str, ts: float, kind: str, result: str, reason: str, factor: str, *, app: bool = False,
    pushed: str = "",
) -> dict[str, object]:  # fmt: skip
    person, device, network = attempt.person, attempt.device, attempt.place.network
    user = {"id": f"00u{person.user_id.replace('-', '')[:17]}", "type": "User", "alternateId": person.upn}
    target: list[dict[str, object]] = [{**user, "displayName": person.display}]
    if app:
        name = APPS.get(attempt.app, attempt.app)
        target.insert(0, {"id": "0oa1f2k3", "type": "AppInstance", "alternateId": name, "displayName": name})
    known = {
        "id": f"guo{device.entra_id.replace('-', '')[:17]}", "name": device.name, "managed": True, "registered": True,
        "os_platform": device.os,
    }  # fmt: skip
    return {
        "uuid": uuid,
        "published": iso(ts)[:23] + "Z",
        "eventType": kind,
        "version": "0",
        "severity": "INFO",
        "displayMessage": kind,
        "outcome": {"result": result, "reason": reason or None},
        "actor": {**user, "displayName": person.display, "detailEntry": None},
        "client": {
            "ipAddress": attempt.place.ip,
            "zone": "null",
            "device": "Mobile" if device.is_handheld else "Computer",
            "userAgent": {
                "rawUserAgent": device.agent,
                "os": device.os,
                "browser": device.browser.split(" ")[0].upper(),
            },
            "geographicalContext": {
                "city": network.city,
                "state": network.state,
                "country": _COUNTRIES[network.country],
                "geolocation": {"lat": network.latitude, "lon": network.longitude},
            },
        },
        "device": known if device.is_managed else None,
        "authenticationContext": {"externalSessionId": device.session if result == "SUCCESS" else "unknown"},
        "securityContext": {
            "asNumber": network.asn,
            "asOrg": f"as{network.asn}",
            "isProxy": False,
            "isp": f"as{network.asn}",
        },
        "debugContext": {
            "debugData": {
                "requestUri": "/api/v1/authn",
                "dtHash": f"{device.session.replace('-', ''):0<64}"[:64],
                **({"factor": factor} if factor else {}),
                **({"pushOnlyResponseType": pushed} if pushed else {}),
            }
        },
        "transaction": {"type": "WEB", "id": attempt.flow, "detail": {}},
        "target": target,
        "request": {"ipChain": [{"ip": attempt.place.ip, "version": "V6" if ":" in attempt.place.ip else "V4"}]},
    }
