"""Orders of this place, and those it was given: in the state, from the decision until it is settled.

A row is `out`, what was decided here for a connector elsewhere, or `in`, what was decided elsewhere for a connector
here. The executor writes over a connection of its own. What is to go over the way is handed to it by the commit that
follows: at a hub what is for a site into `returns`, at a site what is for its hub by whoever gathers for it. What comes
over the way is stored by the commit as well, with everything else that came with it.

Not here: what happens because of an order (`sensor.pipeline.ordering`).
"""

import logging
import sqlite3
from collections.abc import Iterable

import msgspec

from sensor.model.given import Became, Order
from sensor.model.order import HUB, Outcome, Wanted, cleaned
from sensor.model.times import DAY_NS
from sensor.store.returns import Returns

SETTLED, FOLLOWED, FRESH = 0, 1, 2
"""`live` of a row: nothing more is to be done for it; its action is looked at; it came and was not looked at yet."""
HELD_MAX = 4096
"""Rows in all; beyond, settled ones go, the oldest first, and what comes is not taken where there are none."""
LIVE_MAX = 64
"""Of one place that are not settled: it may begin ten a day."""
OUTCOME_NS = 7 * DAY_NS
"""How long an outcome is kept for a site that is not heard of."""
NOTHING = Outcome(id="", state="", detail="", by="", ts_ns=0)
"""Before anything is heard."""
_LOG = logging.getLogger(__name__)
_ROW = "way, site, id, body, action, state, detail, ts_ns, live, told"


class Held(msgspec.Struct, frozen=True):
    """One row."""

    way: str
    site: str
    """Whom it was given to, or by whom."""
    wanted: Wanted
    action: str
    """Id of the action here that carries it out; empty before that is known."""
    outcome: Outcome
    """As it was told last, or was heard."""
    live: int
    told: int
    """Of the action's lines in the audit log, when the outcome was taken from it."""


