"""Acts that give, widen or hide access, across products: each product's own words as one of a few kinds.

Words: Entra's audit activities (https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-audit-activities),
Exchange's cmdlets and SharePoint's operations in the unified audit log, Okta's event types, Google's admin and login
events, Duo's administrator actions, OneLogin's and Auth0's event types. An act is recognised by what it does; whether
it is unusual for who did it is `administration`'s question.

Failed acts and reads are none. Adding a method of one's own, registering a device, and a password reset are daily work:
`ORDINARY`.
"""

import re

from sensor.model.event import Event

KINDS: dict[str, tuple[float, str, str]] = {
    "mfa_added": (1 / 200, "added a second factor", "T1556.006"),
    "mfa_removed": (1 / 500, "removed or reset a second factor", "T1556.006"),
    "mfa_bypass": (1 / 1000, "let an account pass without its second factor", "T1556.006"),
    "role": (1 / 500, "gave an administrator's role or privilege", "T1098.003"),
    "role_made": (1 / 2000, "made or widened an administrator's role", "T1098.003"),
    "consent": (1 / 200, "let an application act for an account", "T1528"),
    "consent_narrow": (1 / 100, "let an application act with few permissions", "T1528"),
    "consent_broad": (1 / 1000, "let an application act with far-reaching permissions", "T1528"),
    "app_added": (1 / 1000, "added an application to the tenant", "T1098.001"),
    "app_secret": (1 / 1000, "added a credential to an application", "T1098.001"),
    "api_token": (1 / 1000, "made or revoked an API token", "T1098.001"),
    "federation": (1 / 5000, "changed who may vouch for sign-ins (federation, domains)", "T1484.002"),
    "domain": (1 / 500, "added a domain to the tenant, or proved it", "T1484.002"),
    "policy": (1 / 1000, "weakened or removed a sign-in or protection policy", "T1556.009"),
    "protection": (1 / 2000, "switched a protection off", "T1562.001"),
    "logging": (1 / 5000, "switched logging off", "T1562.008"),
    "delegation": (1 / 1000, "gave access to another's mailbox", "T1098.002"),
    "mail_flow": (1 / 2000, "changed how the tenant's mail flows", "T1114.003"),
    "impersonation": (1 / 2000, "opened an account to somebody else", "T1078.004"),
    "secret_read": (1 / 1000, "read a secret that is not their own", "T1555"),
    "invited": (1 / 200, "invited an account from outside", "T1136.003"),
    "user_made": (1 / 100, "made an account", "T1136.003"),
    "password": (1 / 100, "reset another account's password", "T1098"),
    "device": (1 / 200, "registered a device", "T1098.005"),
    "export": (1 / 2000, "exported data of the whole tenant", "T1530"),
    "takeout": (1 / 500, "took out a copy of all its own data", "T1530"),
    "script": (1 / 500, "gave devices a script to run", "T1072"),
    "public": (1 / 500, "opened something to everybody", "T1530"),
    "locked": (1 / 200, "found an account or device under guessing", "T1110.001"),
}  # fmt: skip
"""Kind → (assumed rate an account-day, what it did, technique). Orders of magnitude: no public count exists."""
ORDINARY = frozenset({"mfa_added", "device", "user_made", "password", "consent_narrow"})
"""Told only of suspected accounts: these are everybody's or every helpdesk's daily work."""

SERIOUS = frozenset(
    {
        *(
            "consent_broad",
            "app_secret",
            "federation",
            "logging",
            "mfa_bypass",
            "impersonation",
            "export",
            "delegation",
        ),
        *("mail_flow", "protection", "secret_read"),
    }
)
"""Few work orders name two of these: each further kind a day weighs as a further refused prompt does."""

