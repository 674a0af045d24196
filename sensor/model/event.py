"""Normalised events: one record of an identity, endpoint, mail, VPN or lease log, whatever product wrote it.

The JSON of an Event is the program's outside (`spanline events`): fields may be added, none renamed or dropped. An
absent value is None, never 0 or an empty text.

`detail` holds what only some kinds have, under these names, so that who reads it need not know the product:

- connection: `orig_h orig_p resp_h resp_p` (who opened it), `proto` (tcp, udp, icmp), `process`, `pid`, `initiated`,
  `orig_bytes`, `resp_bytes`, `resp_name`.
- lease (DHCP, VPN, RADIUS): `mac`, `host_name`, `assigned_addr`, `public_addr` (where the VPN client came from),
  `lease_time_s`, `ended` (True where the record ends the lease).
- logon (Kerberos, NTLM, Windows, SSH …): `logon_type` (Windows' word: Interactive, Network, RemoteInteractive …),
  `package`, `workstation`, `target` (the host logged on to), `process`. `ip` and `device_name` are where the logon came
  from, never `target` where that is another machine.
- connection, logon and process: `ended` (True where the record is of the end).
- a name asked for (DNS, kind other): `query`, `answers` [], `process`, `pid`.
- mail_rule: `rule`, `moves_to`, `marks_read`, `deletes`, `stops`, `forwards_to` [], `redirects_to` [], `senders` [],
  `words` [], `enabled`, `mailbox`, `copies_to`, `keeps_copy` (of what is sent on), `condition`, `operation`.
- mailbox: `folders` [], `items` n, `message_ids` [], `subjects` [], `logon_type` (owner, admin, delegate), `mailbox`,
  `client`, `access` (Bind, Sync), `throttled`, `changed` (properties of the messages) [].
- file: `file`, `folder`, `site_url`, `label`, `file_id`, `file_type`, `owner`, `targets` [] (whom it was shared with),
  `visibility_change` (external, internal, none), `new_access`, `target_domain`.
- email: `message_id`, `network_message_id`, `sender`, `recipients` [], `subject`, `direction`, `delivery` (delivered,
  junked, blocked, quarantined …), `location`, `threats` [], `sender_ip`, `url`, `clicked`, `file`, `sha256`, `size`,
  `policy`, `trigger`, `released_by` [], `released_to` [].
- process: `process`, `command_line`, `parent`, `pid`.
- admin, consent: `targets` [], `changes` {name: new value}, `actor_app`, `scopes` [].
- any kind with a device inventory: `macs` [], `addresses` [], `public_addr`, `logged_on` [], `os_version`.
- signin: `event_category` (interactive, non_interactive, service_principal, managed_identity), `risk`, `risk_state`
  (atRisk, dismissed …), `risk_events` [], `known_place`, `mfa_detail`, `asn_name`, `is_proxy`, `latitude`, `longitude`,
  `policy`, `behaviors` [] (what the provider itself found new), `client_app`, `protocol` (devicecode), `token_id`,
  `device_token` (a browser's or device's, where it has no id), `trust_type` and `compliant` (the device's),
  `auth_device`, `auth_addr` (what the second factor was given on, and from where).
- a device's lock (Google): `attempts`.
"""

from typing import Any

import msgspec

EVENT_KINDS = (
    *("signin", "mail_rule", "mailbox", "file", "admin", "consent", "process", "connection", "logon", "email"),
    *("lease", "other"),
)
"""What an event can be; an operation that no reader knows is `other`."""
OUTCOMES = ("success", "failure", "interrupt", "unknown")
MFA = ("satisfied", "denied", "timed_out", "none", "unknown")
"""`none`: a single factor was asked for; `unknown`: the record says nothing."""
SIGNIN_SOURCES = ("entra", "m365", "okta", "google", "duo", "adfs", "onelogin", "auth0")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `account` is folded already: lower-case UPN if known, else user@realm, else the name."""

    ts: int
    """ns since 1970, when it happened (not when it was logged)."""
    source: str
    kind: str
    """One of EVENT_KINDS."""
    action: str
    """The source's own word."""
    outcome: str = "unknown"
    """One of OUTCOMES."""
    reason_code: str | None = None
    reason: str | None = None
    account: str | None = None
    account_id: str | None = None
    ip: str | None = None
    port: int | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case, where the source says so; else its own text."""
    city: str | None = None
    asn: int | None = None
    mfa: str | None = None
    """One of MFA; None where the event is no sign-in."""
    app: str | None = None
    resource: str | None = None
    user_agent: str | None = None
    os: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    managed: bool | None = None
    session_id: str | None = None
    correlation_id: str | None = None
    object: str | None = None
    """What was acted on: a file, a rule, a user, a policy."""
    detail: dict[str, Any] = msgspec.field(default_factory=dict)
    raw_id: str | None = None
    """The record's own id: the same id from the same source is the same record."""
    input: int = 0
    """Number of the input it came from."""
    row: int = 0
    """Ordinal of the record in its input, from 0."""
