"""Write docs/metrics.md and docs/configuration.md from the code: `python -m tests.tools.write_reference`.

What stands there in words is here; every name, type, default and remark of a field is the code's.
"""

import ast
import inspect
import itertools
import types
import typing
from pathlib import Path

import msgspec

from sensor import config, metrics, registry
from sensor.model import listener
from sensor.model.capture import DROP_REASONS
from sensor.model.detection import Detection
from sensor.model.event import EVENT_KINDS, MFA, SIGNIN_SOURCES
from sensor.model.guard import Guard
from sensor.model.privacy import Privacy
from sensor.model.response import MODES, STATES, VERBS
from sensor.model.sequences import SEQUENCES
from sensor.model.site_packet import KINDS as PACKETS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
NOTE = "*Written from the code by `python -m tests.tools.write_reference`: change it there.*"
HELP = {
    "site": "Name of the place that the sensor watches.",
    "state": "Folder of everything it knows; `spanline` commands read it with `--state`.",
    "local_networks": "Networks of the site's own devices.",
    "egress": "The site's public addresses or networks: by them a sign-in is known to come from there.",
    "timezone": "IANA name. Seasons of a day and a week follow it, with its summer time; output stays UTC.",
    "enabled": "Without an archive nothing can be hunted in, verified or looked back on.",
    "keep_days": "How long records are kept.",
    "limit_bytes": "The oldest records go first beyond it; incidents never do.",
    "domains": "Domains of the tenant's accounts.",
    "sites": "Sites whose network the tenant's users may be on.",
    "listen": "`address:port`.",
    "key": "File of the certificate's key, PEM, without a password.",
    "user": "Who must ask, by HTTP Basic, with `password`.",
    "password": "Its secret.",
    "client_id": "As the provider registered this console.",
    "client_secret": "Its secret.",
    "name_claim": "Claim that names a person.",
    "roles_claim": "Claim that names their groups or roles.",
    "scope": "What is asked of the provider.",
    "per_hour": "Actions by itself an hour, at most; it may be lowered.",
    "per_day": "The same a day.",
    "account_share": "Share of the accounts a day, at least one; it may be lowered.",
    "expire_s": "After that a reversible action is taken back, unless somebody keeps it.",
    "groups": 'Names → `members` and the most that may be done to them (`mode`), for some who need more care.',
    "path": "File, folder or pattern.",
    "url": "Address, HTTPS; plain HTTP only on loopback.",
    "min_tier": "Least urgent tier that is sent: page, triage or digest.",
    "proxy": "Address of an HTTP proxy on the way there.",
    "ca_file": "Certificates that vouch for the other side, PEM, in place of the system's.",
    "api_url": "Where the product is asked, if not where everybody asks it: a national cloud, a test.",
    "login_url": "The same of where it signs in.",
    "threads": "Threads that read one capture, 1 or 2.",
    "pcap.ignore_checksums": "Believe packets whose checksum is wrong, as of a capture made on the sending machine.",
    "syslog.protocol": "`udp` (the default), `tcp` or `tls`.",
    "syslog.cert": "File of the certificate that is shown to senders, PEM; for `tls`, which needs it.",
    "syslog.ca": "Certificates that vouch for senders, PEM: then only who has one of theirs may send.",
    "tenant": "Id or domain of the directory, as its own portal shows it.",
    "subject": "Administrator in whose name the service account acts.",
    "domain": "The organisation's own, as `example.okta.com`.",
    "program": "The program `nft`, if not the one on the path.",
    "timeout_s": "How long an address stays blocked if nobody takes it back sooner; by default an hour.",
    "status_url": "Asked with GET for what became of an action; of the same server as `url`.",
    "verbs": "Which of the verbs the receiver carries out.",
    "site.verbs": "What is asked for there; by default of sites what a network does, of a hub the rest.",
    "scheme": "Word before the token in the Authorization header; by default `Bearer`.",
}  # fmt: skip
"""Of keys whose name says most of it in the code, or that no struct holds; `COMPONENT.KEY` goes before `KEY`."""


