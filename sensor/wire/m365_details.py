"""What only some records of Microsoft 365's unified audit log say: mailboxes, files, mail, and changes.

Fields: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
(Exchange mailbox, SharePoint file operations, Defender for Office 365, quarantine, Azure Active Directory schemas).
"""

from collections.abc import Iterable
from typing import Any

from sensor.model.accounts import fold
from sensor.wire.details import present
from sensor.wire.fields import Fields

_LOGON_TYPES = {"0": "owner", "1": "admin", "2": "delegate"}
_ITEMS_MAX = 1000
"""Messages of one record that are kept; Exchange aggregates up to two minutes of access in one."""
_CHANGED = "ModifiedProperties"
"""Of an item: names, as texts (the schema) or in objects."""
_DELIVERY = {
    "deliveredasspam": "junked",
    "junk": "junked",
    "junkfolder": "junked",
    "blocked": "blocked",
    "delivered": "delivered",
    "replaced": "replaced",
}
_QUARANTINE = (("release", "released"), ("delete", "deleted"), ("preview", "quarantined"), ("export", "quarantined"))
"""Parts of quarantine operations' names and where the message is then."""


def read_mailbox(record: Fields) -> dict[str, Any]:
    """Return the detail of a `mailbox` event."""
    items = [*record.each("AffectedItems"), record.part("Item")][:_ITEMS_MAX]
    folders = record.each("Folders")[:_ITEMS_MAX]
    inside = [item for folder in folders for item in folder.each("FolderItems")[:_ITEMS_MAX]]
    said = record.named("OperationProperties")
    messages = [item.text("InternetMessageId") for item in (*items, *inside)]
    paths = [item.text("ParentFolder.Path", "ParentFolder.Name") for item in items]
    paths += [folder.text("Path") for folder in folders]
    paths += [record.text("Folder.Path"), record.text("DestFolder.Path")]
    ids = _distinct(messages)
    logon = record.text("LogonType", "Logon_Type")
    return present(
        folders=_distinct(paths),
        items=record.number("OperationCount") or len(ids) or None,
        message_ids=ids,
        subjects=_distinct(item.text("Subject") for item in items),
        changed=_distinct([one.text("Name") for one in record.each(_CHANGED)] or record.texts(_CHANGED))[:_ITEMS_MAX],
        logon_type=None if logon is None else _LOGON_TYPES.get(logon, logon.lower()),
        mailbox=fold(record.text("MailboxOwnerUPN")),
        client=record.text("ClientInfoString"),
        access=_text(said.get("mailaccesstype")),
        throttled=Fields(said).flag("isthrottled"),
    )


def read_file(record: Fields) -> dict[str, Any]:
    """Return the detail of a `file` event."""
    return present(
        file=record.text("SourceFileName", "FileData.FileName", "FileName"),
        folder=record.text("SourceRelativeUrl", "FileData.FilePath"),
        site_url=record.text("SiteUrl", "Site_Url"),
        file_id=record.text("ListItemUniqueId"),
        file_type=record.text("SourceFileExtension", "ItemType"),
        size=record.number("FileSizeBytes"),
        moved_to=record.text("DestinationRelativeUrl", "DestinationFileName"),
        targets=_distinct([fold(record.text("TargetUserOrGroupName"))]),
        label=record.text("SensitivityLabelId"),
        malware=record.text("VirusInfo", "FileData.MalwareFamily"),
    )


def read_email(record: Fields, operation: str) -> dict[str, Any]:
    """Return the detail of an `email` event: what Defender for Office 365 or quarantine did with a message."""
    verdict = record.text("Verdict", "ThreatType")
    return present(
        network_message_id=record.text("NetworkMessageId"),
        message_id=record.text("InternetMessageId"),
        sender=fold(record.text("P2Sender", "P1Sender", "SenderAddress")),
        recipients=_distinct(fold(one) for one in record.texts("Recipients", "ReleaseTo", "Recipient")),
        subject=record.text("Subject"),
        direction=(record.text("Directionality") or "").lower(),
        delivery=_delivery(record, operation.lower()),
        location=record.text("LatestDeliveryLocation", "OriginalDeliveryLocation", "DeliveryLocation"),
        threats=[verdict] if verdict else [],
        sender_ip=record.address("SenderIp", "SenderIP")[0],
        url=record.text("Url"),
        clicked=True if operation.lower() == "tiurlclickdata" else None,
        policy=record.text("Policy", "PolicyName"),
    )


def read_change(record: Fields, parameters: dict[str, object]) -> dict[str, Any]:
    """Return the detail of an `admin` or `consent` event."""
    targets = [one.text("ID") for one in record.each("Target") if one.number("Type") in {1, 5}]
    named = [_text(parameters.get(name)) for name in ("identity", "user", "member", "trustee")]
    changes: dict[str, Any] = {
        name: value for name, value in parameters.items() if value is not None and name != "identity"
    }
    for change in record.each("ModifiedProperties"):
        if name := change.text("Name"):
            changes[name] = change.text("NewValue")
    application = next((one.text("ID") for one in record.each("Actor") if one.number("Type") == 1), None)
    found = _distinct([*targets, *named])
    return present(
        targets=found or _distinct([record.text("ObjectId", "OfficeObjectId")]),
        changes=dict(list(changes.items())[:_ITEMS_MAX]),
        actor_app=application,
    )


def _delivery(record: Fields, operation: str) -> str | None:
    """Return where a message is: delivered, junked, blocked, quarantined, released or deleted."""
    if operation.startswith("quarantine"):
        return next((state for part, state in _QUARANTINE if part in operation), "quarantined")
    place = record.text("LatestDeliveryLocation", "OriginalDeliveryLocation") or ""
    if place.lower() == "quarantine":
        return "quarantined"
    action = (record.text("DeliveryAction") or "").lower()
    return _DELIVERY.get(action, action) or None


def _distinct(values: Iterable[str | None]) -> list[str]:
    """Return values that are there, each once, in order, at most `_ITEMS_MAX`."""
    return list(dict.fromkeys(value for value in values if value))[:_ITEMS_MAX]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
