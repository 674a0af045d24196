"""What could be seen at all in a run: it bounds every conclusion, so it is said first."""

import numpy as np

from baselines.keyed import KeyedTable
from baselines.walk import TWO_WAY_SHARE
from sensor.detectors.acts import by_kind
from sensor.detectors.first_contacts import WALK_NONE, contacts
from sensor.model.result import Visible
from sensor.model.tick import Tick
from sensor.model.times import TICK_NS, span

OUTSIDE_MAX = 1 << 20
"""Outside addresses told apart: half of that, then counting stops."""


OFFLOAD_SHARE = 0.05
"""Bad checksums beyond this are no damage on the wire: lossy links show under 1e-3 (Stone and Partridge 2000)."""


class Seen:
    """Counts of one run.

    Attributes:
        flows: Flows, repeated reports included.
        events: Records of identity, endpoint, mail and lease logs.
        by_site: Flows by site number.
        first_ns: Begin of the first tick, ns; None before any.
        last_ns: End of the last tick, ns.
    """

    def __init__(self, secret: int) -> None:
        self.flows = self._two_way = self._judged = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.by_site: dict[int, int] = {}
        self.events = self._signins = self._placed = 0
        self._outside = KeyedTable({}, OUTSIDE_MAX, secret)

    def observe(self, tick: Tick) -> None:
        """Count a tick."""
        flows = tick.flows
        self.first_ns = self.first_ns if self.first_ns is not None else tick.end_ns - TICK_NS
        self.last_ns = tick.end_ns
        signins = [tick.events[i] for i in by_kind(tick, "signin")]
        self.events += len(tick.events)
        self._signins += len(signins)
        self._placed += sum(one.country is not None for one in signins)
        if not len(flows):
            return
        self.flows += len(flows)
        as_contacts = contacts(tick)
        counted = (as_contacts.walk != WALK_NONE) & ((tick.orig_device >= 0) | (tick.resp_device >= 0))
        self._judged += int(counted.sum())
        self._two_way += int(as_contacts.two_way[counted].sum())
        for site, count in enumerate(np.bincount(tick.site).tolist()):
            self.by_site[site] = self.by_site.get(site, 0) + count
        for end, local in (("orig", tick.orig_local), ("resp", tick.resp_local)):
            hi, lo = flows[f"{end}_hi"][~local], flows[f"{end}_lo"][~local]
            if len(hi) and len(self._outside) + len(hi) < OUTSIDE_MAX // 2:
                self._outside.insert(np.zeros(len(hi), np.uint64), hi, lo)

    def visible(self, devices: int, *, dns: bool, late: bool, duplicates: bool, bad_checksums: float) -> Visible:
        """Say it.

        Args:
            devices: How many devices are known.
            dns: DNS was visible.
            late: Some records were older than the state.
            duplicates: Some records were in the state already.
            bad_checksums: Share of packets that were dropped for their checksums.
        """
        share = self._two_way / self._judged if self._judged else 0.0
        both = share >= TWO_WAY_SHARE
        duration = (self.last_ns or 0) - (self.first_ns or 0)
        if self.first_ns is not None and self.events and not self.flows:
            text = f"Visible: no traffic; {self._logged()} over {span(duration)}."
        elif self.first_ns is not None:
            text = (
                f"Visible: {'both directions' if both else 'one direction only'} ({share:.0%} of flows two-way), "
                f"{'DNS' if dns else 'no DNS'}, {devices} local hosts and {len(self._outside)} outside addresses, "
                f"{self.flows:,} flows{f', {self._logged()}' if self.events else ''} over {span(duration)}."
            )
            if not devices:
                text += " No address is local: name yours as local_networks in a configuration (--config)."
        elif duplicates:
            text = "Nothing new: everything in these inputs is already in the state."
        else:
            text = "Nothing was visible: no record could be read from these inputs."
        if bad_checksums > OFFLOAD_SHARE:
            text += (
                f" {bad_checksums:.0%} of the packets have bad checksums and were left out, as on a host whose network "
                "card computes them: try --ignore-checksums."
            )
        if late:
            text += " These records are older than the state: scored against it, not learned."
        return Visible(
            both_directions=both, two_way_share=round(share, 4), dns=dns, local_hosts=devices,
            outside_hosts=len(self._outside), span_s=duration / 1e9, older_than_state=late, text=text,
        )  # fmt: skip

    def _logged(self) -> str:
        """Say what logs told: sign-ins, whether they name a country, and the rest."""
        some = "" if self._placed == self._signins else ", some without a country"
        where = some if self._placed else " without a country"
        signins = f"{self._signins:,} records of sign-ins{where}" if self._signins else "no record of a sign-in"
        return f"{signins}, {self.events - self._signins:,} other records"
