"""Indicators in the records that were kept: who met which, how, how often, and where to find it again.

Asks the archive by SQL, each kind of record once. Judges nothing (`indicators`).
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sensor.model.archive import Archive
from sensor.model.evidence import RECORDS_MAX, Record
from sensor.model.indicator import Indicator
from sensor.model.times import DAY_NS

FOR_EVER = (1 << 63) - 1
_UNANSWERED = "('S0', 'REJ', 'RSTOS0', 'SH', 'SHR', 'OTH', 'RSTRH')"
"""Zeek's states of a connection that its responder did not take."""
_NAMED = "('dns', 'ssl', 'http', 'quic')"
_DAYS = "count(DISTINCT ts // $day)"
_RECORDS = f"list(struct_pack(i := input, u := {{uid}}, r := record) ORDER BY n)[1:{RECORDS_MAX}]"


class Met(msgspec.Struct, frozen=True):
    """One indicator met by one subject, over all that is kept."""

    indicator: Indicator
    value: str
    """As the records have it: an address of a network, a name below a domain."""
    site: str
    device: str | None
    account: str | None
    days: int
    count: int
    first_ns: int
    tick_ns: int
    how: str
    records: tuple[Record, ...]


class _Asker:
    """The archive up to a time."""

    def __init__(self, archive: Archive, until_ns: int) -> None:
        self._archive, self._until_ns = archive, until_ns

    def met(self, sql: str, wanted: Mapping[str, Indicator], how: str) -> Iterator[Met]:
        """Ask for rows (site, device, account, value, days, count, first, tick, records)."""
        asked = {"day": DAY_NS, "values": list(wanted), "until": self._until_ns}
        for site, device, account, value, days, count, first, tick, records in self._archive.rows(sql, asked):
            if count:
                yield Met(
                    wanted[value], value, site, device, account, days, count, first, tick, how,
                    tuple(Record(input=one["i"] or "", uid=one["u"], row=one["r"]) for one in records or ()),
                )  # fmt: skip

    def distinct(self, sql: str) -> Iterator[str]:
        """Ask for the different values of one column."""
        rows = self._archive.rows(f"SELECT DISTINCT * FROM ({sql})")  # noqa: S608 - no one's text but ours
        return (text for (text,) in rows if text)


def met_by(indicators: Sequence[Indicator], archive: Archive, until_ns: int = FOR_EVER) -> Iterator[Met]:
    """Ask for indicators of every kind.

    Args:
        indicators: What to look for.
        archive: Records that were kept.
        until_ns: Records that were taken in later are left out.
    """
    ask = _Asker(archive, until_ns)
    addresses = _addresses(indicators, ask)
    seen: dict[tuple[str, str | None, str | None, str, str], Met] = {}
    for one in (*_flows(addresses, ask), *_signins(addresses, ask), *_names(indicators, ask), *_texts(indicators, ask)):
        if _is_valid(one):
            key = (one.site, one.device, one.account, one.indicator.kind, one.indicator.value)
            seen[key] = _joined(seen[key], one) if key in seen else one
    yield from seen.values()


def _joined(one: Met, other: Met) -> Met:
    return msgspec.structs.replace(
        one, days=max(one.days, other.days), count=one.count + other.count, first_ns=min(one.first_ns, other.first_ns),
        tick_ns=max(one.tick_ns, other.tick_ns), records=(*one.records, *other.records)[:RECORDS_MAX],
        how=one.how if other.how in one.how else f"{one.how}, {other.how}",
    )  # fmt: skip


def _is_valid(one: Met) -> bool:
    since, until = one.indicator.since_ns, one.indicator.until_ns
    return (since is None or one.tick_ns >= since) and (until is None or one.first_ns < until)


def _addresses(indicators: Sequence[Indicator], ask: _Asker) -> dict[str, Indicator]:
    """Return the addresses to ask for: those listed, and those of the archive that lie in a listed network."""
    found = {one.value: one for one in indicators if one.kind == "address"}
    networks: dict[tuple[int, int, int], Indicator] = {}
    for one in indicators:
        if one.kind == "network":
            network = ipaddress.ip_network(one.value)
            shift = network.max_prefixlen - network.prefixlen
            networks[network.version, shift, int(network.network_address) >> shift] = one
    if not networks:
        return found
    shifts = sorted({(version, shift) for version, shift, _ in networks})
    for text in ask.distinct(
        "SELECT resp_h FROM flows WHERE orig_device IS NOT NULL UNION SELECT orig_h FROM flows "
        "WHERE resp_device IS NOT NULL UNION SELECT ip FROM signins"
    ):
        address = ipaddress.ip_address(text)
        for version, shift in shifts:
            held = networks.get((version, shift, int(address) >> shift)) if version == address.version else None
            if held is not None:
                found.setdefault(text, held)
    return found


