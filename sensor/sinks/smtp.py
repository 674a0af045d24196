"""Incidents as mail: one when an incident begins, one when its tier changes, one when it is over.

What a growing incident gathers between is in the next mail and on its page; a mail an evidence would be muted by those
it is for. `Message-ID` is made of the version's id, so that what came twice is one mail in most mailboxes, and
`References` of the incident's, so that its mails are one conversation. Plain text alone (RFC 5322, 2045); a header
cannot be continued by what a hostname holds. TLS is verified; without it mail goes to loopback alone.
"""

import contextlib
import email.policy
import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Literal

from sensor.errors import Malformed, Permanent, Transient
from sensor.model.incident import Incident
from sensor.model.sink import Delivery, Fit, Options, SecretPlace, page_of
from sensor.model.text import clean

SUBJECT_MAX, LINE_MAX, EVIDENCE_MAX = 120, 900, 10
"""Subject as mail programs show it; a line as RFC 5321 §4.5.3.1.6 allows; the rest is on the incident's page."""
SILENCE_S = 30.0
"""RFC 5321 §4.5.3.2 asks for minutes; the delivery tries again by itself."""


class Settings(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the mail server."""

    host: str = ""
    """The server's name, as its certificate has it."""
    port: int = 0
    """0: 465 for tls, 587 for starttls, 25 for none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` on loopback alone."""
    user: str = ""
    """Who signs in there; empty: nobody does."""
    password: SecretPlace | None = None
    sender: str = ""
    """Address the mail is from."""
    to: tuple[str, ...] = ()
    """Addresses it goes to."""
    ca_file: str | None = None
    """Certificates that vouch for the server, PEM, in place of the system's."""


def problem(settings: Settings) -> str | None:
    """Say what will not do about the options, None where nothing."""
    if not (settings.host and settings.sender and settings.to):
        return "needs host, sender and to"
    for address in (settings.sender, *settings.to):
        try:
            found = Address(addr_spec=address)
        except (ValueError, IndexError, AttributeError):
            return f"{address!r} is no address of mail"
        if not found.domain:
            return f"{address!r} is no address of mail"
    if settings.security == "none" and settings.host not in {"localhost", "127.0.0.1", "::1"}:
        return 'security = "none" is for loopback alone'
    if bool(settings.user) != bool(settings.password):
        return "needs user and password together"
    return None


def build(settings: Settings, fit: Fit) -> "Smtp":
    """Make the sink."""
    return Smtp(settings, fit)


class Smtp:
    """One mail server; a connection a mail, as servers close idle ones."""

    most, repeat_s = 1, 0.0

    def __init__(self, settings: Settings, fit: Fit) -> None:
        self._settings, self._fit = settings, fit
        self._tls = ssl.create_default_context(cafile=settings.ca_file)

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Send what is worth a mail; notes of each what it said. Raises OSError, Malformed, Permanent."""
        notes = []
        for one in deliveries:
            note = f"{one.incident.tier} {one.incident.state} {one.incident.verdict or ''}".strip()
            if note != one.before:
                self._mail(mail(one, self._settings, now_ns))
            notes.append(note)
        return notes

    def probe(self) -> str:
        """Connect and sign in. Raises OSError, Permanent."""
        with self._connected() as server:
            server.noop()
        return f"{self._settings.host} takes mail from {self._settings.sender}"

    def close(self) -> None:
        """Nothing is open."""

    def _mail(self, message: EmailMessage) -> None:
        with self._connected() as server:
            try:
                server.send_message(message, self._settings.sender, self._settings.to)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
                raise _judged(error) from error

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or {"tls": 465, "starttls": 587, "none": 25}[settings.security]
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, port, timeout=SILENCE_S, context=self._tls)
        else:
            server = smtplib.SMTP(settings.host, port, timeout=SILENCE_S)
        with contextlib.ExitStack() as failed:
            failed.callback(server.close)
            if settings.security == "starttls":
                server.starttls(context=self._tls)
            if settings.password is not None:
                try:
                    server.login(settings.user, self._fit.secret(settings.password))
                except smtplib.SMTPAuthenticationError as error:
                    raise Permanent(f"{settings.host} does not take the credentials: {error.smtp_code}") from error
            failed.pop_all()
        return server


def _judged(error: smtplib.SMTPException) -> Exception:
    """Tell a refusal for now (4yz, RFC 5321 §4.2.1) from one of this mail, and from one of all mail."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        if any(code < 500 for code in codes):
            return Transient(f"no recipient is taken for now: {codes}")
        return Permanent(f"no recipient is taken: {codes}")
    if not isinstance(error, smtplib.SMTPResponseException) or error.smtp_code < 500:
        return Transient(f"refused for now: {error}")
    if isinstance(error, smtplib.SMTPDataError):
        return Malformed(f"the mail is refused: {error.smtp_code}")
    return Permanent(f"the sender is refused: {error.smtp_code}")


def mail(one: Delivery, settings: Settings, now_ns: int) -> EmailMessage:
    """Write the mail of one version of an incident."""
    incident, domain = one.incident, settings.sender.rpartition("@")[2]
    over = "" if incident.state == "open" else f"{incident.verdict or incident.state}: "
    made = EmailMessage(email.policy.SMTP)
    made["Subject"] = clean(f"[{incident.tier} {', '.join(incident.sites)}] {over}{incident.title}", SUBJECT_MAX)
    made["From"], made["To"] = settings.sender, ", ".join(settings.to)
    made["Date"] = datetime.fromtimestamp(now_ns // 10**9, UTC)
    made["Message-ID"] = f"<{one.id}@{domain}>"
    made["References"] = made["In-Reply-To"] = f"<{incident.id}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
    made.set_content("\n".join(_lines(incident, page_of(settings.console_url, incident.id))), cte="quoted-printable")
    return made


def _lines(incident: Incident, page: str) -> list[str]:
    more = len(incident.evidence) - EVIDENCE_MAX
    lines = [
        incident.title, "", incident.summary, "", f"Check first: {incident.next_check}" if incident.next_check else "",
        f"{incident.id}, {incident.tier}, {incident.state}, {incident.score_db:+.1f} dB, site "
        + ", ".join(incident.sites),
        f"Verdict: {incident.verdict}, {incident.reason or ''}" if incident.verdict else "",
        f"Techniques: {', '.join(incident.techniques)}" if incident.techniques else "", page, "", "Evidence:",
        *(f"- {one.ts[:19]}Z {one.db:+.1f} dB: {one.text}" for one in incident.evidence[:EVIDENCE_MAX]),
        f"- and {more} more" if more > 0 else "",
        *(f"Against it: {one}" for one in incident.counter_evidence),
    ]  # fmt: skip
    return [clean(line, LINE_MAX) for line in lines]
