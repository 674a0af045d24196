"""What a tick's records witness of sign-ins: contacts with providers, names and flows of sites, shares opened, logons.

A contact is a provider's name asked for or greeted, an agent's word of a connection to one, or a connection that stays
open to an address which had no other name: browsers use one for minutes, and greet nobody again. Not here: what follows
from it (`corroboration`).
"""

import hashlib
from collections import OrderedDict
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensor.entities.contacts import WINDOW_NS, Contacts, provider_of
from sensor.entities.corroboration import ELSEWHERE, Corroboration
from sensor.entities.flow_states import sides
from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.entities.presence import CONTACT, DESKTOP, LOGON, SHARE
from sensor.model.event import Event
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.protocols import AnyMessage, Quic, Rdp, Smb
from sensor.model.tick import Tick
from sensor.model.times import MINUTE_NS

ADDRESSES_MAX = 65_536
"""Addresses of providers remembered."""
TOUCHES_MAX = 60
"""Contacts of one long connection: two hours."""
LATE_NS = 5 * MINUTE_NS
"""What comes so long after its time is late."""
_PRESENT = frozenset({"2", "7", "11", "13", "interactive", "unlock", "cachedinteractive", "cachedunlock"})
_AFAR = frozenset({"10", "12", "remoteinteractive", "cachedremoteinteractive"})
"""Windows logon types of somebody at the device, and of somebody on its desktop from elsewhere (event 4624)."""
_DNS_PORT = 53
_AUTOMATIC = ("sysvol", "netlogon", "ipc$", "print$")
"""Shares that Windows opens by itself: policies, logon scripts, pipes, printer drivers."""


class Where(Protocol):
    """What is asked of the devices."""

    def locate(self, site: int, address: str) -> int:
        """Return the device that has an address now, −1 where none has."""


