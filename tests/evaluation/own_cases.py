"""Rule cases of our own: one record each, and whether it should raise evidence.

Written from the vendors' lists of fields before they were tried. They stand beside other people's (`rule_cases`), whose
negatives are now and then another rule's positives.

    python -m tests.evaluation.own_cases
"""

import itertools
import sys

from tests.evaluation.rule_cases import events_of, evidence_of

RITA, OTHER, ADDRESS = "rita.moss@quarry.example", "b@quarry.example", "198.51.100.31"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
_NUMBER = itertools.count()


def okta(event_type, result="SUCCESS", reason=None, targets=(), **debug):
    """One entry of Okta's System Log; targets are (type, name)."""
    number = next(_NUMBER)
    place = {"city": "Perth", "country": "Australia", "geolocation": {"lat": -31.9, "lon": 115.8}}
    return {
        "uuid": f"u{number}", "published": "2025-06-03T02:11:09.120Z", "eventType": event_type, "version": "0",
        "severity": "INFO", "displayMessage": event_type,
        "actor": {"id": "00u1", "type": "User", "alternateId": RITA, "displayName": "Rita Moss"},
        "client": {
            "userAgent": {"rawUserAgent": CHROME, "os": "Windows 10", "browser": "CHROME"}, "zone": "null",
            "device": "Computer", "ipAddress": ADDRESS, "geographicalContext": place,
        },
        "outcome": {"result": result, "reason": reason},
        "target": [{"id": "x", "type": kind, "alternateId": name, "displayName": name} for kind, name in targets],
        "transaction": {"type": "WEB", "id": f"t{number}"}, "debugContext": {"debugData": debug},
        "authenticationContext": {"externalSessionId": f"s{number}"},
        "securityContext": {"asNumber": 1221, "isProxy": False},
    }  # fmt: skip


def audit(operation, record_type, workload, parameters=None, **fields):
    """One record of Microsoft 365's unified audit log."""
    own = {
        "CreationTime": "2025-06-03T02:11:09", "Id": f"id{next(_NUMBER)}", "Operation": operation,
        "OrganizationId": "o", "RecordType": record_type, "ResultStatus": "Succeeded", "UserKey": "1003",
        "UserType": 0, "Version": 1, "Workload": workload, "UserId": RITA, "ClientIP": ADDRESS,
    }  # fmt: skip
    listed = [{"Name": name, "Value": value} for name, value in (parameters or {}).items()]
    return own | fields | ({"Parameters": listed} if listed else {})


def exchange(operation, **parameters):
    """A cmdlet of Exchange's."""
    return audit(operation, 1, "Exchange", parameters)


def sharepoint(operation):
    """An act on a document."""
    site = "https://q.sharepoint.com/sites/ops/"
    return audit(
        operation, 6, "SharePoint", SourceFileName="plan.docx", SiteUrl=site, SourceRelativeUrl="Docs",
        ObjectId=f"{site}Docs/plan.docx", ListItemUniqueId=f"l{next(_NUMBER)}", UserAgent=CHROME,
    )  # fmt: skip


def directory(operation, targets=((("User", OTHER)),), by="admin@quarry.example", changes=(), result="success"):
    """One record of Entra's audit log; targets are (type, name)."""
    ts = "2025-06-03T02:11:09.1234567Z"
    changed = [{"displayName": name, "oldValue": None, "newValue": value} for name, value in changes]
    return {
        "time": ts, "category": "AuditLogs", "operationName": operation, "tenantId": "t",
        "properties": {
            "id": f"Directory_{next(_NUMBER)}", "category": "UserManagement", "result": result,
            "activityDisplayName": operation, "activityDateTime": ts, "loggedByService": "Core Directory",
            "initiatedBy": {"user": {"id": "g1", "userPrincipalName": by, "ipAddress": ADDRESS}},
            "targetResources": [
                {"id": "t1", "displayName": name, "type": kind, "modifiedProperties": changed,
                 "userPrincipalName": name if kind == "User" else None}
                for kind, name in targets
            ],
        },
    }  # fmt: skip


