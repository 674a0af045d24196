"""Rows as the vendors write them, for `takeovers`: Entra ID's export, Microsoft 365's audit log, Okta's, Google's.

Names and nesting are those of the vendors' references. What one product does not log it does not say: Google names no
client, and no folder of a mailbox; Okta knows a device only with its own agent on it.
"""

import json
import random
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from tests.evaluation.takeover_site import DOMAIN, Person, Spot

TENANT = "6f1c2f9e-7a56-4d7b-8e5e-0a4ab6a0c111"
SHARED = f"info@{DOMAIN}"


class Logs:
    """Rows by log, each with the time of what it tells."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.rows: dict[str, list[tuple[float, dict]]] = {}

    def add(self, name: str, ts: datetime, row: dict) -> None:
        """Keep a row."""
        self.rows.setdefault(name, []).append((ts.timestamp(), row))

    def id(self) -> str:
        """Return an id that repeats with the seed."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def write(self, folder: Path, first: float = 0.0, last: float = 1e12, only: str = "") -> None:
        """Write what happened between two times, of one log or of all."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.rows.items():
            some = [row for ts, row in sorted(rows, key=lambda one: one[0]) if first <= ts < last]
            if some and name.startswith(only):
                (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))


class Office365:
    """Microsoft 365's unified audit log, of whoever signs people in."""

    host = "login.microsoftonline.com"

    def __init__(self, rng: random.Random, *, guids: bool = False) -> None:
        self.logs, self.rng, self.guids = Logs(rng), rng, guids

    def audit(self, person: Person, ts: datetime, spot: Spot, operation: str, workload: str, kind: int, **own) -> None:
        """One row; where `guids`, of the object's id alone."""
        row = {
            "CreationTime": ts.strftime("%Y-%m-%dT%H:%M:%S"), "Id": self.logs.id(), "Operation": operation,
            "OrganizationId": TENANT, "RecordType": kind, "ResultStatus": "Succeeded", "UserKey": person.guid,
            "UserType": 0, "Version": 1, "Workload": workload, "UserId": person.guid if self.guids else person.upn,
            "ClientIP": spot.ip, **own,
        }  # fmt: skip
        self.logs.add("audit", ts, row)

    def file(self, person: Person, ts: datetime, spot: Spot, agent: str, what: str, area: str, number: int) -> None:
        """A file opened, previewed or fetched; those of the board carry a label."""
        operation = {"open": "FileAccessed", "preview": "FilePreviewed", "fetch": "FileDownloaded"}[what]
        url = f"https://kelp.sharepoint.com/sites/{area}/"
        label = {"SensitivityLabelId": "3c1b6a2e-14a4-4a7c-9e0c-2f5f2f1e9b11"} if area == "board" else {}
        self.audit(
            person, ts, spot, operation, "SharePoint", 6, ObjectId=f"{url}Shared Documents/{area} {number}.docx",
            SiteUrl=url, SourceRelativeUrl="Shared Documents", SourceFileName=f"{area} {number}.docx",
            SourceFileExtension="docx", ItemType="File", EventSource="SharePoint", UserAgent=agent,
            ListItemUniqueId=f"{area}-{number}", CorrelationId=self.logs.id(), **label,
        )  # fmt: skip

    def mail(self, person: Person, ts: datetime, spot: Spot, folder: str, client: str = "Client=OWA;", **own) -> None:
        """An item of a folder changed."""
        self.audit(
            person, ts, spot, "Update", "Exchange", 2, ClientIPAddress=spot.ip, ClientInfoString=client,
            ExternalAccess=False, InternalLogonType=0, LogonType=0, MailboxGuid=person.guid[::-1],
            Item={
                "Id": self.logs.id(), "Subject": f"Re: {folder}", "ParentFolder": {"Id": "f", "Path": f"\\{folder}"},
            },
            **({} if self.guids else {"MailboxOwnerUPN": person.upn}), **({"ModifiedProperties": ["ItemClass"]} | own),
        )  # fmt: skip

    def reading(self, person: Person, ts: datetime, spot: Spot, client: str = "Client=OWA;") -> None:
        """Items of the inbox read."""
        items = [{"InternetMessageId": f"<{self.logs.id()}@{DOMAIN}>"} for _ in range(self.rng.randint(1, 4))]
        self.audit(
            person, ts, spot, "MailItemsAccessed", "Exchange", 50, ClientIPAddress=spot.ip, ClientInfoString=client,
            ExternalAccess=False, LogonType=0, OperationCount=1,
            OperationProperties=[
                {"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "False"},
            ],
            Folders=[{"Path": "\\Inbox", "FolderItems": items}],
        )  # fmt: skip

    def attachment(self, person: Person, ts: datetime, spot: Spot) -> None:
        """An attachment of a message that was sent is another."""
        self.mail(person, ts, spot, "Sent Items", ModifiedProperties=["AttachmentCollection"])

    def shared(self, person: Person, ts: datetime, spot: Spot) -> None:
        """A mailbox that several serve."""
        self.audit(
            person, ts, spot, "SendAs", "Exchange", 2, ClientIPAddress=spot.ip, ClientInfoString="Client=OWA;",
            LogonType=2, MailboxOwnerUPN=SHARED, SendAsUserSmtp=SHARED, Item={"Subject": "Re: opening hours"},
        )  # fmt: skip

    def rule(self, person: Person, ts: datetime, spot: Spot, name: str, **parameters) -> None:
        """A rule made in the browser."""
        self.audit(
            person, ts, spot, "New-InboxRule", "Exchange", 1, ClientIP=f"{spot.ip}:50211", ResultStatus="True",
            ExternalAccess=False, ObjectId=f"{person.upn.partition('@')[0]}\\{name}", AppId="", SessionId="",
            Parameters=[{"Name": "Name", "Value": name}, *({"Name": n, "Value": v} for n, v in parameters.items())],
        )  # fmt: skip

    def hide(self, person: Person, ts: datetime, spot: Spot, sender: str) -> None:
        """The intruder's rule."""
        self.rule(
            person, ts, spot, ".", From=sender, MarkAsRead="True", MoveToFolder="Conversation History",
            StopProcessingRules="True",
        )  # fmt: skip

    def newsletters(self, person: Person, ts: datetime, spot: Spot) -> None:
        """Everybody's rule."""
        self.rule(person, ts, spot, "Newsletters", SubjectContainsWords="newsletter", MoveToFolder="Newsletters")


class Entra(Office365):
    """Entra ID before it; the audit log tells of sign-ins too."""

    host = "login.microsoftonline.com"
    signins = "entra"

    def _row(self, person: Person, ts: datetime, spot: Spot, agent: str, code: int, category: str, **own) -> dict:
        flow, app = self.logs.id(), own.pop("client", "Browser")
        device = own.pop("device", "")
        properties = {
            "id": self.logs.id(), "createdDateTime": ts.isoformat().replace("+00:00", "Z"),
            "userDisplayName": person.upn, "userPrincipalName": person.upn, "userId": person.guid,
            "appId": "00000002-0000-0ff1-ce00-000000000000", "appDisplayName": "Office 365 Exchange Online",
            "ipAddress": spot.ip, "status": {"errorCode": code, "failureReason": "Other.", **own.pop("status", {})},
            "clientAppUsed": app, "userAgent": agent, "correlationId": flow, "conditionalAccessStatus": "notApplied",
            "isInteractive": category == "SignInLogs", "autonomousSystemNumber": spot.asn,
            "deviceDetail": {
                "deviceId": device, "displayName": person.host if device else "", "operatingSystem": "Windows10",
                "browser": "Chrome 120.0.0", "isCompliant": bool(device), "isManaged": bool(device),
                "trustType": "Azure AD joined" if device else "",
            },
            "location": {
                "city": spot.city, "state": "", "countryOrRegion": spot.code,
                "geoCoordinates": {"latitude": spot.lat, "longitude": spot.lon},
            },
            "riskLevelDuringSignIn": "none", "riskState": "none", "resourceDisplayName": "Office 365 Exchange Online",
            "tokenIssuerType": "AzureAD", **own,
        }  # fmt: skip
        return {
            "time": (ts + timedelta(minutes=3)).isoformat().replace("+00:00", "Z"), "category": category,
            "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam", "operationName": "Sign-in activity",
            "operationVersion": "1.0", "tenantId": TENANT, "resultType": str(code), "resultSignature": "None",
            "callerIpAddress": spot.ip, "correlationId": flow, "identity": person.upn, "Level": 4,
            "location": spot.code,
            "properties": properties,
        }  # fmt: skip

    def signin(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "", client: str = "") -> str:
        """A success, in both logs; return what names it in the first."""
        steps = [] if client else [
            {"authenticationMethod": "Password", "succeeded": True, "authenticationStepResultDetail": ""},
            {"authenticationMethod": "Mobile app notification", "succeeded": True,
             "authenticationStepResultDetail": "MFA completed in Azure AD"},
        ]  # fmt: skip
        row = self._row(
            person, ts, spot, agent, 0, "SignInLogs", device=device, client=client or "Browser",
            authenticationDetails=steps, status={"additionalDetails": "MFA completed in Azure AD" if steps else ""},
            authenticationRequirement="multiFactorAuthentication" if steps else "singleFactorAuthentication",
        )  # fmt: skip
        self.logs.add("entra", ts, row)
        self.audit(
            person, ts + timedelta(seconds=1), spot, "UserLoggedIn", "AzureActiveDirectory", 15, ActorIpAddress=spot.ip,
            ApplicationId="00000002-0000-0ff1-ce00-000000000000", ErrorNumber="0", ResultStatus="Success",
            InterSystemsId=row["correlationId"], ExtendedProperties=[
                {"Name": "ResultStatusDetail", "Value": "Success"}, {"Name": "UserAgent", "Value": agent},
                {"Name": "RequestType", "Value": "OAuth2:Authorize"},
            ], DeviceProperties=[{"Name": "OS", "Value": "Windows10"}, {"Name": "BrowserType", "Value": "Chrome"}],
        )  # fmt: skip
        return row["properties"]["id"]

    def denied(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "") -> None:
        """A prompt that was refused."""
        detail = "MFA denied; user declined the authentication"
        step = {
            "authenticationMethod": "Mobile app notification", "succeeded": False,
            "authenticationStepResultDetail": detail,
        }  # fmt: skip
        self.logs.add("entra", ts, self._row(
            person, ts, spot, agent, 500121, "SignInLogs", authenticationDetails=[step], device=device,
            authenticationRequirement="multiFactorAuthentication", status={"additionalDetails": detail},
        ))  # fmt: skip

    def wrong(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """A wrong password."""
        self.logs.add("entra", ts, self._row(person, ts, spot, agent, 50126, "SignInLogs"))

    def refresh(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """A token renewed, without anybody."""
        row = self._row(
            person, ts, spot, agent, 0, "NonInteractiveUserSignInLogs", client="Mobile Apps and Desktop clients"
        )
        self.logs.add("entra", ts, row)


class Guids(Entra):
    """The audit log names everybody by the object's id alone."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, guids=True)


class Legacy(Entra):
    """The intruder comes by IMAP and ActiveSync, which ask for no second factor; the rule is made over EWS."""

    clients = ("IMAP4", "Exchange ActiveSync", "IMAP4", "Exchange ActiveSync")
    agents: ClassVar = {"IMAP4": "BAV2ROPC", "Exchange ActiveSync": "Apple-iPad11C6/2107.224"}
    strings: ClassVar = {
        "IMAP4": "Client=POP3/IMAP4;Protocol=IMAP4", "Exchange ActiveSync": "Client=ActiveSync;UserAgent=Apple",
    }  # fmt: skip

    def hide(self, person: Person, ts: datetime, spot: Spot, sender: str) -> None:
        """The intruder's rule, as Exchange writes it where no cmdlet made it."""
        actions = [{"ActionType": "MarkAsRead"}, {"ActionType": "Move", "Value": "Conversation History"}]
        values = {
            "RuleOperation": "AddMailboxRule", "RuleName": ".", "RuleState": "Enabled",
            "RuleCondition": f"(SenderSmtpAddress Equal {sender})", "RuleActions": json.dumps(actions),
        }  # fmt: skip
        self.audit(
            person, ts, spot, "UpdateInboxRules", "Exchange", 2, ClientIPAddress=spot.ip, LogonType=0,
            ClientInfoString="Client=WebServices;ExchangeServicesClient/15.00", MailboxOwnerUPN=person.upn,
            OperationProperties=[{"Name": name, "Value": value} for name, value in values.items()],
        )  # fmt: skip


class Okta(Office365):
    """Okta before Microsoft 365; the audit log tells of the federated sign-ins again, under an id of its own."""

    host = "kelp.okta.com"
    signins = "okta"

    def _row(self, person: Person, ts: datetime, spot: Spot, agent: str, event: str, result: str, **own) -> str:
        row = {
            "uuid": self.logs.id(), "published": ts.strftime("%Y-%m-%dT%H:%M:%S.120Z"), "eventType": event,
            "version": "0", "severity": "INFO", "displayMessage": event, "legacyEventType": None,
            "actor": {"id": f"00u{person.number:017}", "type": "User", "alternateId": person.upn, "displayName": "-"},
            "client": {
                "userAgent": {"rawUserAgent": agent, "os": "Windows 10", "browser": "CHROME"}, "zone": "null",
                "device": "Computer", "ipAddress": spot.ip, "geographicalContext": {
                    "city": spot.city, "country": spot.country, "state": None, "postalCode": None,
                    "geolocation": {"lat": spot.lat, "lon": spot.lon},
                },
            },
            "device": own.get("device"), "outcome": {"result": result, "reason": own.get("reason")},
            "target": own.get("target", []), "transaction": {"type": "WEB", "id": own["flow"], "detail": {}},
            "debugContext": {"debugData": own.get("debug", {})},
            "authenticationContext": {"authenticationStep": 0, "externalSessionId": own.get("session", "unknown")},
            "securityContext": {"asNumber": spot.asn, "asOrg": spot.org, "isp": spot.org, "isProxy": False},
            "request": {"ipChain": [{"ip": spot.ip, "version": "V4"}]},
        }  # fmt: skip
        self.logs.add("okta", ts, row)
        return row["uuid"]

    def signin(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "", client: str = "") -> str:
        """A password, a push that is accepted, a session, and Microsoft 365."""
        flow, session = f"Z{self.rng.getrandbits(100):x}", f"102{self.rng.getrandbits(80):x}"
        known = (
            {"id": f"guo{device[:17]}", "name": person.host, "managed": False, "registered": True} if device else None
        )
        more = {"flow": flow, "device": known, "session": session}
        named = self._row(person, ts, spot, agent, "user.session.start", "SUCCESS", **more)
        push = {"factor": "OKTA_VERIFY_PUSH", "pushOnlyResponseType": "OV_UNLOCK_VERIFY_FACTOR_RESPONSE"}
        self._row(
            person,
            ts + timedelta(seconds=8),
            spot,
            agent,
            "user.authentication.auth_via_mfa",
            "SUCCESS",
            debug=push,
            **more,
        )
        target = [
            {"id": "0oa1", "type": "AppInstance", "alternateId": "Office 365", "displayName": "Microsoft Office 365"}
        ]
        self._row(
            person, ts + timedelta(seconds=9), spot, agent, "user.authentication.sso", "SUCCESS", target=target, **more
        )
        self.audit(
            person, ts + timedelta(seconds=11), spot, "UserLoggedIn", "AzureActiveDirectory", 15, ErrorNumber="0",
            ActorIpAddress=spot.ip, ResultStatus="Success", InterSystemsId=self.logs.id(),
            ExtendedProperties=[{"Name": "UserAgent", "Value": agent}, {"Name": "RequestType", "Value": "WSFed:wsfed"}],
        )  # fmt: skip
        return named

    def denied(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "") -> None:
        """A prompt that was refused: the challenge sent, and the answer."""
        flow = f"Z{self.rng.getrandbits(100):x}"
        self._row(person, ts, spot, agent, "system.push.send_factor_verify_push", "SUCCESS", flow=flow)
        self._row(
            person, ts + timedelta(seconds=20), spot, agent, "user.authentication.auth_via_mfa", "FAILURE",
            reason="INVALID_CREDENTIALS", flow=flow,
            debug={"factor": "OKTA_VERIFY_PUSH", "pushOnlyResponseType": "OV_RESPONSE_DENY"},
        )  # fmt: skip

    def wrong(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """A wrong password."""
        flow = f"Z{self.rng.getrandbits(100):x}"
        self._row(person, ts, spot, agent, "user.session.start", "FAILURE", reason="INVALID_CREDENTIALS", flow=flow)

    def refresh(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """A session used again for an application."""
        flow = f"Z{self.rng.getrandbits(100):x}"
        target = [{"id": "0oa2", "type": "AppInstance", "alternateId": "Wiki", "displayName": "Wiki"}]
        self._row(person, ts, spot, agent, "user.authentication.sso", "SUCCESS", target=target, flow=flow)


class Google:
    """Google Workspace alone: sign-ins, Drive, Gmail, and what users change of their accounts."""

    host = "accounts.google.com"
    signins = "login"

    def __init__(self, rng: random.Random) -> None:
        self.logs, self.rng = Logs(rng), rng

    def _row(
        self, person: Person, ts: datetime, spot: Spot, application: str, kind: str, name: str, *parameters
    ) -> str:
        qualifier = str(self.rng.getrandbits(62) - (1 << 61))
        self.logs.add(application, ts, {
            "kind": "admin#reports#activity", "etag": "x",
            "actor": {"email": person.upn, "profileId": f"1{person.number:020}"},
            "id": {
                "time": ts.strftime("%Y-%m-%dT%H:%M:%S.120Z"), "uniqueQualifier": qualifier,
                "applicationName": application, "customerId": "C02kelp",
            },
            "ipAddress": spot.ip, "networkInfo": {"ipAsn": [spot.asn], "regionCode": spot.code, "subdivisionCode": ""},
            "events": [{"type": kind, "name": name, "parameters": list(parameters)}],
        })  # fmt: skip
        return qualifier

    def signin(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "", client: str = "") -> str:
        """A password and a prompt."""
        return self._row(
            person, ts, spot, "login", "login", "login_success", {"name": "login_type", "value": "google_password"},
            {"name": "login_challenge_method", "multiValue": ["password", "google_prompt"]},
            {"name": "is_second_factor", "boolValue": True}, {"name": "is_suspicious", "boolValue": False},
        )  # fmt: skip

    def denied(self, person: Person, ts: datetime, spot: Spot, agent: str, device: str = "") -> None:
        """A prompt that was refused."""
        self._row(
            person, ts, spot, "login", "login", "login_challenge", {"name": "login_type", "value": "google_password"},
            {"name": "login_challenge_method", "multiValue": ["google_prompt"]},
            {"name": "login_challenge_status", "value": "Challenge Failed."},
            {"name": "is_second_factor", "boolValue": True},
        )  # fmt: skip

    def wrong(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """A wrong password."""
        self._row(
            person, ts, spot, "login", "login", "login_failure", {"name": "login_type", "value": "google_password"},
            {"name": "login_failure_type", "value": "login_failure_invalid_password"},
            {"name": "login_challenge_method", "multiValue": ["password"]},
        )  # fmt: skip

    def refresh(self, person: Person, ts: datetime, spot: Spot, agent: str) -> None:
        """An application that uses its grant."""
        self._row(
            person, ts, spot, "token", "auth", "activity", {"name": "app_name", "value": "Backup"},
            {"name": "client_id", "value": "77.apps.googleusercontent.com"}, {"name": "api_name", "value": "drive"},
        )  # fmt: skip

    def file(self, person: Person, ts: datetime, spot: Spot, agent: str, what: str, area: str, number: int) -> None:
        """A document opened or fetched."""
        name = "download" if what == "fetch" else "view"
        self._row(
            person, ts, spot, "drive", "access", name, {"name": "primary_event", "boolValue": True},
            {"name": "doc_id", "value": f"1{area}{number}"}, {"name": "doc_title", "value": f"{area} {number}"},
            {"name": "doc_type", "value": "document"}, {"name": "owner", "value": f"{area} team"},
            {"name": "owner_is_shared_drive", "boolValue": True}, {"name": "shared_drive_id", "value": f"0A{area}"},
            {"name": "visibility", "value": "shared_internally"},
        )  # fmt: skip

    def _mail(self, person: Person, ts: datetime, spot: Spot, number: int) -> None:
        message = [
            {"name": "subject", "value": "Re: figures"},
            {"name": "rfc2822_message_id", "value": f"<{self.logs.id()}@{DOMAIN}>"},
        ]  # fmt: skip
        context = {"name": "client_context", "messageValue": {"parameter": [{"name": "client_type", "value": "WEB"}]}}
        self._row(
            person, ts, spot, "gmail", "delivery_type", "delivery",
            {"name": "event_info", "messageValue": {"parameter": [
                {"name": "mail_event_type", "intValue": str(number)}, {"name": "success", "boolValue": True}, context,
            ]}},
            {"name": "message_info", "messageValue": {"parameter": message}},
        )  # fmt: skip

    def mail(self, person: Person, ts: datetime, spot: Spot, folder: str, client: str = "") -> None:
        """A message moved to the trash, or archived."""
        self._mail(person, ts, spot, 13 if folder == "Deleted Items" else 26)

    def reading(self, person: Person, ts: datetime, spot: Spot, client: str = "") -> None:
        """A message seen."""
        self._mail(person, ts, spot, 31)

    def attachment(self, person: Person, ts: datetime, spot: Spot) -> None:
        """Attachments fetched."""
        self._mail(person, ts, spot, 17)

    def shared(self, person: Person, ts: datetime, spot: Spot) -> None:
        """A message answered in a mailbox that several serve."""
        self._mail(person, ts, spot, 9)

    def hide(self, person: Person, ts: datetime, spot: Spot, sender: str) -> None:
        """Filters are in no log of Google's: that mail is sent on outside is the rule that can be seen."""
        self._row(
            person, ts, spot, "user_accounts", "email_forwarding_change", "email_forwarding_out_of_domain",
            {"name": "email_forwarding_destination_address", "value": "kelp.archive@mailbox.example"},
        )  # fmt: skip

    def newsletters(self, person: Person, ts: datetime, spot: Spot) -> None:
        """Everybody's filter: in no log."""
