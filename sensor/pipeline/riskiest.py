"""Series of the riskiest devices and accounts, where the configuration asks for them: a few, under pseudonyms.

What stands for a device is its host name's pseudonym, for an account its user name's; `spanline reveal` says whose it
is. What has no name of that form stands under a pseudonym of our own id. No more than K of each site's devices and K
accounts have a series at any moment, whatever the input; one that has no open incident any more has none.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sensor.config import Config
from sensor.entities.changes import Listed
from sensor.metrics import Metrics
from sensor.model.pseudonyms import Pseudonyms
from sensor.pipeline.privacy import key_of

PSEUDONYM = re.compile(r"(?:account|host|address|mac)-[0-9a-f]{16}")


def riskiest_of(config: Config, folder: Path) -> "Riskiest | None":
    """Return what shows the riskiest of a state, None where nobody asks for it. Raises ConfigError."""
    if not config.metrics.top:
        return None
    return Riskiest(config.metrics.top, Pseudonyms(key_of(config.privacy, folder), keep_domains=False))


class Riskiest:
    """The K riskiest, as series."""

    def __init__(self, most: int, pseudonyms: Pseudonyms) -> None:
        """Begin with none.

        Args:
            most: K, devices of each site and accounts of all.
            pseudonyms: Of accounts, hosts and addresses, all of them.
        """
        self._most, self._pseudonyms = most, pseudonyms
        self._shown: tuple[dict[tuple[str, str], float], dict[str, float]] = {}, {}

    def show(self, metrics: Metrics, devices: Iterable[Listed], accounts: Mapping[str, float]) -> None:
        """Set the series of those that are riskiest now, and take away the others'.

        Args:
            metrics: Where.
            devices: The inventory.
            accounts: Decibans of open incidents by account.
        """
        by_site: dict[str, list[Listed]] = {}
        for one in devices:
            if one.risk_db > 0:
                by_site.setdefault(one.site, []).append(one)
        hosts: dict[tuple[str, str], float] = {}
        for site, found in by_site.items():
            for one in sorted(found, key=lambda one: (-one.risk_db, one.id))[: self._most]:
                hosts.setdefault((site, self._host(one)), one.risk_db)
        users: dict[str, float] = {}
        for name, risk_db in sorted(accounts.items(), key=lambda pair: (-pair[1], pair[0]))[: self._most]:
            users.setdefault(self._account(name), risk_db)
        for key, risk_db in hosts.items():
            metrics.device_risk.labels(*key).set(risk_db)
        for key in self._shown[0].keys() - hosts.keys():
            metrics.device_risk.remove(*key)
        for user, risk_db in users.items():
            metrics.account_risk.labels(user).set(risk_db)
        for user in self._shown[1].keys() - users.keys():
            metrics.account_risk.remove(user)
        self._shown = hosts, users

    def _host(self, one: Listed) -> str:
        found = self._pseudonyms.host(one.name)
        if not PSEUDONYM.fullmatch(found):  # an address has no domain
            found = self._pseudonyms.host(one.name.partition(".")[0])
        return found if PSEUDONYM.fullmatch(found) else self._pseudonyms.host(f"device {one.id}")

    def _account(self, name: str) -> str:
        found = self._pseudonyms.account(name).partition("@")[0]
        return found if PSEUDONYM.fullmatch(found) else self._pseudonyms.account(f"account {name}")
