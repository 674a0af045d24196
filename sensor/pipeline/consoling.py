"""The console beside the core: opened by `run`, or by itself over a state that nobody learns into.

What people decide on its pages is carried out here as the command line does it: written into the state beside the
process that learns, which takes it in before its next commit. Where nobody could sign in, it does not listen; it looks
again each LOOK_S.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sensor.config import Config, Console, default, listen_address
from sensor.console.decisions import Decisions, MuteWanted, WouldHide
from sensor.console.oidc import OpenId, Settings
from sensor.console.page import environment
from sensor.console.server import Served
from sensor.console.visit import Desk, Place, Vital
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.model.mute import Mute
from sensor.model.times import DAY_NS
from sensor.pipeline import judging, responding
from sensor.pipeline.privacy import reveal
from sensor.pipeline.telling_time import runs
from sensor.store.actions import KILL_SWITCH, Actions
from sensor.store.state import State
from sensor.store.users import Users
from sensor.wire.clock import SystemClock

LOOK_S = 2.0
"""Between two looks for the first user."""
RENEW_S = 30.0
"""How long a removed user, or one with other roles, goes on as before."""
_NOT_SHOWN = ("_bucket", "_created")
_GROUPS = {
    "spanline_source_up": "Sources", "spanline_source_lag_seconds": "Sources", "spanline_dropped": "Dropped records",
    "spanline_sink_up": "Sinks", "spanline_sink_lag_seconds": "Sinks", "spanline_sink_failures": "Sinks",
    "spanline_table_saturation_ratio": "Tables in use", "spanline_alert_budget_ratio": "Alert budget",
    "spanline_calibration_ratio": "Calibration (observed / expected)",
    "spanline_site_last_heard_timestamp_seconds": "Sites last heard",
}  # fmt: skip
"""Metrics that the page of health shows → under which heading."""
_LOG = logging.getLogger(__name__)


def open_console(config: Config, folder: Path, metrics: Metrics) -> "Consoling":
    """Open the console of a running sensor. Raises ConfigError."""
    return Consoling(config, folder, Written(folder, config=config), lambda: vitals(metrics))


def open_alone(config: Config, folder: Path) -> tuple["Served", str]:
    """Serve a state that is only looked at; return the server, and a link that signs its bearer in, once.

    Raises:
        ConfigError: It cannot listen as configured.
    """
    readonly = Written(folder, readonly="This console only shows: decide by `spanline close`, `mute` and `actions`.")
    served = _serve(config.console, folder, readonly, None)
    served.desk.link = secrets.token_urlsafe(24)
    return served, f"{served.address}/enter?token={served.desk.link}"


class Written:
    """Decisions as the command line writes them, each over a connection of its own.

    Attributes:
        readonly: Why nothing can be decided; empty where it can.
    """

    def __init__(self, folder: Path, readonly: str = "", config: Config | None = None) -> None:
        self._folder, self.readonly, self._config = folder, readonly, config or default()

    def close(self, incident: str, verdict: str, reason: str, by: str) -> str | None:
        """Close an incident with a verdict."""
        with State(self._folder) as state:
            return None if judging.close(state, incident, verdict, reason, by) else f"no incident {incident}"

    def preview(self, wanted: MuteWanted) -> list[WouldHide]:
        """Return what a suppression would hide."""
        with State(self._folder, readonly=True) as state:
            found = judging.preview(state, _made(state, wanted, "preview"))
            return [
                WouldHide(
                    one.incident, one.title, one.tier, one.state, tuple({each.site for each in one.evidence}),
                    len(one.evidence), one.closes,
                )
                for one in found
            ]  # fmt: skip

    def mute(self, wanted: MuteWanted, by: str) -> Mute:
        """Put a suppression in force."""
        with State(self._folder) as state:
            made = _made(state, wanted, by)
            judging.apply(state, made)
        return made

    def unmute(self, mute: str) -> str | None:
        """Take a suppression back."""
        with State(self._folder) as state:
            return None if state.judgements.remove(mute) else f"no suppression {mute}"

    def decide(self, action: str, state: str, by: str, reason: str) -> str | None:
        """Approve or deny a proposed action."""
        return responding.decide(self._folder, action, state, by, reason)

    def ask_back(self, action: str, by: str, reason: str) -> str | None:
        """Have an executed action taken back by the process that executes."""
        with Actions(self._folder) as actions:
            return actions.ask_back(action, by, reason, SystemClock(threading.Event()).now_ns())

    def reveal(self, pseudonym: str, reason: str, by: str) -> tuple[str, ...] | str:
        """Return the names that a pseudonym stands for, after the audit log has the question."""
        if self.readonly:
            return "this console writes nothing, not even the audit log"
        try:
            return reveal(self._config, self._folder, pseudonym, reason=reason, by=by)
        except (ConfigError, ValueError, OSError) as error:
            return str(error)

    def stop(self, *, stopped: bool) -> None:
        """Throw or release the kill switch."""
        switch = self._folder / KILL_SWITCH
        if stopped:
            switch.touch()
        else:
            switch.unlink(missing_ok=True)


class Consoling:
    """The console of a running sensor, and the thread that looks after it.

    Attributes:
        said: What it says of itself where the sensor is started; missing until it listens.
    """

    said: str

    def __init__(
        self, config: Config, folder: Path, decisions: Decisions, numbers: Callable[[], Sequence[Vital]]
    ) -> None:
        """Listen, or wait until somebody could sign in. Raises ConfigError."""
        self._config, self._folder = config, folder
        self._decisions, self._numbers = decisions, numbers
        self._stop = threading.Event()
        self._served: Served | None = None
        if self._may_open():
            self._open()
        else:
            _LOG.info("no console: nobody may sign in yet, see `spanline user add -h`")
        self._thread = threading.Thread(target=self._watch, name="console watch", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Do nothing: each page reads what is committed."""

    def reload(self, config: Config) -> None:
        """Serve under another configuration; who is signed in signs in anew. Raises ConfigError."""
        if config.console == self._config.console:
            return
        before, self._config = self._config, config
        if self._served is not None:
            self._served.close(0.5)
            self._served = None
            try:
                self._open()
            except ConfigError:
                self._config = before
                self._open()
                raise

    def close(self, drain_s: float) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(max(drain_s, 0.5))
        if self._served is not None:
            self._served.close(drain_s)

    def _may_open(self) -> bool:
        return self._config.console.oidc is not None or bool(Users(self._folder).all())

    def _open(self) -> None:
        self._served = _serve(self._config.console, self._folder, self._decisions, self._numbers)
        self.said = f"console on {self._served.address}"

    def _watch(self) -> None:
        """Open once there is a user; then keep to what users may."""
        while not self._stop.wait(LOOK_S if self._served is None else RENEW_S):
            try:
                if self._served is not None:
                    known = {one.name: one.person() for one in Users(self._folder).all()}
                    self._served.desk.sessions.renew(known.get)
                elif self._may_open():
                    self._open()
                    _LOG.info("console opened address=%s", self._served.address if self._served else "")
            except (ConfigError, ValueError, OSError) as error:
                _LOG.error("console: %s", error)


