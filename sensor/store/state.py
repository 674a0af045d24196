"""The state of a sensor: incidents, evidence, inventory, ledger and the snapshot of its columns, in one folder.

One writer. Readers (the console, the command line) open the database read-only beside it. A commit is one transaction
over the database, with the new snapshot already on disk.
"""

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import msgspec

from sensor.model.account import Account, SignIn
from sensor.model.archive import TABLES
from sensor.model.device import Device
from sensor.model.incident import Action, Incident, urgency
from sensor.model.mute import Mute, Muted
from sensor.model.result import InputResult
from sensor.model.site_packet import Packet
from sensor.store import schema
from sensor.store.effects import answers
from sensor.store.expiring import forget_incidents
from sensor.store.held import INTO, Held, request_of, row_of
from sensor.store.judgements import Judgements
from sensor.store.ledger import StateLedger
from sensor.store.manifest import FOLDER as ARCHIVE
from sensor.store.manifest import Manifest
from sensor.store.orders import Orders
from sensor.store.returned import Returned
from sensor.store.returns import Given, Returns
from sensor.store.seals import KEY_FILE, Seals
from sensor.store.spool import Spool

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
INPUTS_MAX = 10_000
"""Accounts of inputs that are kept, the latest: a sensor that follows logs adds one each few seconds."""
SIGNINS_WAITING = 20_000
"""About 20 MB; beyond, a replay's sign-ins go into its transaction."""
DATABASE = "state.sqlite"
LOCK = "lock"


class Left(NamedTuple):
    """What is in the inventory no more."""

    devices: Sequence[str]
    """Ids."""
    accounts: Sequence[str]
    """Names."""


