"""Entra ID's sign-in and directory logs, as Graph returns them (`auditLogs/signIns`, `auditLogs/directoryAudits`).

Fields: https://learn.microsoft.com/en-us/graph/api/resources/signin and …/directoryaudit. A flow writes a row for every
step, all with one `correlationId`.
"""

import random

from story.cast import TENANT_ID, guid
from story.happenings import Attempt, iso
from story.places import Place

APPS = {
    "One Outlook Web": "9199bf20-a13f-4107-85dc-02114787ef48",
    "Microsoft Office": "d3590ed6-52b3-4102-aeff-aad2292ab01c",
    "Microsoft Teams": "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
    "SharePoint Online Web Client Extensibility": "08e18876-6177-487e-b8b5-cf950c1e598c",
    "OfficeHome": "4765445b-32c6-49b0-83e6-1d93765276ca",
    "My Signins": "19db86c3-b2b9-44cc-b339-36da233a3be2",
    "Outlook Mobile": "27922004-5251-4030-b22d-91ecd9a37ea4",
}
"""Microsoft's own applications (https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in)."""
_REASONS = {
    500121: "Authentication failed during strong authentication request.",
    50074: "Strong Authentication is required.",
    50126: "Error validating credentials due to invalid username or password.",
    50055: "The password is expired.",
    50140: "This occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
    70043: "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
}
_DETAILS = {
    "denied": "MFA denied; user declined the authentication",
    "timed_out": "MFA denied; user did not respond to mobile app notification",
    "satisfied": "MFA requirement satisfied by mobile app notification",
    "previously": "MFA requirement satisfied by claim in the token",
}


def signin(rng: random.Random, attempt: Attempt) -> dict[str, object]:
    """Write one row of a flow as Graph's `signIn`."""
    person, device, network = attempt.person, attempt.device, attempt.place.network
    code, mfa = attempt.code, attempt.mfa
    strong = mfa in {"denied", "timed_out", "satisfied", "previously"}
    ok = code == 0
    status: dict[str, object] = {"errorCode": code, "failureReason": _REASONS.get(code, "Other.")}
    status["additionalDetails"] = _DETAILS.get(mfa)
    asked = mfa in {"denied", "timed_out", "satisfied"}
    return {
        "id": attempt.raw_id,
        "createdDateTime": iso(attempt.ts),
        "userDisplayName": person.display,
        "userPrincipalName": person.upn,
        "userId": person.user_id,
        "appId": APPS[attempt.app],
        "appDisplayName": attempt.app,
        "ipAddress": attempt.place.ip,
        "clientAppUsed": "Mobile Apps and Desktop clients" if not attempt.is_interactive else "Browser",
        "userAgent": device.agent,
        "correlationId": attempt.flow,
        "conditionalAccessStatus": "success" if ok else "failure",
        "originalRequestId": attempt.raw_id,
        "isInteractive": attempt.is_interactive,
        "signInEventTypes": ["interactiveUser" if attempt.is_interactive else "nonInteractiveUser"],
        "tokenIssuerType": "AzureAD",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes_v2": [],
        "resourceDisplayName": "Office 365 Exchange Online",
        "resourceTenantId": TENANT_ID,
        "authenticationRequirement": "multiFactorAuthentication" if strong else "singleFactorAuthentication",
        "mfaDetail": {"authMethod": "Mobile app notification", "authDetail": None} if asked else None,
        "autonomousSystemNumber": network.asn,
        "sessionId": device.session if ok else attempt.flow,
        "uniqueTokenIdentifier": guid(rng).replace("-", "")[:22] if ok else None,
        "status": status,
        "deviceDetail": _device(attempt),
        "location": _location(attempt.place),
        "networkLocationDetails": [],
        "authenticationDetails": _steps(attempt),
    }


def _device(attempt: Attempt) -> dict[str, object]:
    device = attempt.device
    return {
        "deviceId": device.entra_id, "displayName": device.name if device.is_managed else "",
        "operatingSystem": device.os, "browser": device.browser, "isCompliant": device.is_managed,
        "isManaged": device.is_managed, "trustType": "Hybrid Azure AD joined" if device.is_managed else "",
    }  # fmt: skip


def _location(place: Place) -> dict[str, object]:
    network = place.network
    return {
        "city": network.city, "state": network.state, "countryOrRegion": network.country,
        "geoCoordinates": {"altitude": None, "latitude": network.latitude, "longitude": network.longitude},
    }  # fmt: skip


def _steps(attempt: Attempt) -> list[dict[str, object]]:
    """Write a row for each factor that was asked for."""
    if attempt.mfa == "previously" or not attempt.is_interactive:
        return []
    when = iso(attempt.ts)
    right = attempt.code not in {50126, 50055}
    steps: list[dict[str, object]] = [
        {
            "authenticationStepDateTime": when,
            "authenticationMethod": "Password",
            "authenticationMethodDetail": "Password in the cloud",
            "succeeded": right,
            "authenticationStepResultDetail": "Correct password" if right else "Invalid username or password",
            "authenticationStepRequirement": "Primary authentication",
        }
    ]
    if attempt.mfa in _DETAILS:
        steps.append(
            {
                "authenticationStepDateTime": when,
                "authenticationMethod": "Mobile app notification",
                "authenticationMethodDetail": "",
                "succeeded": attempt.mfa == "satisfied",
                "authenticationStepResultDetail": _DETAILS[attempt.mfa],
                "authenticationStepRequirement": "Multifactor authentication",
            }
        )
    return steps


def directory_change(
    rng: random.Random, ts: float, what: str, by: tuple[str, str, str], target: tuple[str, str],
    changes: list[tuple[str, str]],
) -> dict[str, object]:  # fmt: skip
    """Write a directory audit.

    Args:
        rng: For ids.
        ts: When.
        what: `activityDisplayName`.
        by: UPN, id and address of who did it.
        target: UPN and id of whom it was done to.
        changes: Names and new values.
    """
    upn, user_id, ip = by
    return {
        "id": f"Directory_{guid(rng)}_{rng.randrange(10**8)}",
        "category": "UserManagement",
        "correlationId": guid(rng),
        "result": "success",
        "resultReason": what,
        "activityDisplayName": what,
        "activityDateTime": iso(ts),
        "loggedByService": "Authentication Methods",
        "operationType": "Add",
        "initiatedBy": {"user": {"id": user_id, "userPrincipalName": upn, "ipAddress": ip}},
        "targetResources": [
            {
                "id": target[1],
                "displayName": None,
                "type": "User",
                "userPrincipalName": target[0],
                "modifiedProperties": [
                    {"displayName": name, "oldValue": None, "newValue": value} for name, value in changes
                ],
            }
        ],
        "additionalDetails": [],
    }