def metrics_text():
    """Return docs/metrics.md."""
    one = metrics.Metrics("1")
    rows = [
        f"| `{held.name}` | {held.kind} | {', '.join(f'`{label}`' for label in held.labels)} | {held.help} |"
        for held in (*one.declared, *metrics.PROCESS)
    ]
    values = {
        "site": "names of the configuration, and of `SITE=` on the command line",
        "source": "type of the source: " + listed(registry.names("sensor.sources"))
        + "; of sign-ins " + listed(SIGNIN_SOURCES),
        "reason": "of captures " + listed(DROP_REASONS) + "; of logs " + listed(metrics.LOG_REASONS)
        + f", and reasons of one product's own; of sinks {listed(metrics.SINK_FAILURES)}; of sites "
        + listed(metrics.SITE_REFUSALS),
        "kind": f"of events {listed(EVENT_KINDS)}; of the spool {listed(PACKETS)}",
        "location": listed(metrics.LOCATIONS),
        "learning": listed(metrics.LEARNING),
        "detector": "name of the detector's module, or `sequence`",
        "tier": listed(metrics.TIERS),
        "rank": f"1 to {metrics.RANKS}",
        "result": listed(metrics.RESULTS),
        "corroboration": listed(metrics.VERDICTS),
        "mfa": listed(MFA),
        "connector": f"name of `[responses.NAME]`, or `{metrics.NO_CONNECTOR}`",
        "verb": listed(VERBS),
        "state": listed(STATES),
        "stage": listed(metrics.STAGES),
        "sink": "name of `[sinks.NAME]`",
        "statistic": "what is calibrated, as `volumes.bytes_out.high`",
        "alpha": "0.01, 0.001 or 0.0001",
        "table": "name of a bounded table",
        "device": "pseudonym of its host name, `host-` and 16 digits (`spanline reveal`); with `[metrics] top` alone",
        "account": "pseudonym of its user name, `account-` and 16 digits; with `[metrics] top` alone",
    }  # fmt: skip
    labels = {label for held in one.declared for label in held.labels} - {"version"}
    assert labels == set(values), labels ^ set(values)
    stages, delays = (
        ", ".join(f"{edge:g}" for edge in held) for held in (metrics.STAGE_BUCKETS, metrics.DELAY_BUCKETS)
    )
    return METRICS.format(
        note=NOTE, rows="\n".join(rows), values="\n".join(f"| `{name}` | {text} |" for name, text in values.items()),
        series=metrics.SERIES_MAX, stages=stages, delays=delays,
    )  # fmt: skip


def configuration_text():
    """Return docs/configuration.md."""
    parts = [
        table("", config.Config, skip=TABLES),
        table("budget", config.Budget),
        table("detection", Detection),
        section("sequences", config.Config, "sequences", [
            row(name, "number", f"{db:g}", "Decibans that this order of steps adds.") for name, db in SEQUENCES.items()
        ]),
        table("tenants.NAME", config.Tenant),
        table("archive", config.Archive),
        table("sites.NAME", config.Site),
        table("guard", Guard),
        table("privacy", Privacy),
        table("metrics", listener.MetricsListener),
        table("console", config.Console, skip=("oidc",)),
        table("console.oidc", config.Oidc),
        sources_text(),
        "## [sinks.NAME]\n\n" + SINKS + "\n\n" + "\n\n".join(
            table(name, registry.load("sensor.sinks", name).Settings, level=3,
                  said=registry.load("sensor.sinks", name).__doc__)
            for name in registry.names("sensor.sinks")
        ),
        "## [responses.NAME]\n\n" + RESPONSES.format(modes=listed(MODES), verbs=listed(VERBS)) + "\n\n" + "\n\n".join(
            response(name) for name in registry.names("sensor.responses")
        ),
    ]  # fmt: skip
    return CONFIGURATION.format(note=NOTE) + "\n\n".join(parts) + "\n"


WHOSE = "Whose records they are."
TABLES = (
    *("budget", "sequences", "tenants", "archive", "sites", "sources", "sinks", "responses", "guard", "metrics"),
    *("console", "privacy", "detection"),
)


def help_of(component, key):
    """Return what is said here of a component's key."""
    return HELP.get(f"{component}.{key}", HELP.get(key, ""))


def table(name, struct, *, level=2, skip=(), said=None):
    """Return a table's section."""
    remarks = remarks_of(struct)
    rows = [
        row(field.name, type_text(field.type), default_text(field), remarks.get(field.name, HELP.get(field.name, "")))
        for field in msgspec.structs.fields(struct) if field.name not in skip
    ]  # fmt: skip
    heading = "## Top level" if not name else f"## `[{name}]`" if level == 2 else f"### `{name}`"
    first = (said or struct.__doc__ or "").strip().partition("\n")[0]
    return f"{heading}\n\n{first}\n\n{head()}\n" + "\n".join(rows)


def section(name, struct, field, rows):
    """Return the section of a table of free names."""
    return f"## `[{name}]`\n\n{remarks_of(struct)[field]}\n\n{head()}\n" + "\n".join(rows)


