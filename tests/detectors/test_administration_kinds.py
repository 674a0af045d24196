"""Acts of administration in each product's words."""

import pytest

from sensor.detectors.administration_kinds import _EXACT, _LOOK, KINDS, ORDINARY, kind_of
from tests.detectors.acts_made import act

GUEST = {"targets": ["Zeus", "zeus@olympus.example"]}
REUSE = "Password Management - Enable password reuse"
STRONG = "StrongAuthenticationMethod"


@pytest.mark.parametrize(
    ("action", "detail", "expected"),
    [
        ("Add member to role", {"targets": ["eve@corp.example"]}, "role"),
        ("Add member to role.", {}, "role"),
        ("Update user.", {"changes": {STRONG: "[]"}}, "mfa_removed"),
        ("Update user", {"changes": {STRONG: '[{"MethodType": 7}]'}}, "mfa_added"),
        ("Update user", {"changes": {"DisplayName": "x"}}, None),
        ("Disable Strong Authentication", {}, "mfa_removed"),
        ("Set federation settings on domain", {}, "federation"),
        ("Authentication Methods Policy Update", {"changes": {"OpenIdConnectConfiguration": "{}"}}, "federation"),
        ("Authentication Methods Policy Update", {"changes": {"PasswordlessMFAEnabled": "true"}}, None),
        ("Update conditional access policy", {"changes": {"p": '{"state":"disabled"}'}}, "policy"),
        ("Update conditional access policy", {"changes": {"p": '{"state":"enabled"}'}}, None),
        ("Update application – Certificates and secrets management ", {}, "app_secret"),
        ("Invite external user", GUEST, "invited"),
        ("Invite external user", {"targets": ["x", "x@corp.example"]}, None),
        ("Add-MailboxPermission", {}, "delegation"),
        ("Set-AdminAuditLogConfig", {"changes": {"UnifiedAuditLogIngestionEnabled": "False"}}, "logging"),
        ("Set-AdminAuditLogConfig", {"changes": {"UnifiedAuditLogIngestionEnabled": "True"}}, None),
        ("Set-Mailbox", {"changes": {"AuditEnabled": "False"}}, "logging"),
        ("Disable-AntiPhishRule", {}, "protection"),
        ("Set-RemoteDomain", {"changes": {"AutoForwardEnabled": "True"}}, "mail_flow"),
        ("user.account.privilege.grant", {}, "role"),
        ("user.mfa.factor.deactivate", {}, "mfa_removed"),
        ("system.idp.lifecycle.create", {}, "federation"),
        ("zone.update", {}, None),
        ("ASSIGN_ROLE", {}, "role"),
        ("STARTED_USER_TAKEOUT", {}, "takeout"),
        ("DELETE_ROLE", {}, None),
        ("2sv_disable", {}, "mfa_removed"),
        ("CHANGE_APPLICATION_SETTING", {"changes": {REUSE: "true"}}, "protection"),
        ("CHANGE_APPLICATION_SETTING", {"changes": {REUSE: "false"}}, None),
        ("FAILED_PASSWORD_ATTEMPTS_EVENT", {"attempts": "100"}, "locked"),
        ("FAILED_PASSWORD_ATTEMPTS_EVENT", {"attempts": "2"}, None),
        ("bypass_create", {}, "mfa_bypass"),
        ("user_update", {"changes": {"status": "Bypass"}}, "mfa_bypass"),
        ("user_update", {"changes": {"status": "Active"}}, None),
        ("privilege granted", {}, "role"),
        ("sapi post /api/v2/tenants/invitations", {}, "invited"),
        ("sapi patch /api/v2/tenants/invitations/inv_1", {"changes": {"state": "declined"}}, None),
        ("sapi post /v2/attack-protection/bot-detection", {"changes": {"policy": False}}, "protection"),
        ("createDeviceHealthScript DeviceHealthScript", {}, "script"),
        ("get user", {}, None),
    ],
)  # fmt: skip
def test_an_act_is_known_by_what_it_does(action, detail, expected):
    """In Entra's, Exchange's, Okta's, Google's, Duo's, OneLogin's, Auth0's and Intune's words."""
    source = "entra" if " " in action else "m365"

    assert expected == kind_of(act("admin", action, detail=detail, source=source))


def test_what_failed_is_none():
    """Whatever it would have done."""
    assert None is kind_of(act("admin", "Add member to role", outcome="failure"))


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({}, "consent"),
        ({"scopes": ["https://www.googleapis.com/auth/calendar"]}, "consent_narrow"),
        ({"scopes": ["https://www.googleapis.com/auth/gmail.send"]}, "consent_narrow"),
        ({"scopes": ["https://www.googleapis.com/auth/drive"]}, "consent_broad"),
        ({"changes": {"ConsentAction.Permissions": "[[Scope: User.Read openid], x]"}}, "consent_narrow"),
        ({"changes": {"ConsentAction.Permissions": "[[Scope: Mail.ReadWrite], x]"}}, "consent_broad"),
    ],
)  # fmt: skip
def test_a_consent_is_as_broad_as_its_scopes(detail, expected):
    """A revoked one is none."""
    assert expected == kind_of(act("consent", "Consent to application.", detail=detail))
    assert None is kind_of(act("consent", "revoke", detail=detail))


def test_every_word_leads_to_a_kind():
    """No word of the table is of a kind that nobody knows."""
    assert set(_EXACT.values()) <= KINDS.keys() | _LOOK.keys() | {"ordinary"}
    assert ORDINARY <= KINDS.keys()
    assert all(0 < rate < 0.05 and words and technique.startswith("T") for rate, words, technique in KINDS.values())