_EXACT = {
    # Entra
    "disable strong authentication": "mfa_removed", "user deleted security info": "mfa_removed",
    "admin deleted security info": "mfa_removed", "user registered security info": "mfa_added",
    "admin registered security info": "mfa_added", "enable strong authentication": "mfa_added",
    "user registered all required security info": "mfa_added", "create authentication method": "mfa_added",
    "delete authentication method": "mfa_removed", "add member to role": "role",
    "add eligible member to role": "role", "add scoped member to role": "role",
    "add member to role outside of pim (permanent)": "role",
    "add member to role in pim completed (permanent)": "role",
    "add eligible member to role in pim completed (permanent)": "role",
    "add eligible member to role in pim completed (timebound)": "role",
    "add member to role completed (pim activation)": "role", "elevate access": "role",
    "assigns the caller to user access administrator role": "role",
    "add role assignment to role definition": "role_made", "add role definition": "role_made",
    "update role definition": "role_made", "update role setting in pim": "role_made",
    "set federation settings on domain": "federation", "set domain authentication": "federation",
    "set domainfederationsettings": "federation", "add unverified domain": "domain",
    "verify domain": "domain", "add partner to company": "federation", "add domain to company": "domain",
    "create identityprovider": "federation", "add a partner to cross-tenant access setting": "federation",
    "update company settings": "policy", "delete conditional access policy": "policy", "delete policy": "policy",
    "disable conditional access policy": "policy", "delete named location": "policy",
    "update authorization policy": "policy", "disable security defaults": "policy",
    "add service principal credentials": "app_secret", "add owner to application": "app_secret",
    "add owner to service principal": "app_secret", "add password to application": "app_secret",
    "add key to application": "app_secret",
    "update application – certificates and secrets management": "app_secret",
    "update application - certificates and secrets management": "app_secret",
    "remove diagnostic settings": "logging", "delete diagnostic settings": "logging",
    "invite external user": "invited", "add user": "user_made", "reset user password": "password",
    "reset password (by admin)": "password", "add registered owner to device": "device",
    "register device": "device",
    # Exchange, SharePoint, compliance
    "add-mailboxpermission": "delegation", "add-recipientpermission": "delegation",
    "add-mailboxfolderpermission": "delegation", "addfolderpermissions": "delegation",
    "new-managementroleassignment": "role", "add-rolegroupmember": "role", "new-rolegroup": "role_made",
    "new-managementrole": "role_made", "sitecollectionadminadded": "role",
    "set-mailboxauditbypassassociation": "logging", "remove-unifiedauditlogretentionpolicy": "logging",
    "new-inboundconnector": "mail_flow", "new-outboundconnector": "mail_flow", "set-inboundconnector": "mail_flow",
    "set-outboundconnector": "mail_flow", "new-remotedomain": "mail_flow", "new-journalrule": "mail_flow",
    "new-compliancesearchaction": "export", "searchexportdownloaded": "export", "searchexported": "export",
    "new-mailboxexportrequest": "export", "new-compliancesearch": "export",
    # Okta
    "user.mfa.factor.deactivate": "mfa_removed", "user.mfa.factor.reset_all": "mfa_removed",
    "user.mfa.factor.suspend": "mfa_removed", "user.mfa.factor.activate": "mfa_added",
    "system.mfa.factor.deactivate": "policy", "user.mfa.attempt_bypass": "mfa_bypass",
    "user.account.privilege.grant": "role", "group.privilege.grant": "role",
    "group.account.privilege.grant": "role", "iam.role.create": "role_made",
    "iam.role.permissions.add": "role_made", "iam.resourceset.create": "role_made",
    "iam.resourceset.bindings.add": "role", "app.oauth2.client.privilege.grant": "role",
    "user.session.impersonation.grant": "impersonation", "user.session.impersonation.initiate": "impersonation",
    "user.session.impersonation.extend": "impersonation", "system.api_token.create": "api_token",
    "system.api_token.revoke": "api_token", "system.api_token.enable": "api_token",
    "app.oauth2.client.lifecycle.create": "app_added", "application.lifecycle.create": "app_added",
    "app.oauth2.credentials.lifecycle.create": "app_secret",
    "app.oauth2.client_secret.lifecycle.create": "app_secret", "system.idp.lifecycle.create": "federation",
    "system.idp.lifecycle.update": "federation", "system.idp.lifecycle.activate": "federation",
    "system.idp.lifecycle.deactivate": "federation", "system.idp.lifecycle.delete": "federation",
    "system.org2org.lifecycle.create": "federation", "application.integration.api_query": "api_token",
    "policy.lifecycle.deactivate": "policy", "policy.lifecycle.delete": "policy",
    "policy.rule.deactivate": "policy", "policy.rule.delete": "policy", "policy.lifecycle.update": "policy",
    "policy.rule.update": "policy", "zone.deactivate": "policy", "zone.delete": "policy",
    "zone.make_blacklist": "policy", "application.policy.sign_on.update": "policy",
    "application.policy.sign_on.rule.delete": "policy", "security.threat.configuration.update": "protection",
    "application.user_membership.show_password": "secret_read", "system.log_stream.lifecycle.deactivate": "logging",
    "system.log_stream.lifecycle.delete": "logging", "event_hook.deactivated": "logging",
    "event_hook.deleted": "logging", "user.account.reset_password": "password",
    "user.lifecycle.create": "user_made", "device.enrollment.create": "device",
    # Google
    "assign_role": "role", "grant_admin_privilege": "role", "grant_delegated_admin_privileges": "role",
    "create_role": "role_made", "add_privilege": "role_made", "update_role": "role_made",
    "2sv_disable": "mfa_removed", "2sv_enroll": "mfa_added", "unenroll_user_from_strong_auth": "mfa_removed",
    "unenroll_user_from_titanium": "mfa_removed", "titanium_unenroll": "mfa_removed",
    "turn_off_2_step_verification": "mfa_removed", "revoke_3lo_device_tokens": "ordinary",
    "delete_2sv_scratch_codes": "ordinary", "generate_2sv_scratch_codes": "mfa_bypass",
    "authorize_api_client_access": "consent_broad", "add_application": "app_added",
    "add_application_to_whitelist": "app_added", "add_to_trusted_oauth2_apps": "app_added",
    "add_trusted_domains": "federation", "add_secondary_domain": "domain", "add_domain_alias": "domain",
    "change_sso_settings": "federation", "toggle_sso_enabled": "federation",
    "create_saml2_service_provider_config": "federation", "customer_takeout_created": "export",
    "customer_takeout_scheduled": "export", "started_user_takeout": "takeout",
    "downloaded_user_takeout": "takeout", "create_email_monitor": "delegation",
    "download_userlist_csv": "ordinary", "change_password": "password", "create_user": "user_made",
    "add_mailbox_delegate": "delegation", "create_data_transfer_request": "export",
    "failed_password_attempts_event": "locked",
    # Duo
    "admin_create": "role", "admin_activate": "ordinary", "bypass_create": "mfa_bypass",
    "bypass_view": "mfa_bypass", "integration_skey_view": "secret_read",
    "integration_skey_bulk_view": "secret_read", "integration_create": "app_added", "policy_update": "policy",
    "policy_create": "ordinary", "policy_delete": "policy", "admin_factor_restrictions": "policy",
    "update_admin_factor_restrictions": "policy", "phone_create": "mfa_added", "group_bypass": "mfa_bypass",
    "user_bypass": "mfa_bypass",
    # OneLogin
    "assumed user": "impersonation", "privilege granted": "role", "otp device registered": "mfa_added",
    "otp device deregistered": "mfa_removed", "otp device removed by administrator": "mfa_removed",
    "password revealed": "secret_read", "password changed": "password", "user created": "user_made",
    # Auth0
    "gd_enrollment_complete": "mfa_added", "gd_unenroll": "mfa_removed", "gd_recovery_succeed": "mfa_bypass",
    # Intune
    "createdevicemanagementscript": "script", "createdeviceshellscript": "script",
}  # fmt: skip
"""Operation, folded → kind; `ordinary` ones are named so that no pattern takes them."""
_PROTECTIONS = (
    r"^(disable|remove)-(safelinks|safeattachment|antiphish|malwarefilter|hostedcontentfilter|atpprotection|dlp)"
)
_LIKE = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"certificates and secrets", "app_secret"), (r"^add (eligible )?member to role", "role"),
        (r"^(assign|create|patch|update)device\w*script\b", "script"), (_PROTECTIONS, "protection"),
        (r"^set-(organizationconfig|adminauditlogconfig)$", "audit_config"), (r"^set-(cas)?mailbox$", "mailbox_config"),
        (r"^set-remotedomain$", "mail_flow_config"), (r"^set-hostedoutboundspamfilterpolicy$", "mail_flow_config"),
        (r"^update conditional access policy|^update policy$", "policy_update"),
        (r"^authentication methods policy (update|reset)", "auth_methods"),
        (r"^(create|change)_application_setting$|^(create|change)_gmail_setting$", "google_setting"),
        (r"^enforce_strong_authentication$|^allow_strong_authentication$|^change_allowed_two_step", "google_mfa"),
        (r"^update user\.?$", "user_update"), (r"^(delete|disable) .*(conditional access|mfa|multi-?factor)", "policy"),
        (r"^user_update$", "duo_user"), (r"^admin_update$", "ordinary"), (r"^change_calendar_acls$", "calendar"),
        (r"^sapi (post|patch|put) /(api/)?v2/attack-protection/", "auth0_protection"),
        (r"^sapi (post|patch|put) /(api/)?v2/(guardian/(factors|policies)|risk-assessments?|mfa)", "auth0_protection"),
        (r"^sapi (put|patch|post|delete) /(api/)?v2/actions/triggers/post-login/", "policy"),
        (r"^sapi post /(api/)?v2/(tenants|organizations/[^/]+)/invitations$", "invited_anyone"),
        (r"^sapi patch /(api/)?v2/tenants/invitations/", "auth0_joined"),
        (r"^sapi post /(api/)?v2/(users/[^/]+/roles|roles/[^/]+/users|users/[^/]+/permissions)", "role"),
        (r"^sapi (post|patch) /(api/)?v2/roles(/[^/]+(/permissions)?)?$", "role_made"),
        (r"^sapi delete /(api/)?v2/users/[^/]+/(authenticators|multifactor|authentication-methods)", "mfa_removed"),
        (r"^sapi (post|patch) /(api/)?v2/(client-grants|clients/[^/]+/(credentials|rotate-secret))", "app_secret"),
        (r"^sapi post /(api/)?v2/(clients|integrations/installed)$", "app_added"),
        (r"^sapi delete /(api/)?v2/log-streams/", "logging"),
        (r"^sapi post /(api/)?v2/connections$", "federation"),
        (r"^set-?sharingpolicy|^sharingpolicychanged$", "policy"),
        (r"^(admin_)?(user|phone|token)_(delete|disassociate)$", "ordinary"),
    )
)  # fmt: skip
_BROAD = (
    "admin.directory", "ediscovery", "cloud_search", "/auth/drive", "/auth/gmail", "mail.google.com", "cloud-platform",
    "mail.read", "mail.send", "mailboxsettings", "files.read", "files.readwrite", "full_access_as_user",
    "full_access_as_app", "directory.readwrite", "directory.accessasuser", "rolemanagement.", "application.readwrite",
    "offline_access mail", "user.readwrite.all", "sites.fullcontrol", "sites.read", "okta.users.manage",
    "okta.apps.manage", "okta.roles.manage",
)  # fmt: skip
"""Parts of scopes that read or change mail, files, the directory or roles, folded."""
_NARROW = ("/auth/gmail.send", "/auth/drive.file", "/auth/drive.appdata", "/auth/gmail.addons", "/auth/drive.install")
_NO_MORE = re.compile(r"scope: *(?:user\.read|openid|profile|email|offline_access|user\.readbasic\.all|[ ,])+[\],;\"]")
"""A grant of no more than one's own name and address, as Entra's audit writes it."""
_OFF = frozenset({"false", "off", "0", "disabled", "none", "[]", "no"})
_ON = frozenset({"true", "on", "1", "enabled", "yes"})
_GOOGLE_WEAKENS = (
    ("enforce strong password", _OFF), ("enable password reuse", _ON), ("sandbox", _OFF), ("predelivery", _OFF),
    ("pre-delivery", _OFF), ("spam", _OFF), ("malicious", _OFF), ("less secure", _ON), ("phishing", _OFF),
)  # fmt: skip
"""Parts of a Google setting's name and the values that weaken it."""


