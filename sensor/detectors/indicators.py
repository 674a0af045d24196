"""Indicators that someone gave, looked for in all records that were kept: flows, names, files, mail and sign-ins.

An indicator is somebody's word, and its p is how often such a word is wrong, as its list says: 10^-4 a device-day at a
confidence of 100, ten times more for each 25 points less, and 75 where the list does not say: so only what is confirmed
may page by itself, and nothing below 50 opens an incident. What a quarter of a site's devices (eight at least) meet is
no sign of anything there: it is context, and says so. An address outside counts where one of ours called it, or
answered it; a sign-in from it where it succeeded. A subject and an indicator are one evidence, however often they meet.

No detector of ticks: `look_back` asks the archive, once, after a replay. Not here: what the list leaves out.
"""

from collections.abc import Callable, Sequence

from baselines.evidence import decibans
from sensor.detectors.indicator_records import Met, met_by
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.indicator import Indicator
from sensor.model.tick import Names
from sensor.model.times import parse, rfc3339

NAME, FAMILY = "indicators", "indicator"
CONFIDENCE = 75.0
"""Of a list that gives none: "probably true" on the Admiralty's scale, as STIX 2.1's appendix A has it."""
OPENS_CONFIDENCE = 50.0
COMMON_SHARE, COMMON_MIN = 0.25, 8
"""Of a site's devices: a resolver's or a CDN's address on a list."""
MET_MAX = 10_000
"""Findings of one look back; a list that meets more is no list of exceptions."""
_KINDS = {"address": "destination", "network": "destination", "domain": "destination", "url": "destination"}


def look_back(
    indicators: Sequence[Indicator], archive: Archive, names: Names, row_of: Callable[[str], int]
) -> list[Finding]:
    """Return a finding for every subject that met an indicator, the surest first.

    Args:
        indicators: What to look for.
        archive: Records that were kept.
        names: Who is who.
        row_of: A device's row by its id, -1 where it is none.
    """
    met = sorted(_without_relays(list(met_by(indicators, archive)), archive), key=_surest_first)
    shares: dict[tuple[str, str, str], set[str]] = {}
    for one in met:
        if one.device is not None:
            shares.setdefault((one.site, one.indicator.kind, one.indicator.value), set()).add(one.device)
    return [
        _finding(
            one, names, row_of, len(shares.get((one.site, one.indicator.kind, one.indicator.value), ())),
            _devices_at(archive, one.site),
        )
        for one in met[:MET_MAX]
    ]  # fmt: skip


def rate(confidence: float | None) -> float:
    """Return how often a word of such a confidence is wrong, a device-day."""
    held = CONFIDENCE if confidence is None else confidence
    return float(10.0 ** (-held / 25.0))


def again(evidence: Evidence) -> float:
    """Return p by its definition."""
    basis = evidence.basis
    if _is_common(basis["devices"], basis["site_devices"]):
        return 1.0
    confidence = basis["confidence"]
    return rate(None if confidence < 0 else confidence)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how often the indicator was met again, by the same questions."""
    told = next((key for key in evidence.keys if key.startswith("indicator:")), None)
    if told is None:
        return None
    _, kind, value = told.split(":", 2)
    indicator = Indicator(kind=kind, value=value)
    subject = evidence.entity.id
    return float(
        sum(
            one.count for one in met_by([indicator], archive, parse(evidence.ts))
            if subject in {one.device, one.account} and one.site == evidence.site
        )
    )  # fmt: skip


def _without_relays(met: list[Met], archive: Archive) -> list[Met]:
    """Leave a resolver out that only asks for others: where one of its clients is known to have met the same."""
    rows = archive.rows("SELECT DISTINCT resp_device FROM flows WHERE resp_p = 53 AND resp_device IS NOT NULL")
    relays = {device for (device,) in rows}
    direct = {(one.site, one.indicator.value) for one in met if one.device is not None and one.device not in relays}
    return [one for one in met if one.device not in relays or (one.site, one.indicator.value) not in direct]


def _surest_first(one: Met) -> tuple[float, int, str, str, str]:
    """Order what is found: the day's budget goes to what is surest, then to what came first."""
    return rate(one.indicator.confidence), one.first_ns, one.site, one.value, one.device or one.account or ""


def _devices_at(archive: Archive, site: str) -> int:
    rows = archive.rows("SELECT count(DISTINCT orig_device) FROM flows WHERE site = $site", {"site": site})
    return int(rows[0][0])


def _is_common(devices: float, site_devices: float) -> bool:
    return devices >= COMMON_MIN and devices >= COMMON_SHARE * site_devices


def _finding(one: Met, names: Names, row_of: Callable[[str], int], devices: int, site_devices: int) -> Finding:
    device = row_of(one.device) if one.device is not None else -1
    account = names.account_row(one.account) if one.account is not None else -1
    kind, identity = ("device", one.device) if one.device is not None else ("account", one.account)
    name = names.device_name(device) if device >= 0 else identity or ""
    common = _is_common(devices, site_devices)
    p = 1.0 if common else rate(one.indicator.confidence)
    listed = one.indicator
    evidence = Evidence(
        id=identify("EV", one.site, identity or "", NAME, listed.kind, listed.value),
        ts=rfc3339(one.tick_ns), site=one.site, entity=Entity(kind=kind, id=identity or ""), detector=NAME,
        family=FAMILY, source="network" if kind == "device" else "identity", observed=float(one.count), expected=0.0,
        range=(0.0, 0.0), reference="analytic", reference_n=0, p=p, db=decibans(p),
        text=_text(one, name, devices if common else 0, site_devices), records=one.records, model="indicators.met/1",
        basis={
            "confidence": -1.0 if listed.confidence is None else listed.confidence, "devices": float(devices),
            "site_devices": float(site_devices), "days": float(one.days),
        },
        keys=(
            f"indicator:{listed.kind}:{listed.value}",
            *((f"{_KINDS[listed.kind]}:{one.value}",) if listed.kind in _KINDS and kind == "device" else ()),
            *((f"address:{one.value}",) if kind == "account" and listed.kind in {"address", "network"} else ()),
        ),
        marks=("context",) if common else (),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=device, account=account, name=name, digest=True,
        opens=not common and p <= rate(OPENS_CONFIDENCE), peers=_peers(one),
        counter=("an indicator is as good as its list: addresses change hands",),
        check=f"What does {listed.origin or 'the list'} rest on, and what did {name} do with {one.value} then?",
    )  # fmt: skip


def _text(one: Met, name: str, devices: int, site_devices: int) -> str:
    listed = one.indicator
    value = one.value if one.value == listed.value else f"{one.value} ({listed.value})"
    about = f" “{listed.about}”" if listed.about else ""
    sure = "" if listed.confidence is None else f" with a confidence of {listed.confidence:.0f} of 100"
    span = f"{_times(one.count, 'time')} on {_times(one.days, 'day')}"
    where = f"listed{about} in {listed.origin or 'a list'}{sure}"
    text = f"{name} met {value}, {where}: it {one.how}, {span}."
    if devices:
        text += f" So did {devices} of {site_devices} devices of the site: here it is no sign of anything."
    return text


def _times(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def _peers(one: Met) -> tuple[Peer, ...]:
    kind = {"address": "address", "network": "address", "domain": "domain"}.get(one.indicator.kind)
    return () if kind is None else (Peer(kind=kind, id=one.value, name=one.value),)
