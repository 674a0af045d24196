"""The configuration: one TOML file into typed, frozen Structs, checked whole before anything starts.

An unknown key is an error that names the table, the key and the closest valid one. A secret is `{ env = "NAME" }` or
`{ file = "PATH" }`, never text in the file. A server off loopback needs TLS and authentication, or is refused; a source
may receive at any address. This is the only place that reads the environment.
"""

import difflib
import ipaddress
import os
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

import msgspec

from sensor import registry
from sensor.errors import ConfigError
from sensor.model import bundle_key, listener
from sensor.model import detection as detecting
from sensor.model import privacy as private
from sensor.model.guard import Guard, problem
from sensor.model.person import read_grant
from sensor.model.response import MODES, VERBS
from sensor.model.sequences import SEQUENCES
from sensor.model.site_packet import fleet_problem

PRIVATE_NETWORKS: tuple[str, ...] = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""Default of `local_networks`: RFC 1918, 3927, 4193, 4291."""
SEQUENCE_DB_MAX = 60.0
"""As no single evidence weighs more (`baselines.evidence`)."""


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is; its text is never part of the configuration, nor shown."""

    env: str | None = None
    file: str | None = None

    def read(self) -> str:
        """Return the secret. Raises ConfigError where it is not there."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise ConfigError(f"secret: the environment has no {self.env}")
            return value
        try:
            return Path(self.file or "").read_text().strip()
        except OSError as error:
            raise ConfigError(f"secret: {self.file} cannot be read: {error.strerror}") from error


class Budget(msgspec.Struct, frozen=True):
    """How much of people's attention the program may take."""

    incidents_per_day_per_1000: float = 1.0
    """A ceiling, and never under one a day for a site."""


class Tenant(msgspec.Struct, frozen=True):
    """A SaaS tenant: its domains, and whose network its users may be on."""

    domains: tuple[str, ...] = ()
    """Domains of the tenant's accounts; its directory's realm too, if nobody owns it on the internet (`acme.local`)."""
    sites: tuple[str, ...] = ()


class Archive(msgspec.Struct, frozen=True):
    """How long and how much the archive keeps, and whether there is one."""

    enabled: bool = True
    keep_days: int = 90
    limit_bytes: int = 200_000_000_000
    incidents_keep_days: int = 0
    """How long incidents are kept after they are over, with evidence and responses; 0: for good."""


class Site(msgspec.Struct, frozen=True):
    """Another site this process ingests for."""

    egress: tuple[str, ...] = ()
    local_networks: tuple[str, ...] = PRIVATE_NETWORKS
    bundle_keys: tuple[str, ...] = ()
    """At a hub: the public keys by which the site may sign bundles, `ed25519:…`; two while one is changed."""


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenID provider that says who somebody is; who may do what is said here."""

    issuer: str
    """As the provider's own documents write it: `https://login.example.com`."""
    client_id: str
    client_secret: Secret
    roles: dict[str, str] = {}
    """Value of the claim `roles_claim` (a group, a role) → `role` or `role@SITE`. Who has none of them stays out."""
    roles_claim: str = "groups"
    name_claim: str = "preferred_username"
    scope: str = "openid profile email"
    title: str = "single sign-on"
    """What the button says."""


class Console(msgspec.Struct, frozen=True):
    """Where the console is served; off loopback only with cert and key. Who may sign in: `spanline user`, or oidc."""

    listen: str = "127.0.0.1:8477"
    cert: str = ""
    """File of the certificate and what it was signed by, PEM."""
    key: str = ""
    url: str = ""
    """Its address as browsers see it, where that is another: a proxy's, https://console.example.com."""
    oidc: Oidc | None = None


