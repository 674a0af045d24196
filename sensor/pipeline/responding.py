"""Responses of one state folder: connectors made from the configuration, and what the executor asks of the inventory.

The inventory is the state's, as it was last committed: what is protected is judged by what the sensor knew then. A
device that the network stands on (router, domain controller, resolver, proxy, DHCP server), and an address of such a
device or of a site's egress, is never acted on.
"""

import ipaddress
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sensor import registry
from sensor.config import Component, Config, Secret
from sensor.errors import ConfigError, Transient
from sensor.model.device import Device
from sensor.model.incident import Incident
from sensor.model.order import HUB
from sensor.pipeline.ordering import Ordering, Way
from sensor.responses.executor import GIVE_UP_NS, Armed, Around, Executor
from sensor.store.actions import Actions
from sensor.store.state import State
from sensor.wire.api_offer import Asked
from sensor.wire.clock import Clock, SystemClock
from sensor.wire.response_api import LIMITS

PROTECTED = frozenset({"router", "domain controller", "DNS resolver", "proxy", "DHCP server"})
"""Roles whose loss is everybody's."""
REFRESH_S = 60.0
"""How old the view of the inventory may be."""


class Inventory:
    """What the executor asks about targets, from the state's tables; read anew each minute."""

    def __init__(self, folder: Path, egress: Sequence[str]) -> None:
        self._folder = folder
        self._egress = [ipaddress.ip_network(one, strict=False) for one in egress]
        self._read_at = -REFRESH_S
        self._accounts = 0
        self._devices: dict[str, Device] = {}
        self._owner: dict[str, Device] = {}
        self._spellings: dict[str, tuple[str, ...]] = {}

    def accounts(self) -> int:
        """Count the users' accounts."""
        self._refresh()
        return self._accounts

    def names(self, kind: str, target: str) -> tuple[str, ...]:
        """Return other names of a target."""
        self._refresh()
        if kind == "account":
            return self._spellings.get(target, ())
        device = self._devices.get(target) if kind == "device" else self._owner.get(target)
        return (device.name, device.id, *device.aliases, *device.macs) if device is not None else ()

    def addresses(self, target: str) -> tuple[str, ...]:
        """Return the addresses that a device has had lately."""
        self._refresh()
        device = self._devices.get(target)
        return device.addresses if device is not None else ()

    def protected(self, kind: str, target: str) -> str | None:
        """Say why a target is part of what the network stands on."""
        self._refresh()
        if kind == "address" and self._is_egress(target):
            return f"{target} is a site's own public address"
        device = self._devices.get(target) if kind == "device" else self._owner.get(target)
        if device is not None and device.role in PROTECTED:
            return f"{device.name} is a {device.role}"
        if device is not None and device.shared:
            return f"{device.name} stands for many: {device.shared}"
        return None

    def around(self) -> Around:
        """Return it as the executor takes it."""
        return Around(self.accounts, self.names, self.addresses, self.protected, self.sites, self.here)

    def sites(self, kind: str, target: str) -> tuple[str, ...]:
        """Return where a device was seen last."""
        self._refresh()
        device = self._devices.get(target) if kind == "device" else None
        return (device.site,) if device is not None else ()

    def here(self, names: tuple[str, ...], addresses: tuple[str, ...]) -> str | None:
        """Return the device of one of these MACs or ids, else the one that alone has these addresses."""
        self._refresh()
        wanted = {*names, *(one.lower() for one in names)}
        for device in self._devices.values():
            if wanted & {device.id, *device.aliases, *device.macs}:
                return device.id
        owners = {self._owner[one].id for one in addresses if one in self._owner}
        return owners.pop() if len(owners) == 1 else None

    def _is_egress(self, target: str) -> bool:
        try:
            address = ipaddress.ip_address(target)
        except ValueError:
            return False
        return any(address in network for network in self._egress if network.version == address.version)

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at < REFRESH_S:
            return
        with State(self._folder, readonly=True) as state:
            accounts = state.accounts()
            self._devices = {device.id: device for device in state.devices()}
        self._owner = {address: one for one in self._devices.values() for address in one.addresses}
        self._accounts = sum(one.kind == "user" for one in accounts)
        self._spellings = {one.name: (*one.names, *one.ids) for one in accounts}
        self._read_at = time.monotonic()