def _flows(addresses: Mapping[str, Indicator], ask: _Asker) -> Iterator[Met]:
    """Flows of ours to a listed address, and its flows that one of ours answered."""
    if not addresses:
        return
    answered = f"orig_device IS NULL AND conn_state NOT IN {_UNANSWERED}"
    for ours, theirs, where, how in (
        ("orig_device", "resp_h", "true", "opened flows to it"),
        ("resp_device", "orig_h", answered, "answered flows from it"),
    ):
        yield from ask.met(
            f"SELECT site, {ours}, NULL, {theirs}, {_DAYS}, count(*) FILTER (fresh), min(ts), max(tick), "  # noqa: S608
            f"{_RECORDS.format(uid='uid')} FROM flows WHERE {ours} IS NOT NULL AND {where} AND tick <= $until AND "
            f"{theirs} IN (SELECT unnest($values)) GROUP BY 1, 2, 4",
            addresses,
            how,
        )


def _signins(addresses: Mapping[str, Indicator], ask: _Asker) -> Iterator[Met]:
    """Sign-ins that succeeded from a listed address."""
    if addresses:
        yield from ask.met(
            f"SELECT coalesce(site, ''), NULL, account, ip, {_DAYS}, count(DISTINCT id), min(ts), max(tick), NULL "  # noqa: S608
            "FROM signins WHERE begun AND result = 'success' AND account IS NOT NULL AND tick <= $until AND "
            "ip IN (SELECT unnest($values)) GROUP BY 1, 3, 4",
            addresses,
            "signed in from it",
        )


def _names(indicators: Sequence[Indicator], ask: _Asker) -> Iterator[Met]:
    """Questions for a listed name or one below it, hellos and requests to it; requests for a listed URL."""
    domains = {one.value: one for one in indicators if one.kind == "domain"}
    called: dict[str, Indicator] = {}
    named = f"SELECT query FROM messages WHERE device IS NOT NULL AND kind IN {_NAMED}"  # noqa: S608
    for name in ask.distinct(named) if domains else ():
        labels = name.lower().rstrip(".").split(".")
        held = next((one for at in range(len(labels)) if (one := domains.get(".".join(labels[at:])))), None)
        if held is not None:
            called[name] = held
    yield from _messages("query", f"kind IN {_NAMED}", called, ask, "asked for it or called it by name")
    urls = {one.value: one for one in indicators if one.kind == "url"}
    what = "coalesce(query, resp_h) || json_extract_string(body, '$.uri')"
    yield from _messages(what, "kind = 'http'", urls, ask, "requested it")


def _texts(indicators: Sequence[Indicator], ask: _Asker) -> Iterator[Met]:
    """Fingerprints of hellos; hashes of files and certificates; senders of mail."""
    prints = {one.value: one for one in indicators if one.kind == "fingerprint"}
    for field in ("ja3", "ja4"):
        what = f"lower(json_extract_string(body, '$.{field}'))"
        yield from _messages(what, "kind IN ('ssl', 'quic')", prints, ask, "said hello so")
    hashes = {one.value: one for one in indicators if one.kind == "hash"}
    for field in ("md5", "sha1", "sha256"):
        what = f"lower(json_extract_string(body, '$.{field}'))"
        yield from _messages(what, "kind = 'files'", hashes, ask, "transferred it")
    what = "lower(json_extract_string(body, '$.fingerprint'))"
    yield from _messages(what, "kind = 'x509'", hashes, ask, "was shown the certificate")
    yield from _mail("sha256", hashes, ask, "was sent it by mail")
    senders = {one.value: one for one in indicators if one.kind == "sender"}
    yield from _mail("sender", senders, ask, "was sent mail by it")


def _messages(what: str, where: str, wanted: Mapping[str, Indicator], ask: _Asker, how: str) -> Iterator[Met]:
    if wanted:
        yield from ask.met(
            f"SELECT site, device, NULL, {what}, {_DAYS}, count(*), min(ts), max(tick), {_RECORDS.format(uid='uid')} "  # noqa: S608
            f"FROM messages WHERE device IS NOT NULL AND {where} AND tick <= $until AND "
            f"{what} IN (SELECT unnest($values)) GROUP BY 1, 2, 4",
            wanted,
            how,
        )


def _mail(field: str, wanted: Mapping[str, Indicator], ask: _Asker, how: str) -> Iterator[Met]:
    if wanted:
        what = f"lower(json_extract_string(detail, '$.{field}'))"
        yield from ask.met(
            f"SELECT coalesce(site, ''), NULL, account_entity, {what}, {_DAYS}, count(*), min(ts), max(tick), "  # noqa: S608
            f"{_RECORDS.format(uid='NULL')} FROM events WHERE kind = 'email' AND account_entity IS NOT NULL AND "
            f"tick <= $until AND {what} IN (SELECT unnest($values)) GROUP BY 1, 3, 4",
            wanted,
            how,
        )