class State:
    """An open state folder.

    Attributes:
        ledger: Known blocks of input.
        seals: Keyed digests of what is kept.
        manifest: The archive's files.
        judgements: Verdicts and suppressions.
        spool: What the hub is to be told.
        returns: What a hub gives back to its sites.
        returned: What this site was given by its hub.
        orders: Responses that are decided at one place and executed at another.
    """

    def __init__(self, folder: Path, *, fresh: bool = False, readonly: bool = False, exclusive: bool = False) -> None:
        """Open or create a state.

        Args:
            folder: The folder; only files of ours in it are ever touched.
            fresh: Drop what the state holds first.
            readonly: Do not create or change anything.
            exclusive: Be the only one that learns into it; the command line may close incidents beside.

        Raises:
            FileNotFoundError: `readonly`, and there is no state.
            ValueError: The state is of a newer release, or damaged, or another process learns into it.
        """
        self.folder = folder
        path = folder / DATABASE
        if readonly and not path.is_file():
            raise FileNotFoundError(f"no state in {folder}: run `spanline replay` first, or name another with --state")
        if not readonly:
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(folder) if exclusive else None
        if fresh and not readonly:
            drop(folder)
        self._connection = schema.connect(path, readonly=readonly)
        self.ledger = StateLedger(self._connection)
        self.seals = Seals(self._connection, folder)
        self.manifest = Manifest(self._connection, self.seals)
        self.judgements = Judgements(self._connection)
        self.spool = Spool(self._connection)
        self.returns, self.returned = Returns(self._connection), Returned(self._connection)
        self.orders = Orders(self._connection)
        self._signins: dict[str, SignIn] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; what was not committed is gone."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def load_snapshot(self) -> "dict[str, NDArray[Any]]":
        """Return the committed columns, empty for a new state. Raises ValueError where the snapshot is damaged."""
        from sensor.store import snapshot

        name, checksum = self.meta("snapshot"), self.meta("snapshot_checksum")
        return {} if name is None or checksum is None else snapshot.read(self.folder / name, checksum)

    def commit(
        self,
        *,
        columns: "Mapping[str, NDArray[Any]]",
        incidents: Sequence[Incident],
        devices: Iterable[Device],
        accounts: Iterable[Account],
        inputs: Sequence[InputResult],
        meta: Mapping[str, str],
        hidden: Iterable[Muted] = (),
        packets: Sequence[Packet] = (),
        given: Sequence[Given] = (),
        left: Left | None = None,
    ) -> None:
        """Make a run durable, all or nothing: snapshot, incidents with evidence, inventory, inputs, ledger, spool.

        With `left`, what is given of the inventory has changed, those have left it, and the rest is as it was.
        """
        from sensor.store import snapshot

        serial, old = int(self.meta("serial") or 0) + 1, self.meta("snapshot")
        name = f"snapshot-{serial:08d}.npz"
        checksum = snapshot.write(self.folder / name, columns)
        with self._connection:
            self._write_signins()
            for incident in incidents:
                self._put_incident(incident)
            self._note_actions(incidents)
            self._put_inventory(devices, accounts, left)
            self._put_inputs(inputs)
            self.judgements.hide(hidden)
            self.ledger.write_pending()
            self.manifest.write_pending()
            self.spool.put(packets)
            self.returns.commit(given, int(meta.get("clock_ns", "0")))
            self.orders.commit(self.returns)
            self.returned.committed()
            held = {**meta, "serial": str(serial), "snapshot": name, "snapshot_checksum": checksum}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(held.items()))
        if old is not None and old != name:
            (self.folder / old).unlink(missing_ok=True)

    def rewrite(
        self, columns: "Mapping[str, NDArray[Any]]", change: Callable[[sqlite3.Connection], None]
    ) -> None:  # fmt: skip
        """Change what is kept, all or nothing, with other columns and what waits for the archive's list.

        Args:
            columns: Of the snapshot from now on; empty: there is none.
            change: Is given the database, inside the transaction.
        """
        from sensor.store import snapshot

        old, serial = self.meta("snapshot"), int(self.meta("serial") or 0) + 1
        name = f"snapshot-{serial:08d}.npz"
        checksum = snapshot.write(self.folder / name, columns) if columns else ""
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._connection:
            change(self._connection)
            self.manifest.write_pending()
            held = {"serial": str(serial), "snapshot": name, "snapshot_checksum": checksum} if columns else {}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(held.items()))
        if old is not None and columns:
            (self.folder / old).unlink(missing_ok=True)

    def look(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Return what somebody reads of the database who looks through every table."""
        return ask(self._connection)

    def settle(self) -> None:
        """Write what was put in order after a commit, so that nobody else waits for it to write."""
        if self._connection.in_transaction:
            self._connection.commit()

    def meta(self, key: str) -> str | None:
        """Return a value stored with the last commit."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def metas(self, prefix: str) -> dict[str, str]:
        """Return the values of all keys that begin so."""
        rows = self._connection.execute(
            "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        )
        return {str(key): str(value) for key, value in rows}

    def incidents(self, *, digest: bool = False, states: Sequence[str] | None = None) -> list[Incident]:
        """Return incidents, most urgent first; page and triage only unless `digest`."""
        rows = self._connection.execute("SELECT body FROM incidents").fetchall()
        found = [self._acted(msgspec.json.decode(body, type=Incident)) for (body,) in rows]
        return sorted(
            (one for one in found if (digest or one.tier != "digest") and (states is None or one.state in states)),
            key=urgency,
        )

    def incident(self, key: str) -> Incident | None:
        """Return one incident by its id, or None."""
        row = self._connection.execute("SELECT body FROM incidents WHERE id = ?", (key,)).fetchone()
        return None if row is None else self._acted(msgspec.json.decode(row[0], type=Incident))

    def evidence_rows(self, incident: str) -> dict[str, dict[str, Any]]:
        """Return the evidence table's rows of an incident, by id and column."""
        cursor = self._connection.execute("SELECT * FROM evidence WHERE incident = ?", (incident,))
        names = [str(one[0]) for one in cursor.description]
        return {str(row[0]): dict(zip(names, row, strict=True)) for row in cursor}

    def incident_row(self, key: str) -> dict[str, Any]:
        """Return the incident table's row by column; empty where there is none."""
        cursor = self._connection.execute("SELECT * FROM incidents WHERE id = ?", (key,))
        row = cursor.fetchone()
        return {} if row is None else dict(zip([str(one[0]) for one in cursor.description], row, strict=True))

    def evidence_numbers(self, incident: str) -> dict[str, tuple[float, float, float]]:
        """Return (observed, p, db) by evidence id, as the evidence table holds them."""
        rows = self._connection.execute("SELECT id, observed, p, db FROM evidence WHERE incident = ?", (incident,))
        return {str(key): (float(observed), float(p), float(db)) for key, observed, p, db in rows}

    def devices(self) -> list[Device]:
        """Return the inventory, by site and name."""
        rows = self._connection.execute("SELECT body FROM devices ORDER BY site, name, id").fetchall()
        return [msgspec.json.decode(body, type=Device) for (body,) in rows]

    def device(self, key: str) -> Device | None:
        """Return one device by id, else by its name or one of its addresses or MACs; the latest seen wins."""
        row = self._connection.execute("SELECT body FROM devices WHERE id = ?", (key,)).fetchone()
        if row is not None:
            return msgspec.json.decode(row[0], type=Device)
        wanted = key.lower()
        matches = [
            one for one in self.devices()
            if wanted in {one.name.lower(), *one.macs, *(address.lower() for address in one.addresses), *one.aliases}
        ]  # fmt: skip
        return max(matches, key=lambda one: (one.last_seen, one.id), default=None)

    def accounts(self) -> list[Account]:
        """Return every account, by name."""
        rows = self._connection.execute("SELECT body FROM accounts ORDER BY name").fetchall()
        return [msgspec.json.decode(body, type=Account) for (body,) in rows]

    def account(self, key: str) -> Account | None:
        """Return one account by its name, else by another spelling or id of it, else by the user's name alone."""
        row = self._connection.execute("SELECT body FROM accounts WHERE name = ?", (key.lower(),)).fetchone()
        if row is not None:
            return msgspec.json.decode(row[0], type=Account)
        wanted, every = key.lower(), self.accounts()
        spelled = [one for one in every if wanted in one.names or key in one.ids]
        alike = spelled or [one for one in every if one.name.partition("@")[0] == wanted]
        return max(alike, key=lambda one: (one.last_seen, one.name), default=None)

    def add_signins(self, rows: Iterable[SignIn]) -> None:
        """Add sign-ins, or what they have become; in the state with the next commit.

        They wait in memory, SIGNINS_WAITING at most: what is written opens a transaction, and nobody else could write.
        """
        self._signins.update((one.id, one) for one in rows)
        if len(self._signins) > SIGNINS_WAITING:
            self._write_signins()

    def _write_signins(self) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO signins VALUES (?, ?, ?, ?, ?)",
            [
                (one.id, one.ts, one.account, one.corroboration, msgspec.json.encode(one).decode())
                for one in self._signins.values()
            ],
        )
        self._signins.clear()

    def signins(self, account: str | None = None, since: str = "", limit: int = -1) -> list[SignIn]:
        """Return sign-ins, latest first.

        Args:
            account: Name of an account; None: of all.
            since: RFC 3339 time from which on.
            limit: How many at most; −1: all.
        """
        rows = self._connection.execute(
            "SELECT body FROM signins WHERE ts >= ? AND (? IS NULL OR account = ?) ORDER BY ts DESC, id LIMIT ?",
            (since, account, account, limit),
        )
        return [msgspec.json.decode(body, type=SignIn) for (body,) in rows]

    def forget_signins(self, before: str) -> None:
        """Delete sign-ins of before a time; durable with the next commit."""
        self._write_signins()
        self._connection.execute("DELETE FROM signins WHERE ts < ?", (before,))

    def forget_incidents(self, before: str) -> int:
        """Delete incidents that are over since before a time, a bounded number; durable with the next commit."""
        return forget_incidents(self._connection, self.seals, before)

    def close_incident(
        self, key: str, verdict: str, reason: str, author: str = "", mutes: Iterable[Mute] = ()
    ) -> Incident | None:
        """Close an incident with a verdict, durably; None where there is none of that id.

        Args:
            key: Its id.
            verdict: One of VERDICTS.
            reason: Why, for whoever reads it later.
            author: Whose verdict it is.
            mutes: Suppressions that follow from it.
        """
        incident = self.incident(key)
        if incident is None:
            return None
        closed = msgspec.structs.replace(incident, state="closed", verdict=verdict, reason=reason)
        with self._connection:
            self._put_incident(closed)
            self.judgements.judge(key, verdict, reason, author)
            self.judgements.add(mutes)
            self.manifest.write_pending()
        return closed

    def amend(self, incidents: Sequence[Incident]) -> None:
        """Write incidents about which more is known now, durably."""
        if incidents:
            with self._connection:
                for incident in incidents:
                    self._put_incident(incident)
                self.manifest.write_pending()

    def suppress(self, mute: Mute, changed: Iterable[Incident], hidden: Iterable[Muted]) -> None:
        """Put a suppression in force, with the incidents it changed and what it hid, durably."""
        with self._connection:
            self.judgements.add([mute])
            for incident in changed:
                self._put_incident(incident)
            self.judgements.hide(hidden)
            self.manifest.write_pending()

    def _note_actions(self, incidents: Sequence[Incident]) -> None:
        """Write down what incidents propose and is not known yet; what became of it is the executor's to write."""
        self._connection.executemany(
            f"INSERT OR IGNORE {INTO}",
            [
                row_of(Held(action, request_of(incident, action), incident.id))
                for incident in incidents
                for action in incident.actions
            ],
        )

    def _acted(self, incident: Incident) -> Incident:
        """Return an incident with its actions as they are now, and whether they took effect."""
        if not incident.actions:
            return incident
        rows = self._connection.execute("SELECT id, body FROM actions WHERE incident = ?", (incident.id,))
        now = {str(key): msgspec.json.decode(body, type=Action) for key, body in rows}
        held = tuple(now.get(one.id, one) for one in incident.actions)
        asked = (*incident.investigation, *answers(held))
        return msgspec.structs.replace(incident, actions=held, investigation=asked)

    def _put_incident(self, incident: Incident) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                incident.id, incident.state, incident.tier, incident.verdict, incident.sites[0], incident.opened,
                incident.last_activity, incident.score_db, msgspec.json.encode(incident).decode(),
            ),
        )  # fmt: skip
        self._connection.executemany(
            "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    one.id, incident.id, one.site, one.entity.kind, one.entity.id, one.detector, one.family, one.ts,
                    one.observed, one.p, one.db, one.model, json.dumps(one.basis, sort_keys=True),
                )
                for one in incident.evidence
            ],
        )  # fmt: skip
        self.seals.put_row("incident", incident.id)
        for one in incident.evidence:
            self.seals.put_row("evidence", one.id)

    def _put_inputs(self, inputs: Sequence[InputResult]) -> None:
        self._connection.executemany(
            "INSERT INTO inputs (path, site, format, records, accepted, duplicates, rejected) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (one.path, one.site, one.format, one.records, one.accepted, one.duplicates, json.dumps(one.rejected))
                for one in inputs
            ],
        )
        self._connection.execute(
            "DELETE FROM inputs WHERE number <= (SELECT max(number) FROM inputs) - ?", (INPUTS_MAX,)
        )

    def _put_inventory(self, devices: Iterable[Device], accounts: Iterable[Account], left: Left | None) -> None:
        # What turned out to be another, or aged out, must not stay behind.
        if left is None:
            self._connection.execute("DELETE FROM devices")
            self._connection.execute("DELETE FROM accounts")
        else:
            self._connection.executemany("DELETE FROM devices WHERE id = ?", [(one,) for one in left.devices])
            self._connection.executemany("DELETE FROM accounts WHERE name = ?", [(one,) for one in left.accounts])
        self._connection.executemany(
            "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?)",
            [(one.id, one.site, one.name, msgspec.json.encode(one).decode()) for one in devices],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?)",
            [(one.name, msgspec.json.encode(one).decode()) for one in accounts],
        )


def take_lock(folder: Path, name: str = LOCK) -> IO[str]:
    """Hold a lock file of the folder until it is closed; the kernel frees it when the process ends.

    Raises:
        ValueError: Another process holds it.
    """
    file = (folder / name).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ValueError(f"another spanline process is using the state in {folder}") from error
    return file


def drop(folder: Path) -> None:
    """Delete the files of a state, and nothing else in the folder."""
    for path in [
        *folder.glob(f"{DATABASE}*"), *folder.glob("snapshot-*.npz"), *folder.glob(KEY_FILE),
        *(folder / ARCHIVE / table for table in TABLES),
    ]:  # fmt: skip
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
