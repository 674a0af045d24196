"""Tables of the state as a hunt sees them."""

import json

from sensor.model.account import SignIn
from sensor.store.hunt_tables import STATE_TABLES, rows_of
from sensor.store.state import State
from tests.store.test_state import commit, device, incident


def test_every_table_has_its_columns(tmp_path):
    """One row each, with the whole in `body`; digest incidents are there too."""
    with State(tmp_path) as state:
        state.add_signins(
            [SignIn(
                ts="2024-01-01T00:00:00.000000Z", account="a", source="entra", ip="203.0.113.7", country="AU", asn=1,
                app=None, result="success", reason_code=None, reason=None, mfa="none", device=None, id="S-1",
            )]
        )  # fmt: skip
        commit(state, [incident(), incident("INC-2", "digest")], [device()])
        found = {table: rows_of(table, state) for table in STATE_TABLES}

    assert {"incidents": 2, "evidence": 2, "devices": 1, "accounts": 1, "signins": 1} == {
        table: len(rows) for table, rows in found.items()
    }
    for table, rows in found.items():
        assert set(STATE_TABLES[table]) == set(rows[0])
        assert isinstance(json.loads(rows[0]["body"]), dict)
    subject = found["incidents"][0]
    assert ("device", "dev-1", "PC", 1) == tuple(
        subject[name] for name in ("subject_kind", "subject_id", "subject_name", "evidence_count")
    )
    assert None is found["accounts"][0]["first_seen"]
