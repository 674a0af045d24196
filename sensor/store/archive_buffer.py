"""Records that wait to be archived: columns as the core holds them, made into Arrow tables when they are written.

Bounded by who asks for `bytes`. Tables come in order of `n`, the order in which the core took records in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensor.model.account import SignInSeen
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.model.records import copied, joined, picked
from sensor.model.tick import Names, Tick

if TYPE_CHECKING:
    import pyarrow as pa

    from sensor.store.archive_columns import Columns

MESSAGE_BYTES = 600
"""Counted for a record that is a Python object: about what its Struct with its texts takes."""
_MAIN_NAMES = (
    "query", "server_name", "host", "client", "username", "cookie", "path", "object", "function", "name", "endpoint",
    "host_name", "mailfrom", "user", "subject", "filename", "note",
)  # fmt: skip
"""Fields that can be a message's main name, the first that it has wins."""


class Buffer:
    """What was taken in since the last flush, by table."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.bytes = 0
        self._clear()

    def take(self, tick: Tick, first_n: int) -> int:
        """Keep a tick's records; return how many there were, each of which has an ordinal from `first_n` on."""
        n = first_n
        for held, count in (
            (self._flows, len(tick.flows)), (self._arp, len(tick.arp)), (self._messages, len(tick.messages)),
            (self._events, len(tick.events)), (self._signins, len(tick.signins)),
        ):  # fmt: skip
            if count:
                held.append((n, tick.end_ns, self._kept(held, tick)))
                n += count
        self.bytes += tick.flows.nbytes + tick.arp.nbytes
        self.bytes += MESSAGE_BYTES * (len(tick.messages) + len(tick.events) + len(tick.signins))
        return n - first_n

    def tables(self) -> "dict[str, pa.Table]":
        """Return what waited as Arrow tables by name, and start anew."""
        makers = {
            "flows": (self._flows, self._flow_table), "arp": (self._arp, self._arp_table),
            "messages": (self._messages, self._message_table), "events": (self._events, self._event_table),
            "signins": (self._signins, self._signin_table),
        }  # fmt: skip
        made = {name: make(held) for name, (held, make) in makers.items() if held}
        self.bytes = 0
        self._clear()
        return made

    def _clear(self) -> None:
        self._flows: list[tuple[int, int, Any]] = []
        self._arp: list[tuple[int, int, Any]] = []
        self._messages: list[tuple[int, int, Any]] = []
        self._events: list[tuple[int, int, Any]] = []
        self._signins: list[tuple[int, int, Any]] = []

    def _kept(self, held: object, tick: Tick) -> tuple[Any, ...]:
        if held is self._flows:
            return (
                copied(tick.flows), tick.site, tick.orig_device, tick.resp_device, tick.orig_local, tick.resp_local,
                tick.fresh, tick.destinations, tick.processes,
            )  # fmt: skip
        if held is self._arp:
            return copied(tick.arp), tick.arp_site, tick.arp_device, tick.arp_input
        if held is self._messages:
            return tick.messages, tick.message_site, tick.message_device
        if held is self._events:
            accounts = tick.event_account if len(tick.event_account) else np.full(len(tick.events), -1, np.int32)
            return tick.events, np.array(tick.event_site, np.int32), tick.event_device, accounts
        return (tick.signins,)

    def _flow_table(self, held: list[tuple[int, int, Any]]) -> "pa.Table":
        """Return the flows by site and time: moving rows of 256 bytes is a fifth of the work of moving columns."""
        from sensor.store import archive_columns as columns

        flows = joined([part[0] for _, _, part in held])
        whole = [np.concatenate([part[k] for _, _, part in held]) for k in range(1, 7)]
        order = np.argsort(flows["ts"], kind="stable")
        order = order[np.argsort(whole[0][order], kind="stable")]
        flows = picked(flows, order)
        site, orig, resp, orig_local, resp_local, fresh = (column[order] for column in whole)
        made = columns.flow_columns(
            flows, orig, resp, orig_local, resp_local, fresh, self._names.device_id, self._names.input_path
        )
        made |= {
            name: columns.scattered(values, order)
            for name, values in zip(("destination", "process", "user"), _told(held), strict=True)
        }
        return columns.table_of("flows", made | self._common(held, site, order))

    def _arp_table(self, held: list[tuple[int, int, Any]]) -> "pa.Table":
        from sensor.store import archive_columns as columns

        arp, site, device, inputs = (np.concatenate([part[k] for _, _, part in held]) for k in range(4))
        made = columns.arp_columns(arp, device, inputs, self._names.device_id, self._names.input_path)
        return columns.table_of("arp", made | self._common(held, site))

    def _message_table(self, held: list[tuple[int, int, Any]]) -> "pa.Table":
        from sensor.store import archive_columns as columns

        rows: list[AnyMessage] = [one for _, _, part in held for one in part[0]]
        given = self._origin(rows, "offset") | {
            "device": columns.named(_joined(held, 2), self._names.device_id),
            "kind": columns.texts(one.__struct_config__.tag for one in rows),
            "query": columns.texts(_main_name(one) for one in rows),
            "body": columns.as_json(rows),
        }
        given |= self._common(held, _joined(held, 1))
        return columns.table_of("messages", columns.struct_columns("messages", rows, given, {"ip_proto": "proto"}))

    def _event_table(self, held: list[tuple[int, int, Any]]) -> "pa.Table":
        from sensor.store import archive_columns as columns

        rows: list[Event] = [one for _, _, part in held for one in part[0]]
        given = self._origin(rows, "row") | {
            "device": columns.named(_joined(held, 2), self._names.device_id),
            "account_entity": columns.named(_joined(held, 3), self._names.account_name),
            "detail": columns.as_json(one.detail for one in rows),
        }
        given |= self._common(held, _joined(held, 1))
        return columns.table_of("events", columns.struct_columns("events", rows, given, {}))

    def _signin_table(self, held: list[tuple[int, int, Any]]) -> "pa.Table":
        from sensor.store import archive_columns as columns

        seen: list[SignInSeen] = [one for _, _, part in held for one in part[0]]
        given: Columns = {
            "ts": [one.ts for one in seen],
            "begun": [one.begun for one in seen],
            "revised": [one.revised for one in seen],
            "body": columns.as_json(one.row for one in seen),
        }
        given |= self._common(held, np.array([one.site for one in seen], np.int32))
        return columns.table_of("signins", columns.struct_columns("signins", [one.row for one in seen], given, {}))

    def _common(
        self, held: list[tuple[int, int, Any]], site: NDArray[np.int32], order: NDArray[np.int64] | slice = slice(None)
    ) -> "Columns":
        """Return `n`, `tick` and `site`; `site` is in the order given, as the others will be."""
        from sensor.store import archive_columns as columns

        counts = [len(part[0]) for _, _, part in held]
        firsts = np.repeat([n for n, _, _ in held], counts)
        starts = np.repeat(np.cumsum([0, *counts[:-1]]), counts)
        n = firsts + np.arange(len(firsts)) - starts
        ticks = np.repeat([end for _, end, _ in held], counts)
        return {
            "n": columns.integers(n[order]), "tick": columns.integers(ticks[order]),
            "site": columns.named(site, self._names.site_name),
        }  # fmt: skip

    def _origin(self, rows: Sequence[Any], ordinal: str) -> "Columns":
        from sensor.store import archive_columns as columns

        inputs = np.array([one.input for one in rows], np.int32)
        return {
            "input": columns.named(inputs, self._names.input_path),
            "record": [getattr(one, ordinal) for one in rows],
        }


def _told(held: list[tuple[int, int, Any]]) -> tuple[dict[int, str], dict[int, str], dict[int, str]]:
    """Return what few flows have, by their place among all: the host behind a proxy, program, account."""
    proxied: dict[int, str] = {}
    processes: dict[int, str] = {}
    users: dict[int, str] = {}
    start = 0
    for _, _, part in held:
        proxied |= {start + place: name for place, name in part[7].items()}
        for place, (process, user) in part[8].items():
            processes[start + place], users[start + place] = process, user
        start += len(part[0])
    return proxied, processes, users


def _joined(held: list[tuple[int, int, Any]], k: int) -> NDArray[np.int32]:
    return np.concatenate([np.asarray(part[k], np.int32) for _, _, part in held])


def _main_name(message: AnyMessage) -> str | None:
    """Return what a message is about in one word: the first of _MAIN_NAMES that it has."""
    for field in _MAIN_NAMES:
        value = getattr(message, field, None)
        if value:
            return str(value)
    return None
