"""The archive as those see it who only ask: tables of records that were kept, by SQL; and what each column means.

Tables: `flows`, `arp`, `messages` (what protocols said), `events` and `signins` (one row each time a sign-in began or
changed). They hold what the core took in, as it took it in: of a flow that goes on, one row a report, with what came
since the report before (`fresh` is false from the second on). A record that has expired is not there: `since_ns` tells
from when on the archive is whole.

`rows` gives times as int64 ns since 1970. `spanline hunt` shows the same columns with times as timestamps, UTC.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_COMMON = {
    "n": ("int64", "Ordinal in which the core took records in: orders a table, ties of time included"),
    "tick": ("time", "End of the step of event time in which the core took it in; evidence of that step has it as ts"),
    "ts": ("time", "When it happened (a flow: its first packet)"),
    "site": ("text", "Site it was seen at"),
}
_ORIGIN = {
    "input": ("text", "Input it came from"),
    "record": ("int64", "Ordinal of its first packet, or its row, in that input, from 0"),
}
_ENDS = {
    "orig_h": ("text", "Who opened it"),
    "orig_p": ("uint16", "Originator's port; ICMP: type"),
    "resp_h": ("text", "Who was asked"),
    "resp_p": ("uint16", "Responder's port; ICMP: counterpart type, or code"),
}

FLOWS = {
    **_COMMON,
    "uid": ("text", "The flow's own id"),
    **_ENDS,
    "proto": ("text", "tcp, udp, icmp or unknown_transport"),
    "ip_proto": ("uint8", "IP protocol number"),
    "service": ("text", "Protocols found in it, comma-separated"),
    "duration": ("int64", "ns from the first packet to the last, so far"),
    "orig_bytes": ("int64", "Payload bytes of the originator"),
    "resp_bytes": ("int64", "Payload bytes of the responder"),
    "conn_state": ("text", "Zeek's conn_state"),
    "local_orig": ("bool", "The originator's address is of the site's networks"),
    "local_resp": ("bool", "The responder's address is of the site's networks"),
    "missed_bytes": ("int64", "Bytes that were not captured"),
    "history": ("text", "Zeek's history of the connection"),
    "orig_pkts": ("int64", "Packets of the originator"),
    "orig_ip_bytes": ("int64", "IP bytes of the originator"),
    "resp_pkts": ("int64", "Packets of the responder"),
    "resp_ip_bytes": ("int64", "IP bytes of the responder"),
    "orig_l2_addr": ("text", "Originator's MAC"),
    "resp_l2_addr": ("text", "Responder's MAC"),
    "vlan": ("uint16", "Outer VLAN"),
    "inner_vlan": ("uint16", "Inner VLAN"),
    "tunnel": ("text", "Tunnel it was in"),
    "orig_device": ("text", "Device that opened it; null where it is none of ours"),
    "resp_device": ("text", "Device that was asked; null where it is none of ours"),
    "destination": ("text", "Host that the client asked a proxy for"),
    "process": ("text", "Program that opened or took it, as the endpoint told"),
    "user": ("text", "Account it ran as, as the endpoint told"),
    "fresh": ("bool", "False where an earlier report of this flow was taken in"),
    "why": ("text", "Why it was reported: ended, timeout, interval (it goes on), evicted, end_of_input"),
    **_ORIGIN,
}
ARP = {
    **_COMMON,
    "op": ("uint16", "1 request, 2 reply"),
    "sender_mac": ("text", "MAC of who says it"),
    "sender_ip": ("text", "Address of who says it"),
    "target_mac": ("text", "MAC of who is meant"),
    "target_ip": ("text", "Address that is asked for"),
    "vlan": ("uint16", "VLAN"),
    "device": ("text", "Device that sent it"),
    **_ORIGIN,
}
MESSAGES = {
    **_COMMON,
    "kind": ("text", "What it is, by Zeek's log: dns, ssl, http, kerberos, ntlm, smb …"),
    "uid": ("text", "Flow it was part of"),
    **_ENDS,
    "ip_proto": ("uint8", "IP protocol number"),
    "device": ("text", "Device that opened the flow"),
    "query": ("text", "Its main name: DNS query, TLS server name, HTTP host, account, share"),
    "body": ("text", "The whole message as JSON"),
    **_ORIGIN,
}
EVENTS = {
    **_COMMON,
    "device": ("text", "Device it is about"),
    "account_entity": ("text", "Account that acted, under the name by which it is known"),
    "source": ("text", "Product: entra, m365, okta, windows, sysmon …"),
    "kind": (
        "text",
        "signin, mail_rule, mailbox, file, admin, consent, process, connection, logon, email, lease, other",
    ),
    "action": ("text", "The source's own word"),
    "outcome": ("text", "success, failure, interrupt or unknown"),
    "reason_code": ("text", "The source's code for why"),
    "reason": ("text", "Why"),
    "account": ("text", "Account, folded"),
    "account_id": ("text", "The source's id of the account"),
    "ip": ("text", "Where it came from"),
    "port": ("int64", "Port it came from"),
    "country": ("text", "Country as the source says it"),
    "city": ("text", "City as the source says it"),
    "asn": ("int64", "Network of the address"),
    "mfa": ("text", "satisfied, denied, timed_out, none or unknown"),
    "app": ("text", "Application"),
    "resource": ("text", "Resource asked for"),
    "user_agent": ("text", "Agent"),
    "os": ("text", "Operating system"),
    "device_id": ("text", "The source's id of the device"),
    "device_name": ("text", "The source's name of the device"),
    "managed": ("bool", "The device is managed"),
    "session_id": ("text", "Session"),
    "correlation_id": ("text", "What ties records of one act together"),
    "object": ("text", "What was acted on"),
    "detail": ("text", "What only some kinds have, as JSON"),
    "raw_id": ("text", "The record's own id"),
    **_ORIGIN,
}
SIGNINS = {
    **_COMMON,
    "id": ("text", "The sign-in's stable id; it has a row each time it changed, the last one holds"),
    "account": ("text", "Account"),
    "source": ("text", "Log that told of it first"),
    "ip": ("text", "Where it came from"),
    "country": ("text", "Country"),
    "city": ("text", "City"),
    "asn": ("int64", "Network of the address"),
    "app": ("text", "Application"),
    "result": ("text", "success, failure or interrupt"),
    "reason_code": ("text", "The source's code for why"),
    "reason": ("text", "Why"),
    "mfa": ("text", "satisfied, denied, timed_out, none or unknown"),
    "device": ("text", "Device it came from, the network's or the provider's id"),
    "corroboration": ("text", "supported, unsupported, contradicted or unknown"),
    "because": ("text", "Why the network says so"),
    "user_agent": ("text", "Agent"),
    "correlation_id": ("text", "What ties records of one act together"),
    "session_id": ("text", "Session"),
    "category": ("text", "interactive, non_interactive, service_principal or managed_identity"),
    "raw_id": ("text", "First record's own id"),
    "begun": ("bool", "It was not seen before"),
    "revised": ("bool", "Only the network's verdict changed"),
    "body": ("text", "The whole sign-in as JSON, as `spanline signins` shows it"),
}
TABLES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "flows": FLOWS,
    "arp": ARP,
    "messages": MESSAGES,
    "events": EVENTS,
    "signins": SIGNINS,
}
"""Table → column → (type, meaning). An absent value is null. Types: int64, uint16, uint8, bool, text; time: ns, UTC."""


class Archive(Protocol):
    """Where records that were kept can be asked for."""

    @property
    def since_ns(self) -> int:
        """Event time from which on every record was kept, ns; 0 where nothing was ever left out."""

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one query in DuckDB's SQL; parameters stand for its question marks, or for `$name`."""