class Component(msgspec.Struct, frozen=True):
    """A source, sink or response: `type` names its module, the table's name is the user's."""

    name: str
    type: str
    options: dict[str, object] = {}
    """Everything else in its table, as the type defines it."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration with its defaults filled in."""

    site: str = "local"
    state: str = "spanline-state"
    local_networks: tuple[str, ...] = PRIVATE_NETWORKS
    egress: tuple[str, ...] = ()
    timezone: str = "UTC"
    budget: Budget = Budget()
    detection: detecting.Detection = detecting.Detection()
    sequences: dict[str, float] = {}
    """Decibans of orders of steps, where they are to be others than `sensor.model.sequences` assumes."""
    tenants: dict[str, Tenant] = {}
    archive: Archive = Archive()
    privacy: private.Privacy = private.Privacy()
    sites: dict[str, Site] = {}
    sources: dict[str, Component] = {}
    sinks: dict[str, Component] = {}
    responses: dict[str, Component] = {}
    guard: Guard = Guard()
    metrics: listener.MetricsListener = listener.MetricsListener()
    console: Console = Console()

    def networks(self) -> dict[str, tuple[str, ...]]:
        """Return the local networks of every site by name."""
        return {self.site: self.local_networks, **{name: site.local_networks for name, site in self.sites.items()}}

    def egresses(self) -> dict[str, tuple[str, ...]]:
        """Return the public addresses of every site by name."""
        return {self.site: self.egress, **{name: site.egress for name, site in self.sites.items()}}


class _Api(Protocol):
    """What a source's module says of the API by which it can be polled."""

    options: dict[str, type]
    needs: tuple[str, ...]
    held_in: str


def default() -> Config:
    """Return the configuration of an empty file."""
    return Config()


def load(path: Path, *, edges: bool = True) -> Config:
    """Read and check a configuration.

    Args:
        path: The TOML file.
        edges: Check its sources, sinks and responses too; `replay` ignores them.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    if not edges:
        raw = {key: value for key, value in raw.items() if key not in {"sources", "sinks", "responses"}}
    return build(raw)


def build(raw: Mapping[str, object]) -> Config:
    """Make a checked configuration of parsed TOML. Raises ConfigError."""
    known = [field.name for field in msgspec.structs.fields(Config)]
    _refuse_unknown("", raw, known)
    made: dict[str, object] = dict(raw)
    for kind in ("sources", "sinks", "responses"):
        tables = _table(kind, raw.get(kind, {}))
        made[kind] = {name: _component(kind, name, _table(f"{kind}.{name}", table)) for name, table in tables.items()}
    tables_of: dict[str, type[msgspec.Struct]] = {
        "budget": Budget, "detection": detecting.Detection, "archive": Archive, "privacy": private.Privacy,
        "guard": Guard, "metrics": listener.MetricsListener, "console": Console,
    }  # fmt: skip
    for key, struct in tables_of.items():
        if key in raw:
            made[key] = _convert(key, raw[key], struct)
    named: tuple[tuple[str, type[msgspec.Struct]], ...] = (("tenants", Tenant), ("sites", Site))
    for key, kind_of in named:
        tables = _table(key, raw.get(key, {}))
        made[key] = {name: _convert(f"{key}.{name}", table, kind_of) for name, table in tables.items()}
    try:
        config = msgspec.convert(made, Config, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_told("", str(error))) from error
    _check(config)
    return config


def with_console(config: Config, listen: str) -> Config:
    """Return a configuration whose console listens elsewhere. Raises ConfigError."""
    changed = msgspec.structs.replace(config, console=msgspec.structs.replace(config.console, listen=listen))
    _check(changed)
    return changed


def leaving_out(config: Config, names: Sequence[str]) -> Config:
    """Return a configuration that leaves more of detection out. Raises ConfigError."""
    told = msgspec.structs.replace(config.detection, without=(*config.detection.without, *names))
    changed = msgspec.structs.replace(config, detection=told)
    _check(changed)
    return changed


def effective(config: Config) -> dict[str, object]:
    """Return the configuration with every default filled in, for `check`; a secret shows where it is, not what."""
    shown = msgspec.to_builtins(config)
    for kind in ("sources", "sinks", "responses"):
        shown[kind] = {
            name: {"type": one.type, **msgspec.to_builtins(one.options)} for name, one in getattr(config, kind).items()
        }
    return {key: _present(value) for key, value in shown.items()}


def one_thread() -> None:
    """Keep numpy's linear algebra from starting threads, which would keep what the process gives up; before numpy."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def keep_kernels(folder: Path) -> None:
    """Have compiled kernels kept in a folder, unless the environment names one: for a user who has no home here."""
    os.environ.setdefault("SPANLINE_KERNEL_CACHE", str(folder))


