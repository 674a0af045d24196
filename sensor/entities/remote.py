"""Devices outside every site, by the public address they are at: as VPN gateways and endpoint agents tell.

A VPN lease holds from its login to its logout, at most LEASE_NS; an agent's public address for AGENT_NS around each
report. Not here: what they do there.
"""

from collections import OrderedDict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.model.event import Event
from sensor.model.times import HOUR_NS

LEASE_NS = 12 * HOUR_NS
"""As long as a link by VPN holds (`links`)."""
AGENT_NS = HOUR_NS
"""Agents report their address about hourly; a laptop that moved was on the way for longer."""
ADDRESSES_MAX = 65_536
SPANS_MAX = 64
"""Of one address: people behind one NAT. The oldest goes."""
LEASES_MAX = 65_536


class Span(msgspec.Struct):
    """A device at a public address; `kind` vpn or agent."""

    device: int
    account: int
    kind: str
    begin: int
    end: int
    assigned: tuple[int, int, int] | None = None


class Remote:
    """Spans by public address, and the addresses that VPNs have given out.

    Attributes:
        told: (public address, span) of spans that began or ended, for a hub, since they were taken; None without one.
    """

    told: list[tuple[tuple[int, int], Span]] | None = None

    def __init__(self) -> None:
        self._spans: OrderedDict[tuple[int, int], list[Span]] = OrderedDict()
        self._leased: OrderedDict[tuple[int, int, int], tuple[int, int]] = OrderedDict()

    def lease(self, event: Event, site: int, device: int, account: int) -> None:
        """Take a VPN's record in: a login, or a logout that ends it."""
        assigned = (site, *words_of(_text(event.detail.get("assigned_addr")) or event.ip))
        public = words_of(_text(event.detail.get("public_addr")))
        if assigned[1:] == NO_ADDRESS or event.outcome == "failure":
            return
        if event.detail.get("ended"):
            held = self._leased.pop(assigned, public)
            for span in self._spans.get(held, ()):
                if span.assigned == assigned and span.begin <= event.ts < span.end:
                    span.end = event.ts
                    self._tell(held, span)
            return
        if public != NO_ADDRESS:
            self._leased[assigned] = public
            self._add(public, Span(device, account, "vpn", event.ts, event.ts + LEASE_NS, assigned))
            if len(self._leased) > LEASES_MAX:
                self._leased.popitem(last=False)

    def report(self, event: Event, device: int) -> None:
        """Take an agent's public address in."""
        public = words_of(_text(event.detail.get("public_addr")))
        if public == NO_ADDRESS or device < 0:
            return
        for span in self._spans.get(public, ()):
            if span.kind == "agent" and span.device == device and event.ts <= span.end:
                span.end = max(span.end, event.ts + AGENT_NS)
                self._tell(public, span)
                return
        self._add(public, Span(device, -1, "agent", event.ts - AGENT_NS, event.ts + AGENT_NS))

    def adopt(self, public: tuple[int, int], span: Span) -> None:
        """Take a span in that somebody else saw begin, or end."""
        for one in self._spans.get(public, ()):
            if (one.device, one.kind, one.begin) == (span.device, span.kind, span.begin):
                one.end = span.end
                return
        if span.assigned is not None:
            self._leased[span.assigned] = public
            if len(self._leased) > LEASES_MAX:
                self._leased.popitem(last=False)
        self._add(public, span)

    def at(self, address: str | None, ts: int) -> list[Span]:
        """Return who was at a public address at a time."""
        return [span for span in self._spans.get(words_of(address), ()) if span.begin <= ts <= span.end]

    def is_known(self, address: str | None) -> bool:
        """Tell whether anybody was ever at a public address; at little cost."""
        return bool(self._spans) and words_of(address) in self._spans

    def leased(self, site: NDArray[np.int32], hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell which addresses a VPN has given out; columns of shape (n,)."""
        found = np.zeros(len(lo), np.bool_)
        if self._leased:
            held = np.array([where[2] for where in self._leased], np.uint64)
            for i in np.nonzero(np.isin(lo, held))[0].tolist():
                found[i] = (int(site[i]), int(hi[i]), int(lo[i])) in self._leased
        return found

    def follow(self, kept: dict[int, int]) -> None:
        """Give the spans of devices that turned out to be others to those."""
        for spans in self._spans.values():
            for span in spans:
                span.device = kept.get(span.device, span.device)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as one JSON array of bytes."""
        held = _Saved(list(self._spans.items()), list(self._leased.items()))
        return {"remote": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "remote" in state:
            held = msgspec.json.decode(state["remote"].tobytes(), type=_Saved)
            self._spans, self._leased = OrderedDict(held.spans), OrderedDict(held.leased)

    def _add(self, public: tuple[int, int], span: Span) -> None:
        spans = self._spans.pop(public, [])
        self._spans[public] = [*spans, span][-SPANS_MAX:]
        self._tell(public, span)
        if len(self._spans) > ADDRESSES_MAX:
            self._spans.popitem(last=False)

    def _tell(self, public: tuple[int, int], span: Span) -> None:
        if self.told is not None:
            self.told.append((public, span))


class _Saved(msgspec.Struct):
    spans: list[tuple[tuple[int, int], list[Span]]]
    leased: list[tuple[tuple[int, int, int], tuple[int, int]]]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
