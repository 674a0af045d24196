"""An archive in memory: flows of a test as the program's archive has them, in DuckDB."""

import json

import duckdb
import msgspec

from sensor.model import addresses
from sensor.model.flow import CONN_STATES, PROTOS


class Kept:
    """Flows that were resolved, asked by SQL."""

    def __init__(self, known, rows, since_ns=0, messages=()):
        self.since_ns = since_ns
        self._db = duckdb.connect()
        self._db.execute(
            "CREATE TABLE flows (ts BIGINT, duration BIGINT, site VARCHAR, orig_device VARCHAR, resp_device VARCHAR, "
            "orig_h VARCHAR, resp_h VARCHAR, resp_p INTEGER, proto VARCHAR, conn_state VARCHAR, "
            "history VARCHAR, service VARCHAR, orig_bytes BIGINT, resp_bytes BIGINT, orig_pkts BIGINT, "
            "resp_pkts BIGINT, local_resp BOOLEAN)"
        )
        for row in rows:
            ends = [addresses.text(int(row[f"{side}_hi"]), int(row[f"{side}_lo"])) for side in ("orig", "resp")]
            found = [known.locate(0, end) for end in ends]
            devices = [known.device_id(device) if device >= 0 else None for device in found]
            self._db.execute(
                "INSERT INTO flows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    int(row["ts"]), None if row["duration"] < 0 else int(row["duration"]), "local", *devices, *ends,
                    int(row["resp_p"]), PROTOS.get(int(row["proto"]), "unknown_transport"),
                    CONN_STATES[row["conn_state"]] or None, row["history"].decode() or None,
                    row["service"].decode() or None, int(row["orig_bytes"]), int(row["resp_bytes"]),
                    int(row["orig_pkts"]), int(row["resp_pkts"]), ends[1].startswith("10."),
                ),
            )  # fmt: skip

        self._db.execute(
            "CREATE TABLE messages (ts BIGINT, site VARCHAR, device VARCHAR, kind VARCHAR, uid VARCHAR, body VARCHAR)"
        )
        for message in messages:
            device = known.locate(0, message.orig_h)
            body = msgspec.json.encode(message).decode()
            self._db.execute(
                "INSERT INTO messages VALUES (?, 'local', ?, ?, ?, ?)",
                (
                    message.ts,
                    known.device_id(device) if device >= 0 else None,
                    json.loads(body)["log"],
                    message.uid,
                    body,
                ),
            )

    def rows(self, sql, parameters=()):
        """The rows of one query."""
        return self._db.execute(sql, parameters).fetchall()
