"""First contacts read from the archive by SQL, as `first_contacts` reads them from a tick: for counting again.

Each row of `CONTACTS` is a flow as a contact. `TRIED` adds, for one device, which contacts were first, how often a
service had been tried, and whether the device's traffic was seen both ways, as the walk (baselines/walk.py) has it.
"""

from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.times import parse


def nobody(end: str) -> str:
    """Return SQL that tells whether an address is no single host's (`entities.networks.no_host`)."""
    return (
        rf"(regexp_matches({end}, '^(0|127|22[4-9]|23[0-9])\.') OR {end} IN ('255.255.255.255', '::', '::1') "
        f"OR {end} LIKE 'ff__:%')"
    )


_ANSWERED = (
    "CASE WHEN resp_pkts IS NOT NULL THEN resp_pkts > 0 ELSE coalesce(resp_bytes > 0, false) "
    "OR coalesce(conn_state IN ('S1', 'SF', 'REJ', 'S2', 'S3', 'RSTO', 'RSTR'), false) END"
)
_ONE_SIDED = """ip_proto = 6 AND history IS NOT NULL AND (
    (NOT regexp_matches(history, '[a-z]') AND regexp_matches(history, '[SH]') AND regexp_matches(history, '[AD]')) OR
    (NOT regexp_matches(history, '[A-Z]') AND regexp_matches(history, '[sh]') AND regexp_matches(history, '[ad]')))"""
CONTACTS = f"""
ends AS (
    SELECT *, ts + greatest(coalesce(duration, 0), 0) AS ended, {_ANSWERED} AS replied,
        orig_pkts IS NULL OR orig_pkts <> 0 AS sent,
        NOT {nobody("orig_h")} AND NOT {nobody("resp_h")} AS single,
        NOT (resp_h LIKE '%.255') AS unicast, {_ONE_SIDED} AS one_sided
    FROM flows
),
kinds AS (
    SELECT *, sent AND replied AS two_way,
        CASE WHEN ip_proto = 6 AND single THEN 0 WHEN ip_proto = 17 AND single AND unicast THEN 1
            WHEN ((ip_proto = 1 AND orig_p = 8) OR (ip_proto = 58 AND orig_p = 128)) AND single AND unicast THEN 2
        END AS walk
    FROM ends
),
contacts AS (
    SELECT *, CASE WHEN walk = 2 THEN 0 ELSE resp_p END AS port,
        CASE WHEN NOT fresh THEN NULL
            WHEN walk = 0 THEN CASE WHEN one_sided OR NOT (history IS NULL OR contains(history, 'S')) THEN NULL
                WHEN conn_state IN ('S1', 'SF', 'S2', 'S3', 'RSTO', 'RSTR') THEN 0
                WHEN conn_state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN 1 END
            WHEN walk = 1 AND NOT replied AND resp_p BETWEEN 33434 AND 33534 THEN NULL  -- traceroute's
            WHEN walk IN (1, 2) AND sent THEN CASE WHEN replied THEN 0 ELSE 1 END
        END AS failed
    FROM kinds
)"""  # noqa: S608 - our own SQL
"""CTEs: `contacts` has every flow with `walk` (0 TCP, 1 UDP, 2 echo), `failed` (1, 0, null: says nothing), `ended`."""

TRIED = f"""
{CONTACTS},
mine AS (
    SELECT * FROM contacts
    WHERE walk IS NOT NULL AND n <= $until AND (orig_device = $device OR resp_device = $device)
),
pushes AS (
    SELECT n, 0 AS k, two_way FROM mine WHERE resp_device = $device
    UNION ALL SELECT n, 1 AS k, two_way FROM mine WHERE orig_device = $device
),
shares AS (
    SELECT n, k, greatest(
        coalesce(avg(CAST(two_way AS INT)) OVER (ORDER BY n, k ROWS BETWEEN 200 PRECEDING AND 1 PRECEDING), 0),
        avg(CAST(two_way AS INT)) OVER (ORDER BY n, k ROWS BETWEEN 199 PRECEDING AND CURRENT ROW)) AS share
    FROM pushes
),
edges AS (SELECT unnest(CAST($sites AS VARCHAR[])) AS site, unnest(CAST($starts AS BIGINT[])) AS start),
tried AS (
    SELECT n, ended, walk, resp_h, port, failed,
        share >= 0.05 OR (walk = 0 AND history IS NOT NULL AND n < coalesce(start, 9223372036854775807)) AS visible,
        row_number() OVER (PARTITION BY walk, resp_h ORDER BY n) AS host_tries,
        row_number() OVER (PARTITION BY walk, resp_h, port ORDER BY n) AS tries,
        bool_or(failed = 0) OVER (PARTITION BY walk, resp_h, port ORDER BY n) AS answered,
        first_value(ended) OVER (PARTITION BY walk, resp_h, port ORDER BY n) AS since
    FROM mine JOIN shares USING (n) LEFT JOIN edges USING (site)
    WHERE k = 1 AND orig_device = $device AND failed IS NOT NULL
)"""  # noqa: S608 - our own SQL
"""CTEs: `tried` has the contacts of `$device` up to `$until` that say something. Parameters: `parameters_of`."""


def parameters_of(evidence: Evidence, archive: Archive) -> dict[str, object]:
    """Return the parameters of TRIED for an evidence: its device, and the last flow of the step that judged it."""
    sites, starts = [], []
    for site, start in archive.rows(f"WITH {CONTACTS} {_EDGES}"):
        sites.append(site)
        starts.append(start)
    return {"device": evidence.entity.id, "until": last_n(evidence, archive, "flows"), "sites": sites, "starts": starts}


def last_n(evidence: Evidence, archive: Archive, table: str) -> int:
    """Return the ordinal of the last record of the step of event time that an evidence was last judged in."""
    rows = archive.rows(f"SELECT max(n) FROM {table} WHERE tick = ?", [parse(evidence.ts)])  # noqa: S608 - our own SQL
    return -1 if rows[0][0] is None else int(rows[0][0])


_EDGES = """
, first AS (SELECT site, min(n) AS n, arg_min(tick, n) AS tick FROM contacts WHERE one_sided GROUP BY site)
SELECT first.site, coalesce(max(flows.n), -1) + 1
FROM first LEFT JOIN flows ON flows.n < first.n AND flows.tick <> first.tick GROUP BY first.site"""
"""From which flow on a site had shown a connection that is seen from one side: the first of that step."""