class Responses:
    """The executor of one state folder, and the time that it is given."""

    def __init__(self, config: Config, folder: Path, clock: Clock) -> None:
        """Make the connectors and look at what an earlier process left. Raises ConfigError, ValueError."""
        egress = [one for found in config.egresses().values() for one in found]
        self._clock, self.actions = clock, Actions(folder)
        way = Way(self.actions, places_of(config))
        armed = {name: _armed(name, one, clock, way) for name, one in config.responses.items()}
        self.executor = Executor(folder, self.actions, armed, config.guard, Inventory(folder, egress).around())
        self._ordering = Ordering(self.actions, self.executor)
        self.executor.recover(clock.now_ns())

    def take(self, incidents: Sequence[Incident]) -> None:
        """Offer what incidents propose, and do what is due."""
        now_ns = self._clock.now_ns()
        if incidents:
            self.executor.offer(incidents, now_ns)
        self._ordering.step(now_ns)
        self.executor.step(now_ns)
        self._ordering.step(now_ns)

    def undo(self, key: str, by: str) -> str | None:
        """Take an action back; return why it cannot be, None if it was."""
        return self.executor.undo(key, by, self._clock.now_ns())

    def close(self) -> None:
        """Close everything."""
        self.executor.close()
        self.actions.close()


def decide(folder: Path, key: str, state: str, by: str, reason: str) -> str | None:
    """Approve or deny an action beside whoever executes; return why it cannot be, None if it was."""
    with Actions(folder) as actions:
        return actions.decide(key, state, by, reason, SystemClock(threading.Event()).now_ns())


def execute(config: Config, folder: Path, *, undo: str | None = None, by: str = "") -> str | None:
    """Do what is due in this process, where none other executes; return why `undo` cannot be taken back."""
    responses = Responses(config, folder, SystemClock(threading.Event()))
    try:
        responses.take(())
        return responses.undo(undo, by) if undo is not None else None
    finally:
        responses.close()


def places_of(config: Config) -> dict[str, str]:
    """Return where else there may be connectors: why nothing comes back from there, or nothing where it does."""
    hub = next((one for one in config.sinks.values() if one.type == "site"), None)
    if hub is not None:
        one_way = "bundles go one way" if hub.options.get("folder") else ""
        return {HUB: "names leave this site under pseudonyms" if config.privacy.pseudonyms else one_way}
    if not any(one.type == "site" for one in config.sources.values()):
        return {}
    return {name: "it sends bundles, which go one way" if one.bundle_keys else "" for name, one in config.sites.items()}


def _armed(name: str, one: Component, clock: Clock, way: Way) -> Armed:
    module = registry.load("sensor.responses", one.type)
    options = {key: value for key, value in one.options.items() if key not in {"mode", "modes", module.HELD_IN}}
    held = one.options.get(module.HELD_IN) if module.HELD_IN else None

    def secret() -> str:
        found = held if isinstance(held, dict) else {}
        try:
            return Secret(env=found.get("env"), file=found.get("file")).read()
        except ConfigError as error:
            raise Transient(str(error)) from error

    try:
        connector = module.build(Asked(options=options, secret=secret, clock=clock, limits=LIMITS, elsewhere=way))
    except ConfigError as error:
        raise ConfigError(f"[responses.{name}] {error}") from error
    modes = one.options.get("modes", {})
    return Armed(
        connector, str(one.options.get("mode", "recommend")), modes if isinstance(modes, dict) else {},
        getattr(module, "PATIENCE_NS", GIVE_UP_NS),
    )  # fmt: skip
