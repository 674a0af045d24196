"""Where an address is by the sign-in records that name it, and whether nobody gets from one place to another in time.

Records place addresses by coordinates, city and country. Coordinates of addresses are right to the country and often
wrong within it (carriers and companies are placed at their seat), so inside a country the distance must be greater.
Without coordinates two countries count that are known and not near each other (`borders`); two cities do not.
"""

import math

import msgspec

from sensor.entities.borders import apart

SPEED_KM_H = 900.0
"""An airliner's cruise."""
ABROAD_KM, WITHIN_KM = 500.0, 1000.0
"""No less than these, between countries and within one: half an hour of flight is 450 km; and of the addresses that
databases place wrongly within a country most are placed at a large city some hundred kilometres away."""
_EARTH_KM = 6371.0


class Spot(msgspec.Struct, frozen=True):
    """Where an address is, as far as a record says."""

    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def is_placed(self) -> bool:
        """Whether it says enough to be far from anything."""
        return self.country is not None or self.latitude is not None

    def said(self) -> str:
        """Say it."""
        return ", ".join(filter(None, (self.city, self.country))) or (
            f"{self.latitude:.1f}, {self.longitude:.1f}" if self.latitude is not None else "an unknown place"
        )


def spot_of(country: str | None, city: str | None, latitude: object, longitude: object) -> Spot:
    """Return the place that a record gives; coordinates that are none, or the centre of the map, are left out."""
    lat, lon = (float(one) if isinstance(one, int | float) else math.nan for one in (latitude, longitude))
    if not (abs(lat) <= 90 and abs(lon) <= 180) or (lat == 0 and lon == 0):
        return Spot(country, city)
    return Spot(country, city, lat, lon)


def km_between(one: Spot, other: Spot) -> float | None:
    """Return the great-circle distance (haversine), None where one has no coordinates."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def is_too_far(one: Spot, other: Spot, hours: float) -> bool:
    """Tell whether nobody gets from one place to the other within so many hours."""
    distance = km_between(one, other)
    same = one.country is not None and one.country == other.country
    if distance is not None:
        return distance > max(WITHIN_KM if same else ABROAD_KM, SPEED_KM_H * hours)
    return one.country is not None and other.country is not None and apart(one.country, other.country)
