"""Contacts from outside counted again from the archive by SQL.

A row of a service is counted whole. Of a row of a port at a site the failures are: those that had no row of their own.
A site's row over all ports depends on the order in which rows came to be, and is not counted again.
"""

from sensor.detectors.contacts_again import CONTACTS, last_n, nobody
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.times import DAY_NS

FAILS_SHOWN = 8
"""Of model inbound.count/1: failures from which a service has a row of its own."""
_OUTSIDE = f"""WITH {CONTACTS},
outside AS (
    SELECT *, ip_proto = 6 AND resp_device IS NOT NULL AND coalesce(conn_state IN ('SHR', 'RSTRH'), false) AS scattered
    FROM contacts WHERE NOT local_orig AND local_resp AND n <= $until AND (tick - 1) // {DAY_NS} = $day
        AND ip_proto = $proto AND NOT {nobody("orig_h")}
),
counted AS (
    SELECT *, CASE WHEN scattered THEN 0 ELSE resp_p END AS at_port, scattered OR failed = 1 AS fails
    FROM outside WHERE scattered OR failed IS NOT NULL
)"""  # noqa: S608 - our own SQL
_SERVICE = f"""{_OUTSIDE}
SELECT count(*) FILTER (fails), count(*) FILTER (NOT fails), count(DISTINCT orig_h), count(DISTINCT resp_h)
FROM counted WHERE at_port = $port AND resp_device = $device"""  # noqa: S608
_SITE = f"""{_OUTSIDE},
services AS (
    SELECT resp_device, count(*) AS n FROM counted WHERE fails AND at_port = $port AND site = $site GROUP BY ALL
)
SELECT coalesce(sum(n), 0) FROM services WHERE resp_device IS NULL OR n < {FAILS_SHOWN}"""  # noqa: S608


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the failures again; None for a site's row over all ports, and where records have expired."""
    found = numbers(evidence, archive)
    return None if found is None else found["fails"]


def numbers(evidence: Evidence, archive: Archive) -> dict[str, float] | None:
    """Return again what an evidence's basis says of the records; None where they cannot tell."""
    basis = evidence.basis
    day, port, proto = (int(basis[name]) for name in ("day", "port", "proto"))
    if archive.since_ns > day * DAY_NS:
        return None
    given: dict[str, object] = {"until": last_n(evidence, archive, "flows"), "day": day, "port": port, "proto": proto}
    if not basis["at_site"]:
        ((fails, made, sources, targets),) = archive.rows(
            _SERVICE, given | {"device": evidence.entity.id.partition(":")[0]}
        )
        return {"fails": fails, "made": made, "sources": sources, "targets": targets}
    if not proto:
        return None
    ((fails,),) = archive.rows(_SITE, given | {"site": evidence.site})
    return {"fails": float(fails)}


def again(evidence: Evidence) -> float | None:
    """Return p again: the internet's weather is nothing unusual."""
    return 1.0 if evidence.model == "inbound.count/1" else None