def sources_text():
    """Return the sources: those that need no more than a path in one table, the others each with its own."""
    modules = {name: registry.load("sensor.sources", name) for name in registry.names("sensor.sources")}
    plain = [name for name, one in modules.items() if not (hasattr(one, "OPTIONS") or hasattr(one, "API"))]
    lines = "\n".join(f"| `{name}` | {first_line(modules[name])} |" for name in plain)
    return (
        f"## [sources.NAME]\n\n{SOURCES}\n\n| type | |\n|---|---|\n{lines}\n\nThese take more:\n\n"
        + "\n\n".join(source(name) for name in modules if name not in plain)
    )  # fmt: skip


def source(name):
    """Return a source's section."""
    module = registry.load("sensor.sources", name)
    api = getattr(module, "API", None)
    options = {"site": str, **getattr(module, "OPTIONS", {})}
    live = "what sites send, or `path`, a file of it" if name == "site" else "an interface"
    takes = live if getattr(module, "LIVE", False) else "what it receives" if getattr(
        module, "LISTENS", False
    ) else "`path`"  # fmt: skip
    if takes == "`path`":
        options = {"path": str, **options}
    settings = getattr(module, "Settings", None)
    known = {field.name: field for field in msgspec.structs.fields(settings)} if settings is not None else {}
    remarks = remarks_of(settings) if settings is not None else {}
    rows = [
        row(key, KINDS.get(of, of.__name__), default_text(known[key]) if key in known else "",
            remarks.get(key, WHOSE if key == "site" else help_of(name, key)))
        for key, of in options.items()
    ]  # fmt: skip
    if api is not None:
        needs = ", ".join(f"`{one}`" for one in (*api.needs, api.held_in))
        more = ", ".join(f"`{key}`" for key in api.options if key not in api.needs)
        rows.append(row("", "", "", f"In place of `path`, to ask the product: {needs}; beside them {more}."))
    return f"### `{name}`\n\n{first_line(module)} Reads {takes}.\n\n{head()}\n" + "\n".join(rows)


def response(name):
    """Return a response's section."""
    module = registry.load("sensor.responses", name)
    needs = {*module.NEEDS, *([module.HELD_IN] if module.HELD_IN else [])}
    rows = [row(key, KINDS.get(of, of.__name__), "needed" if key in needs else "", help_of(name, key))
            for key, of in module.OPTIONS.items()]  # fmt: skip
    if module.HELD_IN:
        rows.append(row(module.HELD_IN, "secret", "needed", "What it signs in with."))
    return f"### `{name}`\n\n{first_line(module)}\n\n{head()}\n" + "\n".join(rows)


KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false", list: "list", dict: "table"}


def type_text(of):
    """Return a type as a reader of TOML knows it."""
    origin = typing.get_origin(of)
    if origin in {types.UnionType, typing.Union}:
        return type_text(next(one for one in typing.get_args(of) if one is not type(None)))
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in typing.get_args(of))
    if origin is tuple:
        return f"list of {type_text(typing.get_args(of)[0])}"
    if origin is dict:
        return "table"
    if of in KINDS:
        return KINDS[of]
    return "secret" if set(getattr(of, "__struct_fields__", ())) == {"env", "file"} else "table"


def default_text(field):
    """Return a default as TOML has it."""
    if field.default is msgspec.NODEFAULT:
        if field.default_factory is msgspec.NODEFAULT:
            return "needed"
        found = field.default_factory()
    else:
        found = field.default
    if found is None or found in ("", (), {}):
        return ""
    if isinstance(found, bool):
        return f"`{str(found).lower()}`"
    if isinstance(found, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in found) + "]`"
    return f'`"{found}"`' if isinstance(found, str) else f"`{found:_}`" if isinstance(found, int) else f"`{found}`"


def remarks_of(struct):
    """Return the remark that stands below each field in the source, those of its parents too."""
    found = {}
    for one in reversed(struct.__mro__):
        if one is msgspec.Struct or not issubclass(one, msgspec.Struct):
            continue
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(one))).body[0].body
        for held, after in itertools.pairwise(body):
            is_remark = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(held, ast.AnnAssign) and is_remark:
                found[held.target.id] = " ".join(str(after.value.value).split())
    return found


def first_line(module):
    """Return what a module says of itself."""
    return " ".join(module.__doc__.strip().partition("\n\n")[0].split())


def head():
    """Return the head of a table of keys."""
    return "| key | is | default | |\n|---|---|---|---|"


def row(name, of, default, text):
    """Return one line of it."""
    return f"| {f'`{name}`' if name else ''} | {of} | {default} | {text.replace('|', chr(92) + '|')} |"


