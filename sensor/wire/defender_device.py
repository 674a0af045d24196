"""Rows of Defender for Endpoint's and Defender for Identity's tables, as the parts of an event.

The event's address is that of the device for which the row was written (a logon's is where the logon came from); who
opened a connection stands in its detail. `AadDeviceId` is Entra's device id and `MacAddress` what DHCP sees: with them
an agent's device is joined to sign-ins and to the network. Tables:
https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-devicenetworkevents-table and the pages of its siblings.
"""

import re
from typing import Any

from sensor.model.accounts import fold
from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

_CONNECTED = frozenset({"connectionsuccess", "inboundconnectionaccepted", "httpconnectioninspected"})
_REFUSED = frozenset({"connectionfailed", "inboundconnectionblocked", "outboundconnectionblocked"})
_FROM_OUTSIDE = ("inboundconnectionaccepted", "inboundconnectionblocked", "inboundconnectionattempt")
"""The other end opened it; an acknowledgement (`InboundConnectionAcknowledged`) answers what the device opened."""
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}://)?(?:[^/@\s]{1,200}@)?([^/:?#\s]{1,253})", re.IGNORECASE)
_CHANGES = ("chang", "creat", "delet", "added", "removed", "reset", "enabled", "disabled", "modif", "set ")
"""Parts of a directory event's words that say something was changed; the others are what a controller saw."""
_MEMBERS_MAX = 1000
"""Users or addresses of one device that are kept: a terminal server has hundreds."""


def read_account(row: Fields) -> tuple[str | None, str | None]:
    """Return the row's account and its object id: the one it is about, else the one whose process did it."""
    for prefix in ("Account", "InitiatingProcessAccount", "RequestAccount"):
        name = row.text(f"{prefix}Upn")
        found = fold(name) if name else fold(row.text(f"{prefix}Name"), row.text(f"{prefix}Domain"))
        if found is not None:
            return found, row.text(f"{prefix}ObjectId", f"{prefix}Sid")
    return None, row.text("AccountObjectId", "AccountSid")


def read_connection(row: Fields) -> dict[str, Any]:
    """Return what a row of DeviceNetworkEvents says."""
    action = (row.text("ActionType") or "").lower()
    local, remote = row.address("LocalIP")[0], row.address("RemoteIP")[0]
    ports = row.port("LocalPort"), row.port("RemotePort")
    inward = action in _FROM_OUTSIDE or (row.text("AdditionalFields.direction") or "").lower() == "in"
    ends = [(local, ports[0]), (remote, ports[1])]
    (orig_h, orig_p), (resp_h, resp_p) = reversed(ends) if inward else ends
    name = _HOST.match(row.text("RemoteUrl") or "")
    protocol = (row.text("Protocol") or "").lower().removesuffix("v4").removesuffix("v6")
    return {
        "kind": "connection" if remote and local else "other",
        "outcome": "success" if action in _CONNECTED else "failure" if action in _REFUSED else "unknown",
        "ip": local,
        "port": ports[0],
        "detail": present(
            orig_h=orig_h,
            orig_p=orig_p,
            resp_h=resp_h,
            resp_p=resp_p,
            proto=protocol,
            resp_name=name[1].lower() if name else None,
            process=row.text("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            command_line=row.text("InitiatingProcessCommandLine"),
            pid=row.number("InitiatingProcessId") or None,
            initiated=not inward,
        ),
    }


def read_logon(row: Fields) -> dict[str, Any]:
    """Return what a row of DeviceLogonEvents or IdentityLogonEvents says."""
    action = (row.text("ActionType") or "").lower()
    reason = row.text("FailureReason")
    failed = "fail" in action or (reason is not None and "success" not in action)
    ip, port = read_address(row.text("RemoteIP", "IPAddress"))
    place = row.text("Location")
    return {
        "kind": "logon",
        "outcome": "failure" if failed else "success" if "success" in action else "unknown",
        "reason": reason,
        "ip": ip,
        "port": port or row.port("RemotePort", "Port"),
        "country": place.upper() if place and len(place) == 2 else place,
        "app": row.text("Application"),
        "detail": present(
            logon_type=row.text("LogonType"),
            package=row.text("Protocol"),
            workstation=row.text("RemoteDeviceName"),
            target=row.text("TargetDeviceName", "DestinationDeviceName"),
            resp_h=row.address("DestinationIPAddress")[0],
            resp_p=row.port("DestinationPort"),
            local=row.flag("AdditionalFields.IsLocalLogon"),
            asn_name=row.text("ISP"),
        ),
    }


def read_process(row: Fields) -> dict[str, Any]:
    """Return what a row of DeviceProcessEvents says."""
    return {
        "kind": "process",
        "outcome": "success",
        "detail": present(
            process=row.text("FolderPath", "FileName"),
            command_line=row.text("ProcessCommandLine"),
            pid=row.number("ProcessId"),
            parent=row.text("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            sha256=row.text("SHA256"),
        ),
    }


def read_inventory(row: Fields) -> dict[str, Any]:
    """Return what DeviceInfo and DeviceNetworkInfo know of a device."""
    users = row.each("LoggedOnUsers")[:_MEMBERS_MAX]
    logged_on = [fold(user.text("UserName"), user.text("DomainName")) for user in users]
    mac = read_mac(row.text("MacAddress"))
    public = row.address("PublicIP")[0]
    addresses = [one.address("IPAddress")[0] for one in row.each("IPAddresses")[:_MEMBERS_MAX]]
    return {
        "kind": "other",
        "ip": public,
        "os": row.text("OSPlatform"),
        "managed": row.flag("IsAzureADJoined") if row.text("JoinType") is None else True,
        "detail": present(
            public_addr=public,
            logged_on=[one for one in logged_on if one],
            macs=[mac] if mac else [],
            addresses=[one for one in addresses if one],
            gateways=row.texts("DefaultGateways")[:_MEMBERS_MAX],
            aad_device_id=row.text("AadDeviceId"),
            join_type=row.text("JoinType"),
            device_type=row.text("DeviceType"),
            os_version=row.text("OSVersion", "OSBuild"),
            adapter=row.text("NetworkAdapterType"),
        ),
    }


def read_directory(row: Fields) -> dict[str, Any]:
    """Return what Defender for Identity saw at a domain controller: a change, a query, a replication."""
    action = (row.text("ActionType") or "").lower()
    target = row.text("TargetAccountUpn", "TargetAccountDisplayName", "TargetDeviceName", "QueryTarget")
    ip, port = row.address("IPAddress")
    return {
        "kind": "admin" if row.text("QueryType") is None and any(part in action for part in _CHANGES) else "other",
        "outcome": "success",
        "ip": ip,
        "port": port or row.port("Port"),
        "app": row.text("Application"),
        "object": target,
        "detail": present(
            targets=[target] if target else [],
            target=row.text("DestinationDeviceName"),
            resp_h=row.address("DestinationIPAddress")[0],
            resp_p=row.port("DestinationPort"),
            protocol=row.text("Protocol"),
            query=row.text("Query"),
        ),
    }
