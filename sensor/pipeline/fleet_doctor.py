"""What a site and its hub need of each other, looked at one by one: certificates, the address, the way between.

For `doctor`, before a sensor is started. A site asks its hub what it has, and sends nothing; a hub binds its address,
and lets go of it again. A certificate that is good for less than EXPIRES_DAYS is a lack.
"""

import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sensor.config import Config, listen_address
from sensor.errors import Permanent
from sensor.pipeline import bundle_settings
from sensor.pipeline.examining import Look
from sensor.pipeline.site_feed import source_of
from sensor.pipeline.site_nats_ends import look
from sensor.pipeline.uplink import hub_of, probe, settings_of
from sensor.sources.site import settings_of as source_settings
from sensor.wire.site_https import site_of
from sensor.wire.syslog_server import server_context

EXPIRES_DAYS = 14
"""To make and bring another certificate to a place without a link."""
MAKE = "docs/fleet.md says how to make certificates"


def looked(config: Config, now: dt.datetime) -> Iterator[Look]:
    """Look at what a configuration's hub or sites need.

    Args:
        config: The configuration.
        now: Time of day.
    """
    source, sink = source_of(config), hub_of(config)
    if source is not None and source_settings(source.options).listen:
        yield from _receiving(f"source {source.name} (site)", config, now)
    if source is not None and source_settings(source.options).nats:
        what = f"source {source.name} (site): nats"
        try:
            yield Look(what=what, ok=True, why=look(source_settings(source.options)))
        except (OSError, Permanent) as error:
            yield Look(what=what, ok=False, why=str(error), remedy="check the server (docs/nats), and the password")
    if source is not None and (folder := source_settings(source.options).folder):
        what = f"source {source.name} (site): bundles"
        try:
            yield Look(what=what, ok=True, why=bundle_settings.look(config, Path(folder)))
        except (OSError, Permanent) as error:
            yield Look(what=what, ok=False, why=str(error), remedy="docs/bundles.md says how keys are made and listed")
    if sink is not None:
        what = f"sink {sink.name} (site)"
        if settings_of(sink).url:
            yield _certificate(f"{what}: certificate", settings_of(sink).cert, now, config.site)
        try:
            yield Look(what=what, ok=True, why=probe(config))
        except (OSError, Permanent) as error:
            remedy = "check the hub's address, what is between, and that it has [sites] of this name"
            yield Look(what=what, ok=False, why=str(error), remedy=remedy)


def _receiving(what: str, config: Config, now: dt.datetime) -> Iterator[Look]:
    source = source_of(config)
    assert source is not None  # noqa: S101 - asked where there is one
    settings = source_settings(source.options)
    yield _certificate(f"{what}: certificate", settings.cert, now, None)
    try:
        server_context(settings.cert, settings.key, settings.ca)
        yield Look(what=f"{what}: TLS", ok=True)
    except OSError as error:
        yield Look(what=f"{what}: TLS", ok=False, why=f"cert, key or ca cannot be used: {error}", remedy=MAKE)
    host, port = listen_address(f"sources.{source.name}", settings.listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
        yield Look(what=f"{what}: {settings.listen}", ok=True, why=f"{len(config.sites)} sites may push")
    except OSError as error:
        remedy = "is a sensor running already? Else name an address of this machine, and a port that is free"
        yield Look(what=f"{what}: {settings.listen}", ok=False, why=str(error.strerror), remedy=remedy, needed=False)


def _certificate(what: str, path: str, now: dt.datetime, site: str | None) -> Look:
    """Look at how long a certificate is good, and whether it names the site that it should."""
    try:
        found = x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        return Look(what=what, ok=False, why=f"{path}: {error}", remedy=MAKE)
    days = (found.not_valid_after_utc - now).days
    why = f"until {found.not_valid_after_utc:%Y-%m-%d}, {days} days"
    if days < EXPIRES_DAYS:
        return Look(what=what, ok=False, why=why, remedy=f"make another; {MAKE}", needed=days < 0)
    if site is not None and (named := site_of(_as_shown(found))) != site:
        return Look(what=what, ok=False, why=f"it names {named or 'no site'}; this is {site}", remedy=MAKE)
    return Look(what=what, ok=True, why=why)


def _as_shown(certificate: x509.Certificate) -> dict[str, object]:
    """Return a certificate as `ssl` shows one, as far as a site is named by it."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = tuple(("URI", uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier))
    except x509.ExtensionNotFound:
        uris = ()
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return {"subjectAltName": uris, "subject": tuple((("commonName", str(one.value)),) for one in common)}
