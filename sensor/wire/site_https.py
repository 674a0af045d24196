"""What the two ends of a site's push over HTTPS agree on.

`GET /v1/site` asks what the hub has of the site; `POST /v1/site` brings envelopes one after the other, and is answered
when they are on the hub's disk, with what it has then. 503 is an answer as well: there is no room now. A request says
what the site has of that which it is given (TAKEN), and its answer brings what follows (`wire.site_return`). Who it is,
says its certificate alone: the URI `spanline:site:NAME` among its alternative names, else its common name.
"""

import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import msgspec

from sensor.model.given import Place
from sensor.model.site_packet import problem
from sensor.wire.site_envelope import ENVELOPE_MAX

PATH = "/v1/site"
URI = "spanline:site:"
POST_MAX = 1 << 20
"""Bytes of one request: a link of 28 kbit/s brings them within REQUEST_S."""
ENVELOPES_MAX = 256
"""Of one request; each is a row that is stored."""
REQUEST_S = 300.0
"""From a request's first byte to its last."""
RETRY_S = 30
"""What a site is told to wait for room: the core takes 10 s from one commit to the next."""
SENT, HEARD = "Spanline-Sent", "Spanline-Heard"
"""Headers of a request: when the site sent it; and of the answer before, when the hub gave it and when it was heard,
each by the clock of who says it, ns since 1970. By them the hub knows how far the site's clock is off (`wire.skew`)."""
TAKEN = "Spanline-Taken"
"""Header of a request: epoch and sequence of what the site was given and has on disk. A site that knows nothing of this
does not say it, and is given nothing."""
CONTENT_TYPE = "application/vnd.spanline.envelopes"
_DIGITS = 19
"""Of a time that has 63 bits, and one more."""
assert POST_MAX > ENVELOPE_MAX  # noqa: S101 - else an envelope could never be sent


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the hub has of a site, and what became of what was sent."""

    site: str
    epoch: int
    have: int
    stored: int = 0
    duplicates: int = 0
    ahead: int = 0
    is_full: bool = False
    now_ns: int = 0
    """The hub's time of day."""
    given: bytes = b""
    """What the site is given (`wire.site_return`); there may be more behind it."""


def site_of(certificate: Mapping[str, object] | None) -> str | None:
    """Return the site that a certificate names, as `ssl` gives one that it has verified; None where it names none."""
    names = [name for name in _pairs(certificate, "subjectAltName") if name[0] == "URI" and name[1].startswith(URI)]
    if names:
        found = [unquote(name[1][len(URI) :]) for name in names]
    else:
        subject = certificate.get("subject", ()) if certificate else ()
        found = [
            value for part in (subject if isinstance(subject, tuple) else ()) for key, value in part
            if key == "commonName"
        ]  # fmt: skip
    return found[0] if len(found) == 1 and problem(found[0]) is None else None


def times_of(headers: Sequence[tuple[bytes, bytes]]) -> tuple[int, int, int] | None:
    """Return when a request was sent, an answer given and heard (0, 0: none), as its headers say it; None of none."""
    held = {name.lower(): value.split() for name, value in headers}
    words = held.get(SENT.lower().encode(), []), held.get(HEARD.lower().encode(), [b"0", b"0"])
    said = [int(one) for one in (*words[0], *words[1]) if one.isdigit() and len(one) <= _DIGITS]
    return (said[0], said[1], said[2]) if len(said) == 3 and len(words[0]) == 1 else None


def place_of(headers: Sequence[tuple[bytes, bytes]]) -> Place | None:
    """Return what a site has of that which it was given, as its headers say it; None where they do not."""
    found = [value.split() for name, value in headers if name.lower() == TAKEN.lower().encode()]
    if len(found) != 1 or len(found[0]) != 2 or not all(one.isdigit() and len(one) <= _DIGITS for one in found[0]):
        return None
    epoch, sequence = map(int, found[0])
    return Place(epoch, sequence) if max(epoch, sequence) < 1 << 63 else None


def client_context(ca_file: str, cert: str, key: str) -> ssl.SSLContext:
    """Make the site's side. Raises OSError where a file cannot be read, or is not what it should be."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key, password=lambda: "")
    return context


def batches(written: Sequence[bytes]) -> list[bytes]:
    """Join envelopes into bodies of requests."""
    bodies: list[bytes] = []
    held: list[bytes] = []
    for one in written:
        if held and (sum(map(len, held)) + len(one) > POST_MAX or len(held) == ENVELOPES_MAX):
            bodies.append(b"".join(held))
            held = []
        held.append(one)
    return [*bodies, b"".join(held)] if held else bodies


def _pairs(certificate: Mapping[str, object] | None, key: str) -> Sequence[tuple[str, str]]:
    found = certificate.get(key, ()) if certificate else ()
    return found if isinstance(found, tuple) else ()