def listed(names):
    """Return names, in code."""
    return ", ".join(f"`{name}`" for name in names)


METRICS = """# Metrics

{note}

`spanline run` serves OpenMetrics text at `/metrics`, by default at `127.0.0.1:9477` (older Prometheus text to who
does not accept it). `replay --metrics-out FILE` writes the same at its end. Dashboards are in `grafana/`, rules in
`prometheus/`.

| metric | kind | labels | |
|---|---|---|---|
{rows}

Counters and histograms of a running sensor begin at 0 when it starts; gauges show what the state holds at once.
Every series whose labels are known exists from the start. `spanline_calibration_ratio` is 0 until there is enough
to compare. A sign-in whose verdict is revised after it was counted counts under the new one, beside the old: what
is contradicted is never missing.

Buckets of `spanline_stage_seconds`: {stages}. Of `spanline_detection_delay_seconds`: {delays}. What a running
sensor writes of its process needs Linux.

## Labels

| label | values |
|---|---|
{values}

No label ever holds an address, a user, a domain or free text: what is no name, or one more than a label has room
for, counts as `other`. So a site has at most {series:,} series, whatever is sent to it.

## Exemplars

`spanline_incidents_total` and the buckets of `spanline_detection_delay_seconds` carry the id of the incident that
moved them (`incident="INC-…"`), where whoever scrapes accepts OpenMetrics: Prometheus keeps them with
`--enable-feature=exemplar-storage`, and Grafana links them to the console
(`grafana/provisioning/datasources/spanline.yml`).

## Off loopback

There it needs TLS and a password or a token, or the sensor refuses to start:

```toml
[metrics]
listen = "10.0.0.5:9477"
cert = "/etc/spanline/metrics.pem"      # read again when it changes
key = "/etc/spanline/metrics.key"
password = {{ file = "/etc/spanline/metrics.password" }}
```

```yaml
scrape_configs:
  - job_name: spanline
    scheme: https
    tls_config: {{ca_file: /etc/prometheus/spanline-ca.pem}}
    basic_auth: {{username: prometheus, password_file: /etc/prometheus/spanline.password}}
    static_configs: [{{targets: ["10.0.0.5:9477"]}}]
```

## Dashboards

Five, in `grafana/dashboards/`: *fleet* (every site: what is open, who is silent, the budget), *site*, *device and
account*, *identity*, *sensor*. Import them, or give `grafana/provisioning/` and `grafana/dashboards/` to Grafana (11 or
newer) with `PROMETHEUS_URL` and `CONSOLE_URL` in its environment. Their colours are told apart by the colour-blind;
`?theme=dark&kiosk` after an address is for a wall. They are made by `python -m grafana`, and every expression is
tried against a real Prometheus in `tests/grafana`; in a Grafana server they have not been looked at.

`docker compose -f grafana/compose.yml up --build` brings up a sensor, Prometheus, Alertmanager and Grafana on one Linux
machine, with the demo's sixteen days as history.

## What was, in a Prometheus

A replay can write its metrics at the times at which they were true, and a Prometheus takes them in as if it had
scraped then:

```sh
spanline replay --metrics-history history.txt SYD=/logs/sydney
promtool tsdb create-blocks-from openmetrics --max-block-duration=120h history.txt /var/lib/prometheus/metrics2
```

A sample stands for each minute, or each two where there are more than two days; a day of one site is some 15 MB of
text, of which Prometheus keeps some 100 kB. It must keep that far back (`--storage.tsdb.retention.time`). Exemplars
are not taken in.
"""
CONFIGURATION = """# Configuration

{note}

One TOML file, given with `--config`; `spanline check FILE` checks it whole and prints it with every default filled
in. An unknown key is an error that names the closest one that there is. Secrets are never in it: a value that is a
*secret* is `{{ env = "NAME" }}` or `{{ file = "PATH" }}`. `SIGHUP`, or a change of the file, has a running sensor
take over what can change as it runs; it names what needs a restart.

"""
SOURCES = """The name of the table is yours; `type` names one of these. `path` is a file, a folder or a pattern,
`site` whose records they are, by default the configuration's own."""
SINKS = """Where incidents go; `type` names
one of these. See [alerting](alerting.md)."""
RESPONSES = """Who carries responses out; `type` names one of these.
`mode` is {modes}, by default the first, and `modes` a table of verbs with another; verbs are {verbs}. See
[responses](responses.md)."""


def texts():
    """Return what is written, by file name."""
    return {"metrics.md": metrics_text(), "configuration.md": configuration_text()}


if __name__ == "__main__":
    for name, text in texts().items():
        (DOCS / name).write_text(text, encoding="utf-8")
