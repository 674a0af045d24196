r"""What a rule on mail does: inbox rules, transport rules, and the forwarding of a whole mailbox.

Rules made in Outlook on the web or by a cmdlet come as `Parameters[{Name, Value}]` of New- or Set-InboxRule; rules made
in Outlook on a desktop never do: they are `UpdateInboxRules` with `OperationProperties` (RuleName, RuleState,
RuleCondition, and RuleActions as JSON text). A rule's name may be missing, blank or one sign; it also stands behind the
last `\` of `ObjectId`. Parameters: https://learn.microsoft.com/en-us/powershell/module/exchange/new-inboxrule and
…/new-transportrule, …/set-mailbox.
"""

import re
from typing import Any

from sensor.model.accounts import fold
from sensor.wire.details import present
from sensor.wire.fields import ABSENT, Fields
from sensor.wire.m365_records import FORWARDING

_FORWARDS = ("forwardto", "forwardasattachmentto", "blindcopyto", "copyto", "addtorecipients", *FORWARDING)
_REDIRECTS = ("redirectto", "redirectmessageto")
_SENDERS = ("from", "fromaddresscontainswords", "fromaddressmatchespatterns", "frommemberof")
_WORDS = (
    *("subjectorbodycontainswords", "subjectcontainswords", "bodycontainswords", "headercontainswords"),
    *("subjectmatchespatterns", "subjectorbodymatchespatterns", "recipientaddresscontainswords"),
)
_PARTED = re.compile(r"[;,]\s*")
_WORDS_PARTED = re.compile(r";\s*")
"""Words may hold commas; addresses do not."""
_QUOTED = re.compile(r'"([^"]{1,200})"')
_SENT_BY = re.compile(r"(?:sender|from)[^()&|@]{0,80}?([\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
"""An address in a clause of a condition that is about who sent a message."""
_VALUES_MAX = 200
"""Addresses or words of one rule that are kept: Exchange allows a rule 64 KB."""
_ENABLING = {"enable-inboxrule": True, "enable-transportrule": True}
_DISABLING = ("disable-", "remove-")


def read_rule(record: Fields, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
    """Return the detail of a `mail_rule` event.

    Args:
        record: The audit record.
        operation: Its `Operation`.
        parameters: Its `Parameters`, by folded name.
    """
    if operation.lower() == "updateinboxrules":
        return _from_outlook(record)
    folded = operation.lower()
    forwards = folded.endswith("-mailbox")
    enabled = False if folded.startswith(_DISABLING) else _ENABLING.get(folded, _flag(parameters.get("enabled")))
    return present(
        rule=None if forwards else _name(record, parameters),
        moves_to=_text(parameters.get("movetofolder")),
        copies_to=_text(parameters.get("copytofolder")),
        marks_read=_flag(parameters.get("markasread")),
        deletes=_flag(parameters.get("deletemessage")) or _flag(parameters.get("softdeletemessage")),
        stops=_flag(parameters.get("stopprocessingrules")) or _flag(parameters.get("stopruleprocessing")),
        forwards_to=_addresses(parameters, _FORWARDS),
        redirects_to=_addresses(parameters, _REDIRECTS),
        senders=_listed(parameters, _SENDERS, _PARTED),
        words=_listed(parameters, _WORDS, _WORDS_PARTED),
        enabled=enabled,
        mailbox=_mailbox(record, parameters, forwards=forwards),
        keeps_copy=_flag(parameters.get("delivertomailboxandforward")),
    )


def _from_outlook(record: Fields) -> dict[str, Any]:
    """Return what an `UpdateInboxRules` record says; its actions are JSON in a text."""
    said = {**record.named("OperationProperties")}
    actions = Fields({"actions": said.get("ruleactions")}).each("actions")
    kinds = [(action.text("ActionType") or "").lower() for action in actions]
    forwards: list[str] = []
    redirects: list[str] = []
    for action in actions:
        flags = (action.text("ForwardFlags") or "").lower()
        away = "redirect" in (action.text("ActionType") or "").lower() or "preservesender" in flags
        (redirects if away else forwards).extend(action.texts("Recipients")[:_VALUES_MAX])
    moves = next((action for action, kind in zip(actions, kinds, strict=True) if kind.startswith("move")), None)
    condition = _text(said.get("rulecondition"))
    state = (_text(said.get("rulestate")) or "").lower()
    operation = _text(said.get("ruleoperation"))
    removed = (operation or "").lower().startswith("remove")
    return present(
        rule=_text(said.get("rulename")),
        moves_to=None if moves is None else moves.text("FolderName", "DestinationFolder", "FolderEntryId", "Folder"),
        marks_read=any(kind.startswith("mark") for kind in kinds) or None,
        deletes=any("delete" in kind for kind in kinds) or None,
        stops=any("stop" in kind for kind in kinds) or None,
        forwards_to=forwards,
        redirects_to=redirects,
        senders=list(dict.fromkeys(map(str.lower, _SENT_BY.findall(condition[:4096]))))[:_VALUES_MAX]
        if condition
        else [],
        words=_QUOTED.findall(condition[:4096])[:_VALUES_MAX] if condition else [],
        enabled=False if removed or "disabled" in state else "enabled" in state if state else None,
        mailbox=fold(record.text("MailboxOwnerUPN") or record.text("UserId")),
        condition=condition,
        operation=operation,
    )


def _name(record: Fields, parameters: dict[str, object]) -> str | None:
    r"""Return the rule's name: a parameter, or what stands behind the last `\` of the object or the identity."""
    for text in (_text(parameters.get("name")), _tail(record), _text(parameters.get("identity"))):
        if text:
            return text.rpartition("\\")[2] or text
    return None


def _tail(record: Fields) -> str | None:
    r"""Return what stands behind the last `\` of `ObjectId`, a name of one dash too."""
    before, backslash, name = (record.text("ObjectId", "OfficeObjectId") or "").rpartition("\\")
    return name.strip() or None if before and backslash else None


def _mailbox(record: Fields, parameters: dict[str, object], *, forwards: bool) -> str | None:
    """Return whose mail it is about; a person's own rule names no mailbox."""
    named = _text(parameters.get("identity")) if forwards else _text(parameters.get("mailbox"))
    if forwards and named is None:
        named = record.text("ObjectId", "OfficeObjectId")
    return fold(named or record.text("MailboxOwnerUPN"))


def _addresses(parameters: dict[str, object], names: tuple[str, ...]) -> list[str]:
    """Return addresses mail is sent on to, without `smtp:`, lower case."""
    found = _listed(parameters, names, _PARTED)
    return [text.lower().removeprefix("smtp:") for text in found]


def _listed(parameters: dict[str, object], names: tuple[str, ...], parted: re.Pattern[str]) -> list[str]:
    """Return the values of some parameters, each a text of several or a list."""
    found: list[str] = []
    for name in names:
        value = parameters.get(name)
        texts = value if isinstance(value, list) else [value]
        for text in texts[:_VALUES_MAX]:
            found += [part for part in parted.split(_text(text) or "")[:_VALUES_MAX] if part]
    return found[:_VALUES_MAX]


def _text(value: object) -> str | None:
    """Return a parameter as text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return None if text.lower() in ABSENT else text


def _flag(value: object) -> bool | None:
    """Return a parameter's truth; None where it is not set."""
    return Fields({"value": value}).flag("value")
