"""One event-time tick as detectors see it, and what a detector is.

Everything is columns in event-time order. `site` numbers index the run's list of sites; device numbers are rows of the
device table, -1 where an address is no device (outside, multicast, or never seen to send).
"""

from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.account import SignInSeen
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.fleet_part import FleetPool, FleetUse
from sensor.model.protocols import AnyMessage
from sensor.model.result import Coverage


class Contacts(msgspec.Struct):
    """Each flow of a tick as a first contact would be judged; columns of shape (n,)."""

    walk: NDArray[np.uint8]
    """Which walk it belongs to: TCP, UDP, ICMP echo, or none."""
    outcome: NDArray[np.int8]
    """1 failed, 0 answered, −1 says nothing."""
    two_way: NDArray[np.uint8]
    """1: both sides were seen sending."""
    one_sided: NDArray[np.bool_]
    """It shows that only one of its sides can be seen."""


class Sides(msgspec.Struct):
    """What the ends of a tick's flows are; columns of shape (n,), bool."""

    sent: NDArray[np.bool_]
    """The originator was seen sending."""
    replied: NDArray[np.bool_]
    """The responder was."""
    orig_single: NDArray[np.bool_]
    """The originator's address can be a single host's: no multicast, broadcast, loopback, nor unspecified."""
    resp_single: NDArray[np.bool_]


class Spoken(msgspec.Struct):
    """Services of a tick's flows."""

    texts: list[bytes]
    """As Zeek writes them, in order of their bytes, each once."""
    number: NDArray[np.int64]
    """Which of them is each flow's, shape (n,)."""


