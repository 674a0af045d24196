"""The questions an analyst would ask about an incident, asked of the records that were kept, with their answers.

Each question is one SELECT, bounded to the incident's own time, so that the same evidence and records give the same
answers whenever they are asked. The query is kept as `spanline hunt` takes it. How long asking took is not told here:
nothing in the core reads a clock.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from sensor.incidents.case import Case
from sensor.model.archive import Archive
from sensor.model.incident import Answer, Party
from sensor.model.times import DAY_NS, parse, rfc3339

ADDRESSES_MAX = 3
PARTIES_MAX = 3
"""Addresses, destinations and subjects asked about, those seen first; a flood gives the same answer many times."""
SHOWN = 5
"""Rows named in an answer."""
BEFORE_NS = 7 * DAY_NS
"""How far back is asked: what is a week old and unusual would have been evidence itself."""
AFTER_NS = 10 * 10**9
"""Records of the step in which the last evidence was judged are its records."""


_WHEN = "ts BETWEEN {since} AND {until}"


class Question(msgspec.Struct, frozen=True):
    """What is asked: a query with `{since}` and `{until}` in it, and what to say of its rows or their absence."""

    text: str
    query: str
    found: str
    none: str
    away: str = ""
    """Site whose records are not here: that none are found says nothing."""


def signature(case: Case) -> str:
    """Return what the answers depend on: they are asked again where it has changed."""
    return " ".join([case.id, *sorted(case.evidence)])


def investigate(
    case: Case, archive: Archive, name_of: Callable[[str], str], linked: Iterable[Party] = (),
    away: Collection[str] = (),
) -> tuple[Answer, ...]:  # fmt: skip
    """Ask everything that applies to an incident.

    Args:
        case: The incident.
        archive: Records that were kept.
        name_of: A device's name by its id; what is no device's id stays as it is.
        linked: Devices of its accounts, which are looked at although nothing is told of them.
        away: Sites that report: their records are with them.
    """
    until_ns = max(case.since.values(), default=case.opened_ns) + AFTER_NS
    since_ns = min((*case.begun.values(), case.opened_ns)) - BEFORE_NS
    return tuple(_ask(one, since_ns, until_ns, archive, name_of) for one in questions(case, linked, away))


def questions(case: Case, linked: Iterable[Party] = (), away: Collection[str] = ()) -> list[Question]:
    """Return what is asked about an incident, each once, in order of what matters most to its subjects."""
    accounts = [party for party in case.members.values() if party.kind == "account"][:PARTIES_MAX]
    members = [party for party in case.members.values() if party.kind == "device"][:PARTIES_MAX]
    devices = list({party.id: party for party in (*members, *linked)}.values())[:PARTIES_MAX]
    places = _values(case, ("address", "source"))
    found: list[Question] = []
    for party in accounts:
        found += _of_account(case, party, places)
    for address in places:
        found.append(_others_from(address, [party.id for party in accounts]))
    for destination in _values(case, ("destination",)):
        found.append(_at(_others_to(destination, [party.id for party in members]), case.site, away))
    for party in devices:
        found += [_at(one, party.site, away) for one in _of_device(party)]
    return list(dict.fromkeys(found))


def _at(question: Question, site: str | None, away: Collection[str]) -> Question:
    return msgspec.structs.replace(question, away=site) if site is not None and site in away else question


def answered(answers: Iterable[Answer]) -> tuple[int, int]:
    """Return how many questions were answered, of how many asked."""
    told = [one.answered for one in answers]
    return sum(told), len(told)


def _of_account(case: Case, party: Party, places: list[str]) -> Iterator[Question]:
    who, where = _quote(party.id), ", ".join(_quote(one) for one in places)
    for message in _values(case, ("message",)):
        named = _quote(message)
        yield Question(
            f"Who else got {message}?",
            "SELECT account, count(*) AS n FROM events WHERE kind = 'email' AND "  # noqa: S608
            f"{named} IN (json_extract_string(detail, '$.network_message_id'), "
            f"json_extract_string(detail, '$.message_id')) AND account_entity IS DISTINCT FROM {who} AND {_WHEN} "
            "GROUP BY account ORDER BY n DESC, account LIMIT 50",
            "Also: {rows}.", "Nobody else.",
        )  # fmt: skip
    if places:
        yield Question(
            f"What did {party.name} do from there?",
            f"SELECT kind || ' ' || action AS what, count(*) AS n FROM events WHERE account_entity = {who} "  # noqa: S608
            f"AND ip IN ({where}) AND {_WHEN} GROUP BY what ORDER BY n DESC, what LIMIT 50",
            "From there it did: {rows}.", "No record of anything else from there.",
        )  # fmt: skip
        yield Question(
            f"Which files did {party.name} touch from there?",
            f"SELECT object, count(*) AS n FROM events WHERE account_entity = {who} AND kind = 'file' "  # noqa: S608
            f"AND ip IN ({where}) AND {_WHEN} GROUP BY object ORDER BY n DESC, object LIMIT 50",
            "Files: {rows}.", "No file.",
        )  # fmt: skip
    rules = [one for one in case.evidence.values() if one.family in {"hides", "forwards"} and one.entity.id == party.id]
    if rules:
        made = min(one.ts for one in rules)
        yield Question(
            f"Was mail of {party.name} moved or sent on after the rule?",
            f"SELECT action, count(*) AS n FROM events WHERE account_entity = {who} "  # noqa: S608
            f"AND kind IN ('mailbox', 'email') AND ts >= {{made:{made}}} AND {_WHEN} GROUP BY action "
            "ORDER BY n DESC, action LIMIT 50",
            "Since then: {rows}.", "No mail event since: it may not have been used yet.",
        )  # fmt: skip


def _others_from(address: str, accounts: list[str]) -> Question:
    own = ", ".join(_quote(one) for one in accounts) or "''"
    return Question(
        f"Who else signed in from {address}?",
        f"SELECT account, count(DISTINCT id) AS n FROM signins WHERE ip = {_quote(address)} AND result = 'success' "  # noqa: S608
        f"AND account NOT IN ({own}) AND {_WHEN} GROUP BY account ORDER BY n DESC, account LIMIT 50",
        "Also: {rows}.", "Nobody else.",
    )  # fmt: skip


def _others_to(destination: str, devices: list[str]) -> Question:
    own = ", ".join(_quote(one) for one in devices) or "''"
    named = _quote(destination)
    return Question(
        f"Which other devices reached {destination}?",
        f"SELECT orig_device, count(*) AS n FROM flows WHERE (resp_h = {named} OR destination = {named}) "  # noqa: S608
        f"AND orig_device IS NOT NULL AND orig_device NOT IN ({own}) AND {_WHEN} GROUP BY orig_device "
        "ORDER BY n DESC, orig_device LIMIT 50",
        "Also: {rows}.", "No other device.",
    )  # fmt: skip


def _of_device(party: Party) -> Iterator[Question]:
    who = _quote(party.id)
    yield Question(
        f"Who was on {party.name}?",
        f"SELECT account_entity, count(*) AS n FROM events WHERE device = {who} AND account_entity IS NOT NULL "  # noqa: S608
        f"AND {_WHEN} GROUP BY account_entity ORDER BY n DESC, account_entity LIMIT 50",
        "Accounts: {rows}.", "No logon was seen.",
    )  # fmt: skip
    yield Question(
        f"To where outside did {party.name} send most?",
        f"SELECT coalesce(destination, resp_h) AS peer, sum(greatest(orig_bytes, 0)) AS n FROM flows "  # noqa: S608
        f"WHERE orig_device = {who} AND NOT local_resp AND {_WHEN} GROUP BY peer ORDER BY n DESC, peer LIMIT 50",
        "Bytes to: {rows}.", "Nothing outside.",
    )  # fmt: skip


def _ask(
    question: Question, since_ns: int, until_ns: int, archive: Archive, name_of: Callable[[str], str]
) -> Answer:  # fmt: skip
    query = _filled(question.query, since_ns, until_ns, shown=False)
    shown = _filled(question.query, since_ns, until_ns, shown=True)
    try:
        rows = archive.rows(query)
    except ValueError as error:
        told = f"Could not be asked: {error}"
        return Answer(question=question.text, answer=told, rows=0, query=shown, answered=False)
    if question.away and not rows:
        told = f"The records are at {question.away}: ask there."
        return Answer(question=question.text, answer=told, rows=0, query=shown, answered=False)
    listed = ", ".join(f"{_said(row[0], name_of)} ({row[1]:,})" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    text = question.found.replace("{rows}", listed + more) if rows else question.none
    if archive.since_ns > since_ns:
        text += f" Records of before {rfc3339(archive.since_ns)} are not kept."
    return Answer(question=question.text, answer=text, rows=len(rows), query=shown)


def _filled(query: str, since_ns: int, until_ns: int, *, shown: bool) -> str:
    """Write times into a query: ns for the archive, timestamps for `spanline hunt`."""

    def at(ts_ns: int) -> str:
        return f"'{rfc3339(ts_ns)}'" if shown else str(ts_ns)

    head, mark, rest = query.partition("{made:")
    if mark:
        made, _, rest = rest.partition("}")
        query = head + at(parse(made)) + rest
    return query.replace("{since}", at(since_ns)).replace("{until}", at(until_ns))


def _values(case: Case, kinds: tuple[str, ...]) -> list[str]:
    found = [key.partition(":")[2] for key in case.keys if key.partition(":")[0] in kinds]
    return list(dict.fromkeys(one for one in found if one))[:ADDRESSES_MAX]


def _quote(text: str) -> str:
    """Write a text as SQL does; without braces, by which times are filled in."""
    return "'" + text.replace("'", "''").replace("{", "").replace("}", "") + "'"


def _said(value: object, name_of: Callable[[str], str]) -> str:
    return "unnamed" if value is None else name_of(str(value))[:120]