def kind_of(event: Event) -> str | None:
    """Return the kind of an act, None for an act that gives, widens and hides nothing."""
    if event.outcome == "failure" and event.action.lower() not in _FAILING:
        return None
    action = event.action.lower().rstrip(".").strip()
    found = _EXACT.get(action) or next((kind for pattern, kind in _LIKE if pattern.search(action)), None)
    if event.kind == "consent":
        found = _consent(event)
    if found in KINDS or found == "invited_anyone":
        return _checked(event, found)
    looked = _LOOK.get(found or "")
    return looked(event) if looked is not None else None


_FAILING = frozenset({"user.mfa.attempt_bypass", "failed_password_attempts_event"})


def _checked(event: Event, found: str | None) -> str | None:
    """Return the kind, unless what the record adds says that it is not what its name says."""
    if found == "invited_anyone":
        return "invited"
    if found == "invited" and event.source == "entra" and not _is_guest(event):
        return None
    if found == "locked":
        tries = str(event.detail.get("attempts") or "0")
        return found if tries.isdecimal() and int(tries) > TRIES else None
    if found == "password" and event.source == "okta" and (event.account or "").startswith(_SUPPORT):
        return "impersonation"
    return found


_SUPPORT = ("system@okta.com", "support@okta.com")
"""Who acts where Okta's own support resets an account."""
TRIES = 10
"""Failed unlocks of a device: a phone wipes or locks itself after as many (Apple, Android)."""


