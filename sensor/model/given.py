"""What a hub gives back to one of its sites: small typed things, each under a key of its own.

A later one under the same key takes the place of an earlier; one that comes twice changes nothing. They come in the
order in which the hub gave them, some for the second time where the hub or the site was put back from a backup. Written
as arrays (msgpack): a later release may only add fields at the end of a Struct, and a kind that a site does not know is
counted and passed over. Not here: how they get there (`sensor.store.returns`, `sensor.wire.site_return`).
"""

import msgspec

from sensor.model.fleet_part import FleetPart, FleetPool
from sensor.model.order import Outcome, Wanted

GIVEN_MAX = 64 << 10
"""Bytes of one, as it is written."""
KEY_MAX = 128
"""Characters of a key."""


class _Given(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    ts: int
    """Event time at the hub when it was given, ns."""


class Order(_Given, frozen=True, kw_only=True, array_like=True, tag="o"):
    """A response that was decided at the hub, and is executed once, where its connector is: at the site."""

    wanted: Wanted


class Became(_Given, frozen=True, kw_only=True, array_like=True, tag="r"):
    """What became of an order that the site gave the hub."""

    outcome: Outcome


class FleetPopular(_Given, frozen=True, kw_only=True, array_like=True, tag="p"):
    """How common things are in the fleet."""

    part: FleetPart


class FleetCalibrated(_Given, frozen=True, kw_only=True, array_like=True, tag="k"):
    """How the scores of a statistic are distributed in the fleet."""

    pool: FleetPool


class Judged(_Given, frozen=True, kw_only=True, array_like=True, tag="j"):
    """What the hub says of a sign-in that an incident of the site holds, by the presence of all sites."""

    evidence: tuple[str, ...]
    """Ids of the site's own evidence in that incident."""
    verdict: str
    by: str = ""
    """Site whose presence it rests on, where that is one."""
    text: str


AnyGiven = Order | Became | FleetPopular | Judged | FleetCalibrated


class Place(msgspec.Struct, frozen=True):
    """How far a site has what it was given: a sequence, in an epoch of the hub's."""

    epoch: int = 0
    sequence: int = 0


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """One thing on its way, with its place in the order of its site."""

    epoch: int
    """Which life of the hub's program wrote it: a hub that is put back from a backup uses its numbers again."""
    sequence: int
    key: str
    body: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[AnyGiven] = msgspec.msgpack.Decoder(AnyGiven)


def encode(given: AnyGiven) -> bytes:
    """Write one thing. Raises ValueError: it is longer than any may be."""
    body = _ENCODER.encode(given)
    if len(body) > GIVEN_MAX:
        raise ValueError(f"{type(given).__name__} of {len(body)} bytes for a site; at most {GIVEN_MAX}")
    return body


def decode(body: bytes) -> AnyGiven | None:
    """Read one thing; None where it is of a kind, or shape, that this release does not know."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):  # msgspec.ValidationError is a DecodeError
        return None