def vitals(metrics: Metrics) -> list[Vital]:
    """Return the numbers of a running process that the page of health shows; what is nothing and fine is left out."""
    found = []
    for family in metrics.registry.collect():
        group = _GROUPS.get(family.name)
        for sample in family.samples if group is not None else ():
            zero_is_fine = not family.name.endswith(("_up", "_heard_timestamp_seconds"))
            if sample.name.endswith(_NOT_SHOWN) or (zero_is_fine and not sample.value):
                continue
            labels = " ".join(str(value) for value in sample.labels.values())
            unit = "s" if family.name.endswith("_seconds") else ""
            what = family.name.removeprefix("spanline_").removesuffix("_seconds").replace("_", " ")
            found.append(Vital(group or "", f"{labels}: {what}", sample.value, unit))
    return found


def _serve(
    console: Console, folder: Path, decisions: Decisions, numbers: Callable[[], Sequence[Vital]] | None
) -> Served:
    host, port = listen_address("console", console.listen)
    secure = bool(console.cert) or console.url.startswith("https://")
    today = SystemClock(threading.Event()).now_ns if numbers is not None or runs(folder) else None
    desk = Desk(
        folder, decisions, environment(), time.monotonic, Place(secure=secure, url=console.url.rstrip("/")),
        _provider(console), numbers, today,
    )  # fmt: skip
    try:
        return Served(desk, host, port, console.cert, console.key)
    except OSError as error:
        raise ConfigError(f"[console] listen = {console.listen!r}: {error.strerror or error}") from error


def _provider(console: Console) -> OpenId | None:
    oidc = console.oidc
    if oidc is None:
        return None
    oidc.client_secret.read()
    settings = Settings(
        oidc.issuer, oidc.client_id, oidc.client_secret.read, oidc.roles, oidc.roles_claim, oidc.name_claim, oidc.scope,
        oidc.title,
    )  # fmt: skip
    return OpenId(settings, time.monotonic)


def _made(state: State, wanted: MuteWanted, by: str) -> Mute:
    return judging.make(
        state, entity=wanted.entity, detector=wanted.detector, key=wanted.key, site=wanted.site,
        expires_ns=judging.clock_ns(state) + wanted.days * DAY_NS, reason=wanted.reason or "preview", author=by,
    )  # fmt: skip