class Uses(msgspec.Struct):
    """What devices used in a tick (`sensor.detectors.usage`); columns of shape (n,)."""

    flow: NDArray[np.int64]
    """Place of the flow in the tick."""
    category: NDArray[np.int64]
    device: NDArray[np.int64]
    key: NDArray[np.uint64]
    """First word of the keys: device and category."""
    hi: NDArray[np.uint64]
    """The thing, a destination or a service, as two words; `lo` is the second."""
    lo: NDArray[np.uint64]

    def at(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Uses":
        """Return some of them."""
        return Uses(
            self.flow[which], self.category[which], self.device[which], self.key[which], self.hi[which], self.lo[which]
        )

    def of(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> "Uses":
        """Return the same uses of other things, shape (n,)."""
        return Uses(self.flow, self.category, self.device, self.key, hi, lo)


class Tick(msgspec.Struct):
    """Records that were complete by `end_ns` and not by the tick before. n flows, m ARP messages, k messages."""

    end_ns: int
    flows: NDArray[np.void]
    """dtype FLOW, shape (n,)."""
    site: NDArray[np.int32]
    orig_device: NDArray[np.int32]
    resp_device: NDArray[np.int32]
    orig_local: NDArray[np.bool_]
    resp_local: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    """False where the row repeats a uid whose earlier report was seen (an `interval` row came before)."""
    arp: NDArray[np.void]
    """dtype ARP, shape (m,)."""
    arp_site: NDArray[np.int32]
    arp_device: NDArray[np.int32]
    """Who sent it."""
    arp_input: NDArray[np.int32]
    """Number of the input it came from."""
    messages: list[AnyMessage]
    message_device: NDArray[np.int32]
    """Device of `orig_h`, shape (k,)."""
    message_site: list[int] = msgspec.field(default_factory=list)
    contacts: Contacts | None = None
    """Filled in by the first detector that asks."""
    sides: Sides | None = None
    """Filled in by the first that asks."""
    spoken: Spoken | None = None
    """Filled in by the first detector that asks."""
    uses: Uses | None = None
    """Filled in by the first detector that asks."""
    events: list[Event] = msgspec.field(default_factory=list)
    """Identity, endpoint, mail and lease events, in order of time."""
    event_site: list[int] = msgspec.field(default_factory=list)
    event_device: NDArray[np.int32] = msgspec.field(default_factory=lambda: np.empty(0, np.int32))
    """Device that the event is about (by its device id, name or inside address), −1 where none is known."""
    merged: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """(row, row that stands for it from now on) of devices told apart before; the first gets no more records."""
    destinations: dict[int, str] = msgspec.field(default_factory=dict)
    """Host a client asked a proxy for, by flow (its place in `flows`): behind a proxy that is the destination."""
    processes: dict[int, tuple[str | None, str | None]] = msgspec.field(default_factory=dict)
    """Program and user of a flow, by its place in `flows`, where its endpoint told of it."""
    event_account: NDArray[np.int32] = msgspec.field(default_factory=lambda: np.empty(0, np.int32))
    """Account that acted in each event, −1 where none is known."""
    signins: list[SignInSeen] = msgspec.field(default_factory=list)
    """Sign-ins that began or changed, in order of time; `events` holds their rows too."""
    frozen_accounts: NDArray[np.bool_] = msgspec.field(default_factory=lambda: np.empty(0, np.bool_))
    """Account rows that must not be learned from, as `flagged` is for devices; filled in before `learn`."""
    kinds: dict[str, list[int]] | None = None
    """Places of `events` by kind, in order; filled in by the first detector that asks."""
    learn: bool = True
    """False for records older than the state, and before the learning may start."""


class Names(Protocol):
    """What a detector may ask about entities."""

    def count(self) -> int:
        """Return how many device rows there are."""

    def device_id(self, device: int) -> str:
        """Return the stable id of a device row."""

    def device_name(self, device: int) -> str:
        """Return its hostname as seen, else its address."""

    def device_site(self, device: int) -> str:
        """Return the site it was first seen at."""

    def locate(self, site: int, address: str) -> int:
        """Return the device row that has an address now, −1 where none has."""

    def address_name(self, hi: int, lo: int) -> str | None:
        """Return the name DNS, TLS or HTTP gave an address, None if unnamed."""

    def fleet_use(self, kind: int, hi: int, lo: int, own: int) -> FleetUse | None:
        """Return how common a thing is at the fleet's other sites; None where it is not, or nobody knows.

        Args:
            kind: DESTINATION or FINGERPRINT of `sensor.model.fleet_part`.
            hi: The thing's two words, with `lo`.
            own: How many devices here have it.
        """

    def fleet_pool(self, statistic: str) -> FleetPool | None:
        """Return how a statistic's scores are distributed in the fleet; None where nobody knows."""

    def is_router(self, device: int) -> bool:
        """Tell whether many addresses stand behind its MAC."""

    def history_ns(self, device: int) -> int:
        """Return for how long it has been known, event time."""

    def site_name(self, site: int) -> str:
        """Return a site number's name."""

    def site_devices(self, site: int) -> int:
        """Return how many devices a site has."""

    def utc_offset_s(self, ts: int) -> int:
        """Return how far local time is ahead of UTC at a time (ns), s."""

    def input_path(self, number: int) -> str:
        """Return an input number's path."""

    def account_count(self) -> int:
        """Return how many account rows there are."""

    def account_name(self, account: int) -> str:
        """Return an account's name, which is its id."""

    def account_kind(self, account: int) -> str:
        """Return user, machine or service."""

    def account_row(self, name: str) -> int:
        """Return the row of a folded name, −1 where it is not known."""

    def account_tenant(self, account: int) -> str:
        """Return the configured tenant whose domains the account's is of, else its domain, else the empty text."""

    def devices_of(self, account: int) -> list[tuple[int, str]]:
        """Return (device row, strength) of the links an account has now, the strongest first."""

    def accounts_of(self, device: int) -> list[tuple[int, str]]:
        """Return (account row, strength) of the links a device has now, the strongest first."""

    def role(self, device: int) -> str | None:
        """Return what a device is, as the inventory says it (`sensor.entities.roles`); None where that is unclear."""


class Verifier(Protocol):
    """What a detector's module offers beside `detector(names, secret)`, for `explain --verify`.

    Both repeat the computation by its naive definition, not by the kernels that made it.
    """

    def recount(self, evidence: Evidence, archive: Archive) -> float | None:
        """Return `observed` again from the archived records; None where it cannot be had from them."""

    def again(self, evidence: Evidence) -> float | None:
        """Return `p` again from the evidence's `observed` and `basis`; None where its model is another module's."""


class Detector(Protocol):
    """One behaviour. Scores a tick, then learns from it, never from what was flagged."""

    name: str
    family: str
    techniques: tuple[str, ...]
    needs: str
    """nothing, peers or history"""
    unit: str
    citation: str

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the tick against what was known before it."""

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Take the tick in. `flagged`: device rows that must not be learned from, bool, shape (devices,)."""

    def coverage(self) -> Coverage:
        """Say whether it could judge, and if not, why."""

    def save(self) -> dict[str, NDArray[np.generic]]:
        """Return its state as named arrays."""

    def load(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