def _consent(event: Event) -> str | None:
    if "revoke" in event.action.lower():
        return None
    said = " ".join(str(scope) for scope in event.detail.get("scopes", ())[:200]).lower()
    said += " " + " ".join(str(value) for value in event.detail.get("changes", {}).values()).lower()
    for narrow in _NARROW:
        said = said.replace(narrow, "")
    if any(part in said for part in _BROAD) or "consenttype: allprincipals" in said.replace("=", ":"):
        return "consent_broad"
    if "app role assignment to service principal" in event.action.lower():
        return "consent_broad"
    return "consent_narrow" if event.detail.get("scopes") or _NO_MORE.search(said) else "consent"


def _changes(event: Event) -> dict[str, str]:
    held = event.detail.get("changes")
    if not isinstance(held, dict):
        return {}
    return {str(name).lower(): str(value).strip().lower() for name, value in held.items()}


def _user_update(event: Event) -> str | None:
    """An update of a user is about second factors where a StrongAuthentication property changed."""
    changes = _changes(event)
    strong = {name: value for name, value in changes.items() if name.startswith("strongauthentication")}
    if not strong:
        return None
    emptied = any(value in {"", "[]", "none", "null"} for value in strong.values())
    return "mfa_removed" if emptied else "mfa_added"


def _audit_config(event: Event) -> str | None:
    changes = _changes(event)
    if changes.get("unifiedauditlogingestionenabled") in _OFF or changes.get("adminauditlogenabled") in _OFF:
        return "logging"
    return "logging" if changes.get("auditdisabled") in _ON else None


