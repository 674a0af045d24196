"""Microsoft 365's unified audit log, as the Management Activity API returns it.

Schema: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema.
Records come up to half an hour late, and some come twice.
"""

import random
from datetime import UTC, datetime

from story.cast import DOMAIN, TENANT_ID, Device, Person, guid

_ORGANISATION = {"OrganizationId": TENANT_ID, "Version": 1}
_OWA = "Client=OWA;Action=ViaProxy"
_OUTLOOK = "Client=MSExchangeRPC"
_APPS = {"One Outlook Web": "9199bf20-a13f-4107-85dc-02114787ef48"}
_SHAREPOINT = f"https://{DOMAIN.split('.')[0]}au.sharepoint.com"


class Auditor:
    """Writes records of one person at one place on one device."""

    def __init__(self, rng: random.Random, person: Person, device: Device, ip: str) -> None:
        self.rng, self.person, self.device, self.ip = rng, person, device, ip

    def _record(self, ts: float, kind: int, operation: str, workload: str, **more: object) -> dict[str, object]:
        return {
            "CreationTime": datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%S"), "Id": guid(self.rng),
            "Operation": operation, "RecordType": kind, "ResultStatus": "Succeeded", "UserKey": self.person.user_id,
            "UserType": 0, "Workload": workload, "UserId": self.person.upn, **_ORGANISATION, **more,
        }  # fmt: skip

    def logged_in(self, ts: float, flow: str, app: str, code: int = 0) -> dict[str, object]:
        """A sign-in, as the audit log tells it."""
        failed = code not in {0, 50140}
        device = [
            {"Name": "OS", "Value": self.device.os},
            {"Name": "BrowserType", "Value": self.device.browser.split(" ")[0]},
            {"Name": "IsCompliantAndManaged", "Value": str(self.device.is_managed)},
        ]
        device += [] if failed else [{"Name": "SessionId", "Value": self.device.session}]
        device += [{"Name": "Id", "Value": self.device.entra_id}] if self.device.is_managed else []
        more: dict[str, object] = {"LogonError": "UserStrongAuthClientAuthNRequired"} if failed else {}
        return self._record(
            ts,
            15,
            "UserLoginFailed" if failed else "UserLoggedIn",
            "AzureActiveDirectory",
            ClientIP=self.ip,
            ActorIpAddress=self.ip,
            ObjectId="00000002-0000-0ff1-ce00-000000000000",
            ErrorNumber=str(code),
            ApplicationId=_APPS.get(app, app),
            InterSystemsId=flow,
            DeviceProperties=device,
            AzureActiveDirectoryEventType=1,
            ExtendedProperties=[
                {"Name": "ResultStatusDetail", "Value": "Success" if not failed else "Redirect"},
                {"Name": "UserAgent", "Value": self.device.agent},
                {"Name": "RequestType", "Value": "OAuth2:Authorize"},
            ],
            **more,
        )

    def file(self, ts: float, operation: str, team: str, name: str, label: str = "") -> dict[str, object]:
        """A file of a team's site: FileAccessed, FilePreviewed, FileModified, FileDownloaded."""
        site = f"{_SHAREPOINT}/sites/{team}/"
        more: dict[str, object] = {"SensitivityLabelId": label} if label else {}
        return self._record(
            ts,
            6,
            operation,
            "SharePoint",
            ClientIP=self.ip,
            ObjectId=f"{site}Shared Documents/{name}",
            SiteUrl=site,
            SourceFileName=name,
            SourceFileExtension=name.rpartition(".")[2],
            SourceRelativeUrl="Shared Documents",
            ItemType="File",
            EventSource="SharePoint",
            UserAgent=self.device.agent,
            CorrelationId=guid(self.rng),
            ListItemUniqueId=guid(random.Random(f"{team}/{name}")),  # noqa: S311
            IsManagedDevice=self.device.is_managed,
            AppAccessContext={
                "AADSessionId": self.device.session,
                "CorrelationId": guid(self.rng),
                "ClientAppName": "Office 365 SharePoint Online",
            },
            **more,
        )

    def read(self, ts: float, folder: str, messages: int, owner: str = "", *, ip: str = "") -> dict[str, object]:
        """Messages read, in the aggregated form; by Microsoft's own services where `ip` is theirs."""
        items = [{"InternetMessageId": f"<{guid(self.rng)}@{DOMAIN}>"} for _ in range(messages)]
        return self._record(
            ts,
            50,
            "MailItemsAccessed",
            "Exchange",
            ClientIPAddress=ip or self.ip,
            LogonType=2 if owner else 0,
            ClientInfoString="Client=REST;Client=RESTSystem;;" if ip else _OWA,
            MailboxOwnerUPN=owner or self.person.upn,
            OperationCount=messages,
            Folders=[{"Path": f"\\{folder}", "FolderItems": items}],
            OperationProperties=[
                {"Name": "MailAccessType", "Value": "Bind"},
                {"Name": "IsThrottled", "Value": "False"},
            ],
            **({} if ip else {"SessionId": self.device.session}),
        )

    def item(
        self, ts: float, operation: str, folder: str, subject: str, changed: tuple[str, ...] = ()
    ) -> dict[str, object]:
        """One message that was made, changed, sent or thrown away."""
        item = {
            "Id": f"RgAAA{self.rng.getrandbits(64):016x}",
            "Subject": subject,
            "InternetMessageId": f"<{guid(self.rng)}@{DOMAIN}>",
            "ParentFolder": {"Id": f"LgAAA{self.rng.getrandbits(64):016x}", "Path": f"\\{folder}"},
        }
        if operation.startswith(("Move", "Soft", "Hard")):
            what: dict[str, object] = {"AffectedItems": [item], "Folder": item["ParentFolder"]}
        else:
            what = {"Item": item}
        if changed:
            what["ModifiedProperties"] = list(changed)
        return self._record(
            ts,
            3 if "AffectedItems" in what else 2,
            operation,
            "Exchange",
            ClientIPAddress=self.ip,
            ClientInfoString=_OWA,
            LogonType=0,
            MailboxOwnerUPN=self.person.upn,
            ExternalAccess=False,
            SessionId=self.device.session,
            **what,
        )

    def rule(self, ts: float, name: str, **parameters: str) -> dict[str, object]:
        """An inbox rule made in Outlook on the web."""
        port = self.rng.randint(1025, 65000)
        return self._record(
            ts,
            1,
            "New-InboxRule",
            "Exchange",
            ClientIP=f"[{self.ip}]:{port}" if ":" in self.ip else f"{self.ip}:{port}",
            ObjectId=f"{self.person.sam}\\{name}",
            SessionId=self.device.session,
            OriginatingServer="MEAPR01MB0001 (15.20.4200.000)",
            Parameters=[
                {"Name": "AlwaysDeleteOutlookRulesBlob", "Value": "False"},
                {"Name": "Force", "Value": "False"},
                {"Name": "Name", "Value": name},
                *({"Name": key, "Value": value} for key, value in parameters.items()),
            ],
        )

    def outlook_rule(self, ts: float, name: str, condition: str, folder: str) -> dict[str, object]:
        """An inbox rule made in Outlook on a desktop, which is no New-InboxRule."""
        actions = f'[{{"ActionType":"MoveToFolder","FolderName":"{folder}"}},{{"ActionType":"StopProcessing"}}]'
        said = {
            "RuleOperation": "AddMailboxRule", "RuleName": name, "RuleState": "Enabled", "RuleCondition": condition,
            "RuleActions": actions,
        }  # fmt: skip
        return self._record(
            ts, 2, "UpdateInboxRules", "Exchange", ClientIPAddress=self.ip, ClientInfoString=_OUTLOOK, LogonType=0,
            MailboxOwnerUPN=self.person.upn, Item={"Id": "", "ParentFolder": {"Path": "\\Inbox"}},
            OperationProperties=[{"Name": key, "Value": value} for key, value in said.items()],
        )  # fmt: skip