def signin(code, detail="", category="SignInLogs", client="Browser"):
    """One of Entra's sign-ins."""
    number, ts = next(_NUMBER), "2025-06-03T02:11:09.1234567Z"
    step = {
        "authenticationMethod": "Mobile app notification", "succeeded": False, "authenticationStepResultDetail": detail,
    }  # fmt: skip
    place = {"countryOrRegion": "AU", "city": "Perth", "geoCoordinates": {"latitude": -31.9, "longitude": 115.8}}
    return {
        "time": ts, "operationName": "Sign-in activity", "category": category, "tenantId": "t", "resultType": str(code),
        "callerIpAddress": ADDRESS, "correlationId": f"c{number}", "location": "AU",
        "properties": {
            "id": f"i{number}", "createdDateTime": ts, "userPrincipalName": RITA, "userId": "g1",
            "appDisplayName": "Office 365", "ipAddress": ADDRESS, "clientAppUsed": client,
            "status": {"errorCode": code, "failureReason": "", "additionalDetails": detail},
            "deviceDetail": {"deviceId": "", "operatingSystem": "Windows10", "browser": "Chrome 120"},
            "location": place, "isInteractive": True, "authenticationDetails": [step] if detail else [],
            "riskLevelDuringSignIn": "none",
        },
    }  # fmt: skip


def google(application, name, **parameters):
    """One activity of Google's Reports API."""
    listed = [{"name": key, "value": value} for key, value in parameters.items()]
    return {
        "kind": "admin#reports#activity",
        "id": {"time": "2025-06-03T02:11:09.120Z", "uniqueQualifier": f"-{900 + next(_NUMBER)}",
               "applicationName": application, "customerId": "C0"},
        "actor": {"email": RITA, "profileId": "1"}, "ipAddress": ADDRESS,
        "events": [{"type": application, "name": name, "parameters": listed}],
    }  # fmt: skip


