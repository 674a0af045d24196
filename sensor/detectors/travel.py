"""Where sign-ins that succeeded were made, and which of them no aircraft could have come to from the one before.

Speeds are taken over whole ticks, roughly; only those near the limit are measured one by one. Weak by itself: VPNs,
carriers and relays move an address as far, so whoever asks (`place`) sets aside the account's own networks first. No
detector.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensor.detectors.acts import by_kind
from sensor.detectors.traits import Traits
from sensor.model.tick import Tick
from sensor.model.times import HOUR_NS

TRAVEL_KMH = 1000.0
"""Faster than an airliner's ground speed, which is about 900 km/h."""
TRAVEL_KM = 500.0
"""Databases of addresses are wrong by as much: MaxMind gives 50 to 500 km for mobile networks."""
EARTH_KM = 6371.0
_NEAR_KM = 1.0
"""Within which a distance is measured one by one: numpy's sines differ from the C library's in the last place."""


class Placed(NamedTuple):
    """A tick's sign-ins that succeeded somewhere, in order; columns of shape (n,)."""

    at: NDArray[np.int64]
    """Their places among the tick's events."""
    account: NDArray[np.int64]
    lat: NDArray[np.float64]
    """Degrees; `lon` likewise."""
    lon: NDArray[np.float64]
    ts: NDArray[np.int64]
    network: NDArray[np.uint64]

    def known(self, accounts: int) -> "Placed":
        """Return those of accounts that have a row, of `accounts` rows."""
        keep = (self.account >= 0) & (self.account < accounts)
        return self if keep.all() else self.of(np.nonzero(keep)[0])

    def of(self, which: NDArray[np.int64]) -> "Placed":
        """Return some of them, in the order asked for."""
        return Placed(
            self.at[which], self.account[which], self.lat[which], self.lon[which], self.ts[which], self.network[which]
        )


class Leap(NamedTuple):
    """A sign-in too far from the one before."""

    at: int
    """Its place among the tick's events."""
    network: int
    km: float
    hours: float


def placed_in(tick: Tick, traits: Traits) -> Placed:
    """Return where a tick's sign-ins succeeded, of those whose records give a latitude and a longitude."""
    events, at = tick.events, by_kind(tick, "signin")
    at = [i for i in at if events[i].outcome == "success" and events[i].detail.get("latitude")]
    lat = np.array([events[i].detail["latitude"] for i in at], np.float64)
    lon = np.array([events[i].detail.get("longitude", math.nan) for i in at], np.float64)
    some = np.isfinite(lat) & np.isfinite(lon)
    where = np.array(at, np.int64)[some]
    made = [events[i] for i in where.tolist()]
    return Placed(
        where, tick.event_account[where].astype(np.int64), lat[some], lon[some],
        np.array([event.ts for event in made], np.int64),
        np.array([traits.network(event.ip, event.asn) for event in made], np.uint64),
    )  # fmt: skip


def remember(placed: Placed, columns: Mapping[str, NDArray[Any]]) -> None:
    """Keep the last place of each account in the columns `lat`, `lon`, `placed_ns` and `placed_network`."""
    placed = placed.known(len(columns["lat"]))
    columns["lat"][placed.account], columns["lon"][placed.account] = placed.lat, placed.lon
    columns["placed_ns"][placed.account], columns["placed_network"][placed.account] = placed.ts, placed.network


def leaps(placed: Placed, columns: Mapping[str, NDArray[Any]]) -> list[Leap]:
    """Return the sign-ins on another network than the one before and too far from it, in order.

    Args:
        placed: The tick's.
        columns: Each account's last place, as `remember` keeps it.
    """
    placed = placed.known(len(columns["lat"]))
    order = np.argsort(placed.account, kind="stable")
    placed = placed.of(order)
    lat, lon, ts, network = (
        columns[name][placed.account] for name in ("lat", "lon", "placed_ns", "placed_network")
    )  # fmt: skip
    lat, lon = lat.astype(np.float64), lon.astype(np.float64)
    again = np.nonzero(placed.account[1:] == placed.account[:-1])[0] + 1
    lat[again], lon[again] = placed.lat[again - 1], placed.lon[again - 1]
    ts[again], network[again] = placed.ts[again - 1], placed.network[again - 1]
    other = np.nonzero((network != placed.network) & ~np.isnan(lat))[0]
    km = _distances(lat[other], lon[other], placed.lat[other], placed.lon[other])
    hours = np.abs(placed.ts[other] - ts[other]) / HOUR_NS
    near = other[(km > TRAVEL_KM - _NEAR_KM) & (km > TRAVEL_KMH * hours - _NEAR_KM)]
    found = []
    for i in near[np.argsort(order[near])].tolist():
        exact = distance_km((float(lat[i]), float(lon[i])), (float(placed.lat[i]), float(placed.lon[i])))
        passed = abs(int(placed.ts[i]) - int(ts[i])) / HOUR_NS
        if exact > TRAVEL_KM and exact > TRAVEL_KMH * passed:
            found.append(Leap(int(placed.at[i]), int(placed.network[i]), exact, passed))
    return found


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the length of a great circle between two (latitude, longitude) in degrees, by the haversine formula."""
    lat1, lon1, lat2, lon2 = (math.radians(angle) for angle in (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _distances(
    lat1: NDArray[np.float64], lon1: NDArray[np.float64], lat2: NDArray[np.float64], lon2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what `distance_km` does, of many, to a millimetre; shape (n,)."""
    lat1, lon1, lat2, lon2 = (np.radians(angle) for angle in (lat1, lon1, lat2, lon2))
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(half))), np.float64)