def _mailbox_config(event: Event) -> str | None:
    changes = _changes(event)
    if changes.get("auditenabled") in _OFF:
        return "logging"
    if any(changes.get(name) in _ON for name in ("imapenabled", "popenabled", "smtpclientauthenticationdisabled")):
        return "policy" if changes.get("smtpclientauthenticationdisabled") not in _ON else None
    return "delegation" if changes.get("grantsendonbehalfto") else None


def _mail_flow_config(event: Event) -> str | None:
    changes = _changes(event)
    opened = changes.get("autoforwardenabled") in _ON or changes.get("autoforwardingmode") == "on"
    return "mail_flow" if opened else None


def _policy_update(event: Event) -> str | None:
    """An update that switches a policy off, or excludes somebody from it."""
    said = " ".join(_changes(event).values())
    off = '"state":"disabled"' in said.replace(" ", "") or '"excludeusers":["' in said.replace(" ", "")
    return "policy" if off else None


def _auth_methods(event: Event) -> str | None:
    return (
        "federation"
        if any("openid" in name or "discoveryurl" in value for name, value in _changes(event).items())
        else None
    )


def _google_setting(event: Event) -> str | None:
    for name, value in _changes(event).items():
        if name.startswith("advanced protection program"):
            return "policy"
        if any(part in name and value in weak for part, weak in _GOOGLE_WEAKENS):
            return "protection"
        if "message_security_rule" in name or "routing" in name:
            return "mail_flow"
    return "mail_flow" if "routing" in (event.object or "").lower() else None


def _google_mfa(event: Event) -> str | None:
    return "policy" if any(value in _OFF for value in _changes(event).values()) else None


def _duo_user(event: Event) -> str | None:
    return "mfa_bypass" if "bypass" in _changes(event).get("status", "") else None


def _calendar(event: Event) -> str | None:
    return "public" if any("__public_principal__" in str(one) for one in event.detail.get("targets", ())) else None


def _auth0_protection(event: Event) -> str | None:
    """A protection whose answer says that it is off; an empty list of second-factor policies never asks for one."""
    changes = _changes(event)
    off = any(changes.get(name) == "false" for name in ("policy", "enabled", "active"))
    return "protection" if off else None


def _auth0_joined(event: Event) -> str | None:
    return "invited" if _changes(event).get("state") == "accepted" else None


def _is_guest(event: Event) -> bool:
    """Tell whether an invited address is of another domain than who invited it; True where none is named."""
    own = (event.account or "").partition("@")[2]
    invited = [str(one).lower() for one in event.detail.get("targets", ()) if "@" in str(one)]
    return not invited or any(one.partition("@")[2] != own for one in invited)


_LOOK = {
    "user_update": _user_update, "audit_config": _audit_config, "mailbox_config": _mailbox_config,
    "mail_flow_config": _mail_flow_config, "policy_update": _policy_update, "auth_methods": _auth_methods,
    "auth0_protection": _auth0_protection, "auth0_joined": _auth0_joined, "google_setting": _google_setting,
    "google_mfa": _google_mfa, "duo_user": _duo_user, "calendar": _calendar,
}  # fmt: skip