def service_manager() -> tuple[str | None, float]:
    """Return the socket of the service manager and its watchdog's time, s; 0 for none (sd_notify(3))."""
    watchdog = os.environ.get("WATCHDOG_USEC", "0")
    return os.environ.get("NOTIFY_SOCKET"), int(watchdog) / 1e6 if watchdog.isdecimal() else 0.0


def listen_address(table: str, listen: str) -> tuple[str, int]:
    """Split `address:port`. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or len(port) > 5 or int(port) > 65535:
        raise ConfigError(f"[{table}] listen = {listen!r}: expected address:port, as 127.0.0.1:9477")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        return str(ipaddress.ip_address(host)), int(port)
    except ValueError as error:
        raise ConfigError(f"[{table}] listen = {listen!r}: {host!r} is no address") from error


def loopback(table: str, listen: str) -> tuple[str, int]:
    """Split `address:port`, refusing what is not on loopback. Raises ConfigError."""
    host, port = listen_address(table, listen)
    if not ipaddress.ip_address(host).is_loopback:
        raise ConfigError(
            f"[{table}] listen = {listen!r} is off loopback, which needs TLS and authentication; this release serves "
            f"neither. Use 127.0.0.1:{port} and a proxy in front of it"
        )
    return host, port


def _check(config: Config) -> None:
    """Check what types cannot say."""
    for table, networks in {
        "": config.local_networks,
        **{f"sites.{k}": v.local_networks for k, v in config.sites.items()},
    }.items():
        _each(table, "local_networks", networks, lambda text: ipaddress.ip_network(text, strict=False))
    for table, egress in {"": config.egress, **{f"sites.{k}": v.egress for k, v in config.sites.items()}}.items():
        _each(table, "egress", egress, lambda text: ipaddress.ip_network(text, strict=False))
    if config.budget.incidents_per_day_per_1000 <= 0:
        raise ConfigError("[budget] incidents_per_day_per_1000 must be above 0")
    _refuse_unknown("sequences", config.sequences, list(SEQUENCES))
    for name, db in config.sequences.items():
        if not 0.0 <= db <= SEQUENCE_DB_MAX:
            raise ConfigError(f"[sequences] {name} = {db:g}: expected decibans from 0 to {SEQUENCE_DB_MAX:g}")
    if config.timezone != "UTC" and config.timezone not in zoneinfo.available_timezones():
        close = _closest(config.timezone, sorted(zoneinfo.available_timezones()))
        raise ConfigError(f"timezone = {config.timezone!r} is no IANA time zone{close}")
    for name in (config.site, *config.sites):
        if not name or any(character in name for character in "=/\n"):
            raise ConfigError(f"site name {name!r}: must not be empty nor contain '=', '/' or a line end")
    for name, tenant in config.tenants.items():
        for site in tenant.sites:
            if site != config.site and site not in config.sites:
                close = _closest(site, [config.site, *config.sites])
                raise ConfigError(f"[tenants.{name}] sites: there is no site {site!r}{close}")
    kinds = ([one.type for one in tables.values()] for tables in (config.sources, config.sinks))
    fleet = "sites", fleet_problem(config.site, config.sites, *kinds)
    found = "detection", detecting.problem(config.detection, registry.names("sensor.detectors"))
    for table, wrong in (fleet, found, ("guard", problem(config.guard)), ("privacy", private.problem(config.privacy))):
        if wrong is not None:
            raise ConfigError(f"[{table}] {wrong}")
    host, _ = listen_address("metrics", config.metrics.listen)
    wrong = listener.problem(config.metrics, is_loopback=ipaddress.ip_address(host).is_loopback)
    if wrong is not None:
        raise ConfigError(f"[metrics] {wrong}")
    _check_console(config.console)
    wrong = bundle_key.problem({name: site.bundle_keys for name, site in config.sites.items()})
    if wrong is not None:
        raise ConfigError(wrong)


def _check_console(console: Console) -> None:
    """Refuse to serve passwords in the clear where others can listen, and roles that there are not."""
    host, port = listen_address("console", console.listen)
    if bool(console.cert) != bool(console.key):
        raise ConfigError("[console] needs cert and key together")
    if not console.cert and not ipaddress.ip_address(host).is_loopback:
        raise ConfigError(
            f"[console] listen = {console.listen!r} is off loopback, which needs TLS (cert and key); or use "
            f"127.0.0.1:{port} and a proxy in front of it, whose address is url"
        )
    if console.url and not console.url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise ConfigError(f"[console] url = {console.url!r}: expected https://…")
    oidc = console.oidc
    if oidc is None:
        return
    if not oidc.issuer.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise ConfigError(f"[console.oidc] issuer = {oidc.issuer!r}: expected https://…")
    if (oidc.client_secret.env is None) == (oidc.client_secret.file is None):
        raise ConfigError('[console.oidc] client_secret: expected { env = "NAME" } or { file = "PATH" }')
    for group, grant in oidc.roles.items():
        try:
            read_grant(grant)
        except ValueError as error:
            raise ConfigError(f"[console.oidc] roles: {group} = {grant!r}: {error}") from error
    if not oidc.roles:
        raise ConfigError("[console.oidc] needs roles: which group of the provider's may do what here")


def _component(kind: str, name: str, table: Mapping[str, object]) -> Component:
    place = f"{kind}.{name}"
    of = table.get("type")
    if not isinstance(of, str):
        raise ConfigError(f'[{place}] needs type = "…", the name of a {kind[:-1]}')
    known = registry.names(f"sensor.{kind}")
    if of not in known:
        there = ", ".join(known) or "none"
        raise ConfigError(
            f"[{place}] type = {of!r}: no such {kind[:-1]} in this release (it has: {there}){_closest(of, list(known))}"
        )
    module = registry.load(f"sensor.{kind}", of)
    if kind == "responses":
        return _response(place, name, of, module, table)
    if kind == "sinks":
        return _sink(place, name, of, module, table)
    api: _Api | None = getattr(module, "API", None)
    options: dict[str, type] = {"path": str, "site": str, **getattr(module, "OPTIONS", {})}
    if getattr(module, "LISTENS", False):
        options["unauthenticated"] = bool
    if api is not None:
        options |= {**api.options, api.held_in: dict}
    _refuse_unknown(place, table, ["type", *options])
    for key, wanted in options.items():
        if key in table and not isinstance(table[key], wanted):
            raise ConfigError(f"[{place}] {key} must be of type {wanted.__name__}")
    if getattr(module, "LIVE", False):
        wrong = module.problem(table)
        if wrong is not None:
            raise ConfigError(f"[{place}] {wrong}")
    elif getattr(module, "LISTENS", False):
        _check_listening(place, table, getattr(module, "problem", None))
    elif "path" not in table:
        _check_polled(place, table, api)
    return Component(name, of, {key: value for key, value in table.items() if key != "type"})


def _sink(place: str, name: str, of: str, module: ModuleType, table: Mapping[str, object]) -> Component:
    """Check a sink by its module's own Struct; its options are held with every default filled in."""
    options = {key: value for key, value in table.items() if key != "type"}
    _refuse_unknown(place, options, [field.name for field in msgspec.structs.fields(module.Settings)])
    made = _convert(place, options, module.Settings)
    wrong = module.problem(made)
    if wrong is not None:
        raise ConfigError(f"[{place}] {wrong}")
    held = msgspec.to_builtins(made)
    return Component(name, of, {key: _without_absent(value) for key, value in held.items() if value is not None})