PUSH = "user.authentication.auth_via_mfa"
POSITIVES = (
    ("fatigue", signin(500121, "MFA denied; user declined the authentication")),
    ("fatigue", signin(500121, "MFA denied; user did not respond to mobile app notification")),
    ("fatigue", signin(500121, "MFA denied; Phone App Reported Fraud")),
    ("fatigue", okta(PUSH, "FAILURE", "INVALID_CREDENTIALS", factor="OKTA_VERIFY_PUSH",
                     pushOnlyResponseType="OV_RESPONSE_DENY")),
    ("fatigue", okta("user.mfa.okta_verify.deny_push", "FAILURE")),
    ("guessing", signin(50053)),
    ("guessing", okta("user.account.lock", "FAILURE", "LOCKED_OUT")),
    ("rules", exchange("New-InboxRule", Name="..", From="cfo@quarry.example", MoveToFolder="RSS Feeds",
                       MarkAsRead="True")),
    ("rules", exchange("New-InboxRule", Name="clean", SubjectOrBodyContainsWords="invoice;wire", DeleteMessage="True")),
    ("rules", exchange("Set-Mailbox", Identity="rita.moss", ForwardingSmtpAddress="smtp:x9@mail.example")),
    ("rules", exchange("Set-InboxRule", Identity="k", ForwardTo="[SMTP:somebody@elsewhere.example]")),
    ("rules", exchange("New-TransportRule", Name="copies", BlindCopyTo="z@outside.example")),
    ("rules", google("user_accounts", "email_forwarding_out_of_domain", email_forwarding_destination_address="a@b.c")),
    ("factor", okta("user.mfa.factor.deactivate", targets=(("User", OTHER),))),
    ("factor", okta("user.mfa.factor.reset_all", targets=(("User", OTHER),))),
    ("factor", okta("user.mfa.factor.activate", targets=(("User", RITA),))),
    ("factor", directory("Disable Strong Authentication")),
    ("factor", directory("User deleted security info", (("User", RITA),), by=RITA)),
    ("factor", directory("User registered security info", (("User", RITA),), by=RITA)),
    ("factor", google("user_accounts", "2sv_disable")),
    ("role", directory("Add member to role", changes=(("Role.DisplayName", '"Global Administrator"'),))),
    ("role", okta("user.account.privilege.grant", targets=(("User", OTHER),), privilegeGranted="Super administrator")),
    ("role", google("admin", "ASSIGN_ROLE", ROLE_NAME="_SEED_ADMIN_ROLE", USER_EMAIL=OTHER)),
    ("consent", directory("Consent to application", (("ServicePrincipal", "Mail Reader Pro"),), by=RITA, changes=(
        ("ConsentAction.Permissions", '"[] => [[Scope: Mail.Read offline_access]]"'),
    ))),
    ("consent", google("token", "authorize", app_name="SuperSync", client_id="7.apps", scope="https://mail.google.com/")),
    ("files", sharepoint("AnonymousLinkCreated")),
    ("files", google("drive", "change_user_access", doc_id="d1", doc_title="Payroll", visibility_change="external",
                     visibility="people_with_link", old_visibility="private", target_user="out@mail.example")),
    ("files", google("takeout", "STARTED_USER_TAKEOUT", USER_EMAIL=RITA)),
    ("service", signin(0, client="IMAP4")),
)  # fmt: skip
NEGATIVES = (
    *(("sign-in", signin(code)) for code in (0, 50055, 50058, 50074, 50140)),
    ("sign-in", signin(0, category="NonInteractiveUserSignInLogs")),
    ("sign-in", signin(0, category="ServicePrincipalSignInLogs")),
    ("sign-in", audit("UserLoggedIn", 15, "AzureActiveDirectory", ActorIpAddress=ADDRESS, ErrorNumber="0")),
    ("sign-in", okta(PUSH, factor="OKTA_VERIFY_PUSH")),
    *(("sign-in", okta(f"user.{what}")) for what in ("session.start", "session.end", "authentication.sso")),
    ("sign-in", okta("system.push.send_factor_verify_push")),
    *(("sign-in", google("login", what, login_type="google_password")) for what in ("login_success", "logout")),
    ("rules", exchange("Set-MailboxAutoReplyConfiguration", Identity="rita", AutoReplyState="Enabled")),
    ("rules", exchange("Set-MailboxJunkEmailConfiguration", Identity="rita", TrustedSendersAndDomains="a.example")),
    ("rules", exchange("Set-MailboxCalendarConfiguration", Identity="rita", WorkingHoursStartTime="08:00")),
    ("rules", exchange("Set-MailboxRegionalConfiguration", Identity="rita", Language="en-AU")),
    ("rules", exchange("Remove-InboxRule", Identity="old")),
    ("rules", exchange("Get-InboxRule", Mailbox="rita")),
    ("rules", google("user_accounts", "vacation_response_enabled")),
    ("factor", okta("user.account.update_password")),
    ("factor", directory("Reset password (self-service)", (("User", RITA),), by=RITA)),
    ("factor", directory("User started security info registration", (("User", RITA),), by=RITA, result="failure")),
    ("factor", google("user_accounts", "password_edit")),
    ("role", directory("Update user", changes=(("Department", '["Finance"]'),))),
    ("role", directory("Add member to group", changes=(("Group.DisplayName", '"Social club"'),))),
    ("role", directory("Change user license")),
    ("role", directory("Add user", (("User", "new@quarry.example"),))),
    ("role", directory("Add device", (("Device", "PC-9"),))),
    ("role", okta("group.user_membership.add", targets=(("User", OTHER), ("UserGroup", "Book club")))),
    ("role", okta("application.user_membership.add", targets=(("User", OTHER), ("AppInstance", "Zoom")))),
    ("role", google("admin", "CHANGE_FIRST_NAME", USER_EMAIL=OTHER)),
    *(("consent", google("token", what, app_name="SuperSync", client_id="7.apps")) for what in ("activity", "revoke")),
    *(("files", sharepoint(f"File{what}")) for what in ("Accessed", "Modified", "SyncDownloadedFull", "Uploaded")),
    *(("files", google("drive", what, doc_id="d1", doc_title="Roster", visibility="private"))
      for what in ("view", "edit")),
)  # fmt: skip


def raised(record):
    """Return the evidence of one record on an empty state; None where it cannot be read."""
    events = events_of(record)
    return None if events is None else evidence_of(events)


def counts():
    """Return (positives, of which raised, negatives, of which raised)."""
    found = [sum(bool(raised(record)) for _, record in cases) for cases in (POSITIVES, NEGATIVES)]
    return len(POSITIVES), found[0], len(NEGATIVES), found[1]


if __name__ == "__main__":
    sys.stdout.write("positives {1}/{0}  negatives {3}/{2}\n".format(*counts()))
