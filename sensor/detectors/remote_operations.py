"""What messages do to another host: remote operations by which attackers move, and how often a workstation does them.

The endpoints and operations are those that MITRE ATT&CK and MITRE's BZAR (Zeek's detections of DCE-RPC) tell of. The
rates are assumed, as no public benign capture shows any of them; the detector replaces them by the site's own.

Not here: judging (sensor/detectors/remote_control.py).
"""

import msgspec

from sensor.model.metadata import Http
from sensor.model.protocols import AnyMessage, DceRpc, Smb

RARE = 1e-3
"""Assumed: device-days on which a host that administers nothing changes another in this way."""
SELDOM = 5e-3
"""Assumed: the same for what only looks, and for administration that people do by hand."""
PROGRAMS = (".exe", ".dll", ".sys", ".bat", ".cmd", ".ps1", ".vbs", ".js", ".msi", ".scr")


class Operation(msgspec.Struct, frozen=True):
    """A kind of remote operation."""

    number: int
    """Of its column in saved state: never reused."""
    text: str
    techniques: tuple[str, ...]
    rate: float
    least: int = 1
    """How many calls a day make it."""
    covers: tuple[int, ...] = ()
    """Numbers of what comes with it and says less."""


SERVICE = Operation(0, "created, changed or started services on", ("T1569.002",), RARE, covers=(1,))
SERVICE_QUERY = Operation(1, "asked the service manager of", ("T1007",), SELDOM)
TASK = Operation(2, "scheduled tasks on", ("T1053.005",), RARE)
REGISTRY = Operation(3, "changed or saved the registry of", ("T1112",), RARE, covers=(4,))
REGISTRY_QUERY = Operation(4, "read the registry of", ("T1012",), SELDOM)
WMI = Operation(5, "ran WMI methods on", ("T1047",), RARE, covers=(6, 7))
WMI_QUERY = Operation(6, "asked WMI of", ("T1047",), SELDOM, covers=(7,))
DCOM = Operation(7, "created DCOM objects on", ("T1021.003",), SELDOM)
SESSIONS = Operation(8, "asked who is logged on at", ("T1049",), SELDOM)
NETLOGON = Operation(9, "tried computed credentials of a machine again and again at", ("T1210",), RARE, 8)
REPLICATION = Operation(10, "asked for the directory's secrets at", ("T1003.006",), RARE)
COERCION = Operation(11, "made authenticate by the encrypting file system", ("T1187",), RARE)
SHUTDOWN = Operation(12, "shut down", ("T1529",), RARE)
EVENT_LOG = Operation(13, "cleared event logs of", ("T1070.001",), RARE)
ADMIN_SHARE = Operation(14, "mapped administrators' shares of", ("T1021.002",), SELDOM)
PROGRAM = Operation(15, "put programs on administrators' shares of", ("T1570", "T1021.002"), RARE, covers=(14,))
WINRM = Operation(16, "ran commands by Windows Remote Management on", ("T1021.006",), SELDOM)
OPERATIONS = (
    *(SERVICE, SERVICE_QUERY, TASK, REGISTRY, REGISTRY_QUERY, WMI, WMI_QUERY, DCOM, SESSIONS, NETLOGON, REPLICATION),
    *(COERCION, SHUTDOWN, EVENT_LOG, ADMIN_SHARE, PROGRAM, WINRM),
)

_BY_PREFIX: dict[str, tuple[tuple[str, Operation], ...]] = {
    "svcctl": (
        ("CreateService", SERVICE), ("CreateWowService", SERVICE), ("StartService", SERVICE),
        ("ChangeServiceConfig", SERVICE), ("DeleteService", SERVICE), ("ControlService", SERVICE), ("", SERVICE_QUERY),
    ),
    "atsvc": (("NetrJobAdd", TASK), ("NetrJobDel", TASK)),
    "ITaskSchedulerService": (("SchRpcRegisterTask", TASK), ("SchRpcRun", TASK), ("SchRpcEnableTask", TASK)),
    "winreg": (
        ("BaseRegCreateKey", REGISTRY), ("BaseRegDelete", REGISTRY), ("BaseRegSaveKey", REGISTRY),
        ("BaseRegSetValue", REGISTRY), ("BaseRegReplaceKey", REGISTRY), ("BaseRegRestoreKey", REGISTRY),
        ("BaseRegLoadKey", REGISTRY), ("BaseInitiateSystemShutdown", SHUTDOWN), ("", REGISTRY_QUERY),
    ),
    "IWbemServices": (
        ("ExecMethod", WMI), ("PutInstance", WMI), ("PutClass", WMI), ("DeleteInstance", WMI), ("", WMI_QUERY),
    ),
    "IWbemLevel1Login": (("", WMI_QUERY),),
    "IRemoteSCMActivator": (("RemoteCreateInstance", DCOM), ("RemoteGetClassObject", DCOM)),
    "IActivation": (("RemoteActivation", DCOM),),
    "srvsvc": (("NetrSessionEnum", SESSIONS),),
    "wkssvc": (("NetrWkstaUserEnum", SESSIONS),),
    "netlogon": (("NetrServerAuthenticate", NETLOGON),),
    "drsuapi": (("DRSGetNCChanges", REPLICATION),),
    "efsrpc": (("", COERCION),),
    "InitShutdown": (("BaseInitiateShutdown", SHUTDOWN),),
    "WindowsShutdown": (("WsdrInitiateShutdown", SHUTDOWN),),
    "eventlog": (("ElfrClearELF", EVENT_LOG),),
    "eventlog6": (("EvtRpcClearLog", EVENT_LOG),),
}  # fmt: skip
"""Endpoint → (beginning of the operation's name, what it is); the first that fits."""


def operation_of(message: AnyMessage) -> Operation | None:
    """Return what a message does to its responder, None where it is nothing of these."""
    if isinstance(message, DceRpc):
        called = message.operation or ""
        return next(
            (kind for begin, kind in _BY_PREFIX.get(message.endpoint or "", ()) if called.startswith(begin)), None
        )
    if isinstance(message, Smb):
        return _share(message)
    if isinstance(message, Http) and message.method == "POST":
        # Event forwarding sends to /wsman/SubscriptionManager and /wsman/subscriptions: no commands.
        path = (message.uri or "").lower()
        return WINRM if path.startswith("/wsman") and "subscription" not in path else None
    return None


def call_of(message: AnyMessage) -> tuple[str, int]:
    """Return the name of the call, for a person, and how many calls like it the message stands for."""
    if isinstance(message, DceRpc):
        return f"{message.endpoint}::{message.operation}", message.count
    if isinstance(message, Smb):
        return f"{message.path or ''} {message.name or ''}".strip(), 1
    return "POST /wsman", 1


def _share(message: Smb) -> Operation | None:
    share = (message.path or "").rpartition("\\")[2].upper()
    if share != "ADMIN$" and not (len(share) == 2 and share[0].isalpha() and share[1] == "$"):
        return None
    name = (message.name or "").lower()
    return PROGRAM if name.endswith(PROGRAMS) else ADMIN_SHARE