class Witness:
    """Where records go that tell of sign-ins."""

    def __init__(self, contacts: Contacts, corroboration: Corroboration) -> None:
        """Take what they are told to."""
        self._contacts, self._corroboration = contacts, corroboration
        self._provider_at: OrderedDict[tuple[int, int, int], str] = OrderedDict()
        self._touched: list[int] = []
        self._named: list[tuple[int, int]] = []
        self._begun: list[tuple[int, int]] = []

    def hear(self, message: AnyMessage, device: int, site: int, where: Where) -> bool:
        """Take a message in; tell whether it is of a kind that shows no account."""
        if isinstance(message, Rdp):
            self._corroboration.presence.note(where.locate(site, message.resp_h), message.ts, site, DESKTOP)
            return False
        if isinstance(message, Smb):
            if device >= 0 and _opens_share(message):
                self._corroboration.presence.note(device, message.ts, site, SHARE)
            return True
        if not isinstance(message, Dns | Tls | Quic | Http):
            return False
        name = message.query if isinstance(message, Dns) else _greeted(message)
        if not name:
            return True
        provider = provider_of(name)
        self._know(message, provider, site)
        if isinstance(message, Dns) and message.orig_p == _DNS_PORT:
            return True  # the server's own flow: who asked is not its originator
        self._named.append((site, message.ts))
        if provider is not None and device >= 0:
            self._touch(provider, site, device, message.ts)
        return True

    def note(self, event: Event, device: int, site: int, account: int) -> None:
        """Take an event in that is no sign-in."""
        remote, detail = self._corroboration.remote, event.detail
        if event.kind == "lease":
            remote.lease(event, site, device, account)
            return
        if device < 0:
            return
        if detail.get("public_addr"):
            remote.report(event, device)
        name = detail.get("resp_name") or detail.get("query")
        provider = provider_of(name) if isinstance(name, str) else None
        if provider is not None:
            self._touch(provider, ELSEWHERE, device, event.ts)
        if event.kind == "logon" and event.outcome == "success" and not detail.get("ended"):
            kind = str(detail.get("logon_type") or "").lower()
            flag = LOGON if kind in _PRESENT else DESKTOP if kind in _AFAR else 0
            if flag:
                self._corroboration.presence.note(device, event.ts, ELSEWHERE, flag)

    def take(self, tick: Tick, now_ns: int) -> None:
        """Take a tick's flows in, after its messages and events."""
        flows, corroboration = tick.flows, self._corroboration
        if not len(flows) and not (self._named or self._touched or self._begun or corroboration.presence.has_notes):
            return
        self._stay_open(tick)
        begun, self._begun = [*self._begun, *corroboration.coverage.take(tick.site, flows["ts"])], []
        if self._named:
            named = np.array(self._named, np.int64)
            begun += corroboration.coverage.take(named[:, 0], named[:, 1], "names")
        hosts = {flow: _digest(host) for flow, host in tick.destinations.items()}
        leased = corroboration.remote.leased(tick.site, flows["orig_hi"], flows["orig_lo"])
        devices = corroboration.presence.take(tick, hosts, leased, now_ns)
        times = [*self._touched, *(minute * MINUTE_NS for _, minute in begun)]
        late = [ts for ts in times if ts < now_ns - LATE_NS]
        if late or len(devices):
            corroboration.late(late, devices, now_ns)
        self._touched.clear()
        self._named.clear()

    def report(self, provider: str, site: int, device: int, ts: int) -> None:
        """Take in that another sensor saw a device contact a provider."""
        self._touch(provider, site, device, ts)

    def cover(self, site: int, flows: NDArray[np.int64], names: NDArray[np.int64]) -> None:
        """Take in of which minutes since 1970 another sensor has flows, and names; int64."""
        coverage = self._corroboration.coverage
        self._begun += coverage.report(site, flows) + coverage.report(site, names, "names")

    def _touch(self, provider: str, site: int, device: int, ts: int) -> None:
        if self._contacts.touch(provider, site, device, ts):
            self._corroboration.presence.note(device, ts, site, CONTACT)
            self._touched.append(ts)

    def _know(self, message: Dns | Tls | Quic | Http, provider: str | None, site: int) -> None:
        """Remember which addresses are a provider's alone."""
        if provider is None and not self._provider_at:
            return
        for address in message.addresses if isinstance(message, Dns) else (message.resp_h,):
            where = (site, *words_of(address))
            if where[1:] == NO_ADDRESS:
                continue
            if provider is None:
                if where in self._provider_at:
                    self._provider_at[where] = ""
            elif self._provider_at.setdefault(where, provider) != provider:
                self._provider_at[where] = ""
            if len(self._provider_at) > ADDRESSES_MAX:
                self._provider_at.popitem(last=False)

    def _stay_open(self, tick: Tick) -> None:
        """Take connections to a provider that lasted for contacts as long as they did."""
        flows = tick.flows
        if not self._provider_at or not len(flows):
            return
        at = np.nonzero((tick.orig_device >= 0) & (flows["duration"] > WINDOW_NS) & sides(tick).replied)[0]
        at = at[np.isin(flows["resp_lo"][at], self._lows())] if len(at) else at
        for i in at.tolist():
            flow = flows[i]
            site, device = int(tick.site[i]), int(tick.orig_device[i])
            provider = self._provider_at.get((site, int(flow["resp_hi"]), int(flow["resp_lo"])))
            begin, end = int(flow["ts"]), int(flow["ts"] + flow["duration"])
            if provider:
                for ts in list(range(begin, end + 1, WINDOW_NS))[-TOUCHES_MAX:]:
                    self._touch(provider, site, device, ts)

    def _lows(self) -> NDArray[np.uint64]:
        return np.array([where[2] for where in self._provider_at], np.uint64)


def _greeted(message: Tls | Quic | Http) -> str | None:
    """Return the name a client greeted, or asked a proxy for."""
    if isinstance(message, Http):
        host = message.host or ""
        if message.method == "CONNECT":
            host = (message.uri or "").rpartition("/")[2] or host
        return host.rpartition(":")[0] or host if host.count(":") == 1 else host or None
    return message.server_name


def _opens_share(message: Smb) -> bool:
    """Tell whether a message is of a share that a person may have opened."""
    last = (message.path or "").rstrip("\\/").replace("/", "\\").rpartition("\\")[2].lower()
    opens = message.action == "mapping" or (message.action or "").startswith("SMB::FILE_OPEN")
    return opens and bool(last) and last not in _AUTOMATIC


def _digest(host: str) -> int:
    return int.from_bytes(hashlib.blake2b(host.lower().encode("utf-8", "replace"), digest_size=8).digest()) | 1