def _present(value: object) -> object:
    """Leave out what is not given, at any depth: TOML has no word for it."""
    return {key: _present(one) for key, one in value.items() if one is not None} if isinstance(value, dict) else value


def _without_absent(value: object) -> object:
    return {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value


def _response(place: str, name: str, of: str, module: ModuleType, table: Mapping[str, object]) -> Component:
    """Check a response: its options, its mode and those of its verbs, and where its secret is."""
    options: dict[str, type] = {"mode": str, "modes": dict, **module.OPTIONS}
    if module.HELD_IN:
        options[module.HELD_IN] = dict
    _refuse_unknown(place, table, ["type", *options])
    for key, wanted in options.items():
        if key in table and not isinstance(table[key], wanted):
            raise ConfigError(f"[{place}] {key} must be of type {wanted.__name__}")
    modes = _table(f"{place}.modes", table.get("modes", {}))
    _refuse_unknown(f"{place}.modes", modes, list(VERBS))
    for key, mode in {"mode": table.get("mode", MODES[0]), **modes}.items():
        if mode not in MODES:
            raise ConfigError(
                f"[{place}] {key} = {mode!r}: one of {', '.join(MODES)}{_closest(str(mode), list(MODES))}"
            )
    missing = [key for key in (*module.NEEDS, *([module.HELD_IN] if module.HELD_IN else [])) if not table.get(key)]
    if missing:
        raise ConfigError(f"[{place}] needs {', '.join(missing)}")
    if module.HELD_IN:
        _convert(f"{place}.{module.HELD_IN}", table[module.HELD_IN], Secret)
    return Component(name, of, {key: value for key, value in table.items() if key != "type"})


def _check_listening(
    place: str, table: Mapping[str, object], problem: Callable[[Mapping[str, object]], str | None] | None
) -> None:
    """Check a source that receives: it has an address of its own, on loopback or off it, and no files."""
    if "path" in table or "listen" not in table:
        raise ConfigError(f'[{place}] needs listen = "address:port", as 0.0.0.0:2055, and no path')
    host, _ = listen_address(place, str(table["listen"]))
    if not ipaddress.ip_address(host).is_loopback and "ca" not in table and table.get("unauthenticated") is not True:
        raise ConfigError(
            f"[{place}] listen = {table['listen']!r} is off loopback, where anybody may send records. Ask senders for "
            "a certificate (TLS with ca, where there is one), or say unauthenticated = true and let a firewall choose"
        )
    wrong = problem(table) if problem is not None else None
    if wrong is not None:
        raise ConfigError(f"[{place}] {wrong}")


def _check_polled(place: str, table: Mapping[str, object], api: "_Api | None") -> None:
    """Check a source without files: its product must have an API, and what that needs must be there."""
    if api is None:
        raise ConfigError(f'[{place}] needs path = "…": a file, a folder or a pattern')
    missing = [key for key in (*api.needs, api.held_in) if not table.get(key)]
    if missing:
        raise ConfigError(f'[{place}] needs path = "…" to read files, or {", ".join(missing)} to ask the product')
    _convert(f"{place}.{api.held_in}", table[api.held_in], Secret)


def _convert(place: str, table: object, struct: type[msgspec.Struct]) -> object:
    _refuse_unknown(place, _table(place, table), [field.name for field in msgspec.structs.fields(struct)])
    try:
        return msgspec.convert(table, struct)
    except msgspec.ValidationError as error:
        raise ConfigError(_told(place, str(error))) from error


def _table(place: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"[{place}] must be a table")
    return value


def _refuse_unknown(place: str, table: Mapping[str, object], known: list[str]) -> None:
    for key in table:
        if key not in known:
            where = f"table [{place}]" if place else "the top level"
            raise ConfigError(f"{where}: unknown key {key!r}{_closest(key, known)}; valid keys: {', '.join(known)}")


def _closest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]!r}?" if close else ""


def _each(place: str, key: str, values: tuple[str, ...], read: Callable[[str], object]) -> None:
    for value in values:
        try:
            read(value)
        except ValueError as error:
            raise ConfigError(f"{f'[{place}] ' if place else ''}{key}: {error}") from error


def _told(place: str, text: str) -> str:
    return f"[{place}] {text}" if place else text
