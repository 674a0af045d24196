"""What an identity provider itself found wrong with a sign-in: its words, as one of a few kinds with assumed rates.

Providers score sign-ins against data that nobody else has (leaked passwords, anonymising networks, whole clouds of
tenants). It is one more witness, no verdict: each kind has an assumed rate an account-day. Entra:
https://learn.microsoft.com/en-us/entra/id-protection/concept-identity-protection-risks; Okta: ThreatInsight, behaviour
detection and FastPass's phishing resistance; Google: `is_suspicious`, `gov_attack_warning`, `suspicious_login…`.
"""

from sensor.model.event import Event

RISKS: dict[str, tuple[float, str, str]] = {
    "high": (1 / 500, "the sign-in's risk is high", "T1078.004"),
    "medium": (1 / 100, "the sign-in's risk is medium", "T1078.004"),
    "anonymous": (1 / 200, "it came through an anonymising proxy or VPN", "T1090.003"),
    "leaked": (1 / 1000, "the account's password is among leaked ones", "T1589.001"),
    "token": (1 / 1000, "the token was used in an unusual way", "T1528"),
    "phishing": (1 / 1000, "a sign-in through a phishing page was stopped", "T1566.002"),
    "state": (1 / 5000, "a government-backed attacker may be after the account", "T1078.004"),
    "suspicious": (1 / 200, "the sign-in is suspicious", "T1078.004"),
    "threat": (1 / 500, "the address is known to attack accounts", "T1110"),
    "stuffing": (1 / 1000, "credentials from a breach are being tried", "T1110.004"),
    "reported": (1 / 5000, "the user reported it as not their own", "T1078.004"),
    "login_type": (1 / 500, "the kind of sign-in is none that is documented", "T1078.004"),
}
"""Kind → (assumed rate an account-day, words, technique). The rates are orders of magnitude: no public count exists."""
_DISMISSED = frozenset({"dismissed", "remediated", "confirmedsafe"})
_FOUND = (
    ("leaked", "leaked"), ("token", "token"), ("anonymiz", "anonymous"), ("anonymous", "anonymous"),
    ("nationstate", "state"), ("attackerinthemiddle", "phishing"), ("suspicioussendingpatterns", "suspicious"),
    ("passwordspray", "threat"), ("maliciousip", "threat"), ("userreported", "reported"),
)  # fmt: skip
"""Parts of Entra's `riskEventType`, folded → kind."""
_NAMED = {
    "gov_attack_warning": "state",
    "suspicious_login": "suspicious",
    "suspicious_login_less_secure_app": "suspicious",
    "suspicious_programmatic_login": "suspicious",
    "account_disabled_password_leak": "leaked",
    "account_disabled_hijacked": "high",
    "account_disabled_spamming": "high",
    "user.account.report_suspicious_activity_by_enduser": "reported",
    "fcoa": "stuffing",
    "scoa": "stuffing",
    "pwd_leak": "leaked",
    "signup_pwd_leak": "leaked",
    "limit_mu": "threat",
    "security.threat.detected": "threat",
    "security.attack.start": "threat",
    "security.breached_credential.detected": "leaked",
    "user.session.context.change": "token",
}
"""Names of events, folded → kind."""
_TOLD = frozenset({"risk", "risk_state", "risk_events", "threat_suspected", "is_proxy", "login_type"})
"""Where a provider says so; a sign-in's record with none of them, and no reason, says nothing."""
_LOGIN_TYPES = frozenset(
    {"exchange", "google_password", "reauth", "saml", "unknown", "type_internal", "oidc", "passkey"}
)
"""`login_type` as Google documents it: …/v1/appendix/activity/login."""


def risk_of(event: Event) -> str | None:
    """Return the kind of risk that a record tells of, None for none: a dismissed risk is none."""
    detail = event.detail
    named = _NAMED.get(event.action.lower())
    if named is not None or not detail:
        return named
    if event.kind == "signin" and event.reason is None and detail.keys().isdisjoint(_TOLD):
        return None
    state = detail.get("risk_state")
    if state is not None and str(state).lower() in _DISMISSED:
        return None
    return _of_words(event) or _of_level(event)


def _of_words(event: Event) -> str | None:
    """Return what a record calls the risk by name."""
    detail, reason = event.detail, (event.reason or "").lower()
    if "phishing" in reason and event.outcome == "failure":
        return "phishing"
    found = [str(word).lower() for word in detail.get("risk_events", ())]
    found += [(event.reason_code or "").lower()] if event.kind == "other" and "risk" in event.action.lower() else []
    for word in found:
        kind = next((kind for part, kind in _FOUND if part in word), None)
        if kind is not None:
            return kind
    if detail.get("threat_suspected") is True:
        return "threat"
    if detail.get("is_proxy") is True:
        return "anonymous"
    login = detail.get("login_type")
    if event.source == "google" and login is not None and str(login).lower() not in _LOGIN_TYPES:
        return "login_type"
    return None


def _of_level(event: Event) -> str | None:
    """Return the level that a record gives."""
    level = str(event.detail.get("risk") or "").lower()
    return level if level in {"high", "medium", "suspicious"} else None