class Orders:
    """All of one state folder, over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take a connection to the state's database."""
        self._connection = connection
        self._came: list[tuple[str, Wanted | Outcome]] = []
        self._handed: list[tuple[object, ...]] = []

    def give(self, site: str, wanted: Wanted) -> None:
        """Have an order go to a site, or the hub; on disk when this returns, and the same one twice is one."""
        with self._connection:
            self._put("out", site, wanted, handed=0)

    def outcome(self, site: str, key: str) -> Outcome | None:
        """Return what is known of an order that was given; None where none was."""
        found = self._read("WHERE way = 'out' AND site = ? AND id = ?", (site, key))
        return found[0].outcome if found else None

    def live(self, way: str) -> list[Held]:
        """Return what is not settled, what came just now first."""
        return self._read("WHERE live > ? AND way = ? ORDER BY live DESC, ts_ns, site, id", (SETTLED, way))

    def follow(self, held: Held, action: str) -> None:
        """Note by which action an order is carried out."""
        self._set(held, "action = ?, live = ?", (action, FOLLOWED))

    def tell(self, held: Held, outcome: Outcome, told: int, *, settled: bool) -> None:
        """Have whoever gave an order be told what became of it."""
        self._set(
            held, "state = ?, detail = ?, ts_ns = ?, told = ?, live = ?, handed = 0",
            (outcome.state, _said(outcome), outcome.ts_ns, told, SETTLED if settled else FOLLOWED),
        )  # fmt: skip

    def settle(self, held: Held, *, seen: bool) -> None:
        """Note that an outcome was looked at; `seen`: nothing more is expected."""
        self._set(held, "told = 1, live = ?", (SETTLED if seen else FOLLOWED,))

    def waits(self, *, upwards: bool) -> bool:
        """Tell whether something came, or is to go over the way; `upwards`: to a hub as well."""
        if self._came:
            return True
        rows = self._connection.execute(
            "SELECT 1 FROM orders WHERE handed = 0 AND (site <> ? OR ?) LIMIT 1", (HUB, upwards)
        )
        return rows.fetchone() is not None

    def came(self, site: str, what: Wanted | Outcome) -> None:
        """Take in what a site, or the hub, gave: with the next commit."""
        self._came.append((site, what))

    def upwards(self) -> list[Wanted | Outcome]:
        """Return what is for the hub; the next commit notes that it was handed over."""
        return [self._hand(one) for one in self._waiting("site = ?")]

    def commit(self, returns: Returns) -> None:
        """Store what came, and hand over what is for sites, inside the caller's transaction."""
        for site, what in self._came:
            if not isinstance(what, Wanted):
                self._hear(site, cleaned(what))
            elif self._may_give(site, what):
                self._put("in", site, what, handed=1)
            else:
                _LOG.warning("order not taken, too many of it wait here site=%s order=%s", site or "hub", what.id)
        self._came.clear()
        for one in self._waiting("site <> ?"):
            what = self._hand(one)
            if isinstance(what, Wanted):
                returns.put(one.site, f"order:{what.id}", Order(ts=what.ts_ns, wanted=what), what.expires_ns)
            else:
                given = Became(ts=what.ts_ns, outcome=what)
                returns.put(one.site, f"became:{what.id}", given, what.ts_ns + OUTCOME_NS)
        self._connection.executemany(
            "UPDATE orders SET handed = 1 WHERE way = ? AND site = ? AND id = ? AND body = ? AND state = ? "
            "AND detail = ? AND ts_ns = ?",
            self._handed,
        )
        self._handed.clear()

    def _may_give(self, site: str, wanted: Wanted) -> bool:
        """Tell whether a place has few enough orders here, or means one of them."""
        rows = self._connection.execute(
            "SELECT id FROM orders WHERE live > ? AND way = 'in' AND site = ?", (SETTLED, site)
        )
        live = {str(key) for (key,) in rows}
        return wanted.id in live or len(live) < LIVE_MAX

    def _hand(self, one: Held) -> Wanted | Outcome:
        outcome = one.outcome
        self._handed.append(
            (one.way, one.site, one.wanted.id, _written(one.wanted), outcome.state, _said(outcome), outcome.ts_ns)
        )
        return one.wanted if one.way == "out" else outcome

    def _hear(self, site: str, outcome: Outcome) -> None:
        """Note what became of an order of ours; only whom it was given to may say."""
        self._connection.execute(
            "UPDATE orders SET state = ?, detail = ?, ts_ns = ?, told = 0, live = ? "
            "WHERE way = 'out' AND site = ? AND id = ?",
            (outcome.state, _said(outcome), outcome.ts_ns, FOLLOWED, site, outcome.id),
        )

    def _put(self, way: str, site: str, wanted: Wanted, *, handed: int) -> None:
        """Store an order, unless it is there as it is."""
        body, execute = _written(wanted), self._connection.execute
        live = FRESH if way == "in" else FOLLOWED
        there = execute(
            "SELECT body FROM orders WHERE way = ? AND site = ? AND id = ?", (way, site, wanted.id)
        ).fetchone()
        if there is None and self._has_room():
            execute(
                f"INSERT INTO orders ({_ROW}, handed) VALUES (?, ?, ?, ?, '', '', ?, 0, ?, 0, ?)",  # noqa: S608 - ours
                (way, site, wanted.id, body, _said(NOTHING), live, handed),
            )
        elif there is not None and there[0] != body:
            execute(
                "UPDATE orders SET body = ?, live = ?, handed = ? WHERE way = ? AND site = ? AND id = ?",
                (body, live, handed, way, site, wanted.id),
            )

    def _has_room(self) -> bool:
        execute = self._connection.execute
        if execute("SELECT count(*) FROM orders").fetchone()[0] < HELD_MAX:
            return True
        gone = execute(
            "SELECT way, site, id FROM orders WHERE live = ? AND handed = 1 ORDER BY ts_ns LIMIT 1", (SETTLED,)
        ).fetchone()
        if gone is not None:
            execute("DELETE FROM orders WHERE way = ? AND site = ? AND id = ?", gone)
        return gone is not None

    def _waiting(self, where: str) -> list[Held]:
        return self._read(f"WHERE handed = 0 AND {where} ORDER BY ts_ns, way, site, id", (HUB,))

    def _set(self, held: Held, columns: str, values: Iterable[object]) -> None:
        """Change a row, unless another order of the same id took its place meanwhile."""
        with self._connection:
            self._connection.execute(
                f"UPDATE orders SET {columns} WHERE way = ? AND site = ? AND id = ? AND body = ?",  # noqa: S608 - ours
                (*values, held.way, held.site, held.wanted.id, _written(held.wanted)),
            )

    def _read(self, where: str, parameters: tuple[object, ...]) -> list[Held]:
        rows = self._connection.execute(f"SELECT {_ROW} FROM orders {where}", parameters)  # noqa: S608 - ours
        return [_held(*row) for row in rows]


def _held(
    way: str, site: str, key: str, body: bytes, action: str, state: str, detail: str, ts_ns: int, live: int, told: int
) -> Held:  # fmt: skip
    by, _, text = detail.partition("\n")
    outcome = Outcome(id=key, state=state, detail=text, by=by, ts_ns=ts_ns)
    return Held(way, site, msgspec.msgpack.decode(body, type=Wanted), action, outcome, live, told)


def _said(outcome: Outcome) -> str:
    """Return who did it and what, as one column."""
    return f"{outcome.by}\n{outcome.detail}"


def _written(wanted: Wanted) -> bytes:
    return msgspec.msgpack.encode(wanted)
