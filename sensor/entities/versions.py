"""Device state of the release before, turned into what this one reads."""

from typing import Any

from numpy.typing import NDArray

from sensor.entities.joins import Joins
from sensor.entities.naming import Naming


def of_version_1(held: dict[str, Any], state: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Turn what version 1 held into what this one holds: ranks had no place for agents and announcements."""
    ranks = {1: "kerberos", 2: "ntlm", 3: "dhcp"}
    naming = Naming()
    for row, name in held["names"]:
        source = ranks.get(int(state["table.name_rank"][row]), "kerberos")
        naming.put(row, int(state["table.site"][row]), name, source, int(state["table.last"][row]))
    return {
        **held, "aged": {"idle": 0, "short_lived": 0}, "refused": {**held["refused"], "joins_full": 0}, "fresh": [],
        "naming": naming.save(), "joins": Joins().save(), "more_macs": [], "claims": held["mac_names"],
        "macs": {"routers": held["routers"], "v4": held["mac_v4"], "v6": held["mac_v6"]},
    }  # fmt: skip
