"""Incidents, devices and results as text for a person, and as Markdown. Plain text: colour only on a terminal.

What comes from the network is escaped first: a hostname cannot move the cursor.
"""

import shlex
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence

import click

from sensor.model.account import SignIn
from sensor.model.detection import ExpectedScan
from sensor.model.device import Device
from sensor.model.evidence import Record
from sensor.model.incident import Incident, Moment
from sensor.model.indicator import IndicatorResult
from sensor.model.result import ClockSkew, Coverage, InputResult, ReplayResult
from sensor.model.text import clean as clean  # noqa: PLC0414 - as whoever shows asks for it
from sensor.model.text import code, markdown

_TIER_COLOUR = {"page": "red", "triage": "yellow", "digest": "cyan"}
_WIDTH = 110
CLOCK_WRONG_S = 2.0
"""A clock kept by NTP is within a tenth of a second; an endpoint's agent stamps a connection within a second or two."""


def heading(text: str) -> None:
    """Print a heading."""
    click.secho(f"\n{text}", bold=True)


def paragraph(text: str, indent: int = 2) -> None:
    """Print wrapped text."""
    pad = " " * indent
    click.echo(click.wrap_text(clean(text), _WIDTH, pad, pad))


def result(answer: ReplayResult) -> None:
    """Print a replay: what was visible, incidents, most unusual, coverage, inputs that failed."""
    if answer.visible is not None:
        click.secho(answer.visible.text, bold=True)
    if answer.first_ts and answer.last_ts:
        click.echo(f"{answer.first_ts} to {answer.last_ts}: {_counts(answer)}")
    heading(f"Incidents: {len(answer.incidents)}, and {len(answer.digest)} in the digest")
    for incident in answer.incidents:
        incident_brief(incident)
    if not answer.incidents:
        click.echo("  none")
    for incident in answer.digest[:5]:
        incident_brief(incident)
    heading("Most unusual here")
    for evidence in answer.unusual:
        paragraph(f"{evidence.db:+5.1f} dB  {evidence.text}")
    if not answer.unusual:
        click.echo("  nothing to list")
    heading("Coverage")
    for state in answer.coverage:
        coverage(state)
    indicators(answer.indicators)
    clocks([one for one in answer.clocks if abs(one.ahead_s) >= CLOCK_WRONG_S])
    failed = [one for one in answer.inputs if one.error or one.rejected or one.duplicates or one.warnings]
    if failed:
        heading("Inputs")
    for one in failed[:20]:
        input_line(one)
    if len(failed) > 20:
        click.echo(f"  and {len(failed) - 20} more: see --json")


def indicators(lists: Sequence[IndicatorResult]) -> None:
    """Print what came of each list of indicators."""
    if lists:
        heading("Indicators")
    for one in lists:
        refused = ", ".join(f"{count:,} {reason}" for reason, count in one.refused.items())
        text = f"{one.path}: {one.entries:,} entries, {one.used:,} used, {one.duplicates:,} duplicates"
        paragraph(f"{text}{f', refused: {refused}' if refused else ''}; {one.met:,} met in the records that are kept")


def clocks(wrong: Sequence[ClockSkew]) -> None:
    """Print which logs' clocks are wrong, and by how much."""
    if wrong:
        heading("Clocks")
    for one in wrong:
        way = f"{abs(one.ahead_s):,.0f} s {'ahead of' if one.ahead_s > 0 else 'behind'} the network"
        paragraph(
            f"{one.source} is {way}{f' at {one.site}' if one.site else ''} (measured on {one.measured_on:,} records "
            "that both saw); it is compared as if it were right."
        )


def next_commands(answer: ReplayResult, state_dir: str) -> None:
    """Print what to try next."""
    heading("Next")
    state = "" if state_dir == "spanline-state" else f" --state {state_dir}"
    if answer.incidents:
        first = answer.incidents[0]
        click.echo(f"  spanline incident {first.id}{state}")
        click.echo(f"  spanline explain {first.id} --verify{state}")
        whose = next((one for one in first.entities if one.kind in {"device", "account"}), None)
        if whose is not None:
            click.echo(f"  spanline {whose.kind} {shlex.quote(clean(whose.id))}{state}")
    click.echo(f"  spanline devices{state}")


def _counts(answer: ReplayResult) -> str:
    return (
        f"{answer.packets:,} packets, {answer.flows:,} flows, {answer.devices:,} devices, {answer.accounts:,} "
        f"accounts, read in {answer.elapsed_s:.1f} s"
    )


def incident_brief(incident: Incident) -> None:
    """Print an incident in a few lines."""
    tier = click.style(incident.tier.upper(), fg=_TIER_COLOUR.get(incident.tier), bold=True)
    mark = "" if incident.state == "open" else f" [{incident.state}]"
    click.echo(f"  {tier} {incident.id} {incident.score_db:+.1f} dB{mark} {clean(incident.title)}")
    paragraph(incident.summary, 4)
    if incident.next_check and incident.tier != "digest":
        paragraph(f"Check first: {incident.next_check}", 4)


def incident_full(incident: Incident) -> None:
    """Print an incident with its evidence, its flows, what speaks against it, and proposed actions."""
    incident_brief(incident)
    sites = clean(", ".join(incident.sites))
    click.echo(f"    Opened {incident.opened}, last activity {incident.last_activity}, site {sites}.")
    if incident.techniques:
        click.echo(f"    ATT&CK: {clean(', '.join(incident.techniques))}")
    heading("Who")
    for party in incident.entities:
        click.echo(f"  {party.role:8} {party.kind:8} {clean(party.id):22} {clean(party.name)}")
    if incident.timeline:
        heading("What happened")
    for moment in incident.timeline:
        paragraph(f"{moment.ts[:19]}Z  {_moment(moment)}")
    heading("Evidence")
    for one in incident.evidence:
        paragraph(f"{one.db:+.1f} dB (p = {one.p:.2g}, {one.reference}): {one.text}")
        for record in one.records[-5:]:
            click.echo(f"      {record_text(record)}")
        if len(one.records) > 5:
            click.echo(f"      and {len(one.records) - 5} more records: see --json")
    if incident.counter_evidence:
        heading("Against it")
        for text in incident.counter_evidence:
            paragraph(text)
    for number, found in enumerate(incident.investigation):
        if number == 0:
            heading("Asked")
        paragraph(f"{found.question} {found.answer}")
    if incident.actions:
        heading("Proposed")
        for action in incident.actions:
            paragraph(f"{action.verb} {action.target['id']} ({action.mode}, {action.state}): {action.blast_radius}")
    if incident.verdict:
        heading("Closed")
        paragraph(f"{incident.verdict}: {incident.reason or ''}")
    elif incident.evidence:
        _if_harmless(incident)


def _if_harmless(incident: Incident) -> None:
    """Print the one command that ends it: of its strongest evidence, whatever else its entity does is still told."""
    strongest = max(incident.evidence, key=lambda one: (one.db, one.id))
    scope = f"--entity {shlex.quote(clean(strongest.entity.id))} --detector {strongest.detector}"
    heading("If it is harmless")
    click.echo(f"  spanline mute {scope} --reason WHY  (shows what it would hide; --yes puts it in force)")
    click.echo(f"  spanline close {incident.id} --verdict benign --reason WHY  (and the same for 30 days)")


def incident_markdown(incident: Incident) -> str:
    """Write an incident as Markdown."""
    lines = [
        f"# {markdown(incident.title)}", "",
        f"`{incident.id}` · {incident.tier} · {incident.state} · {incident.score_db:+.1f} dB · "
        + markdown(", ".join(incident.sites)),
        "", markdown(incident.summary), "", f"**Check first:** {markdown(incident.next_check)}", "",
        "## What happened", "",
        *(f"- `{moment.ts[:19]}Z` {markdown(_moment(moment))}" for moment in incident.timeline), "", "## Evidence", "",
    ]  # fmt: skip
    for one in incident.evidence:
        lines.append(f"- {one.db:+.1f} dB (p = {one.p:.2g}): {markdown(one.text)}")
        lines += [f"  - {code(record_text(record))}" for record in one.records]
    if incident.counter_evidence:
        lines += ["", "## Against it", "", *(f"- {markdown(text)}" for text in incident.counter_evidence)]
    for number, found in enumerate(incident.investigation):
        lines += ["", "## Asked", ""] if number == 0 else []
        lines += [f"- {markdown(found.question)} {markdown(found.answer)}", f"  - {code(found.query)}"]
    if incident.actions:
        lines += ["", "## Proposed", ""]
    for action in incident.actions:
        lines.append(f"- {action.verb} {code(action.target['id'])} ({action.state}): {markdown(action.blast_radius)}")
    return "\n".join(lines)


def _moment(moment: Moment) -> str:
    """Say one line of a timeline: how much it weighs, who, and what."""
    weighs = {"context": "no weight", "muted": "muted"}.get(moment.kind)
    weight = weighs or (f"{moment.db:+.0f} dB" if moment.db is not None else "")
    return clean(f"{f'({weight}) ' if weight else ''}{moment.text}")


def record_text(record: Record) -> str:
    """Say where a record is: its input, flow uid, and row or packet."""
    parts = [clean(record.input)]
    parts += [f"uid {clean(record.uid)}"] if record.uid else []
    parts += [f"row {record.row}"] if record.row is not None else []
    parts += [f"packet {record.offset}"] if record.offset is not None else []
    return ", ".join(parts)


def coverage(one: Coverage) -> None:
    """Print whether a detector could judge."""
    state = {"judged": "judged", "learning": "learning", "no_input": "could not"}[one.state]
    paragraph(f"{one.detector:9} {state:9} {one.why}")


def input_line(one: InputResult) -> None:
    """Print an input's account."""
    rejected = ", ".join(f"{count} {reason}" for reason, count in one.rejected.items())
    text = f"{one.path} ({one.format}): {one.records} records, {one.accepted} accepted, {one.duplicates} duplicates"
    paragraph(text + (f", rejected: {rejected}" if rejected else "") + (f"; {one.error}" if one.error else ""))
    for warning in one.warnings:
        paragraph(warning, 4)


def devices(rows: Sequence[Device]) -> None:
    """Print the inventory as a table."""
    names = (
        *("ID", "SITE", "NAME", "ROLE", "VENDOR", "ADDRESSES", "MAC", "WHERE", "FLOWS", "LAST SEEN", "LEARNING"),
        "RISK dB",
    )
    table(names, (_device_cells(one) for one in rows), ("ID", "LAST SEEN"))


def _own_name(one: Device) -> str:
    """Return a device's name; as it is meant to be read where it only looks like another."""
    return next((span.value for span in one.names if span.value.startswith(f"{one.name} (")), one.name)


def _device_cells(one: Device) -> tuple[str, ...]:
    more = f" +{len(one.addresses) - 2}" if len(one.addresses) > 2 else ""
    return (
        one.id, ", ".join(one.sites), _own_name(one), one.role or "", (one.vendor or "")[:20],
        ", ".join(one.addresses[:2]) + more, ", ".join(one.macs[:2]), one.location, f"{one.flows}",
        one.last_seen[:19] + "Z", f"{one.learning.state} {one.learning.progress:.0%}", f"{one.risk_db:.1f}",
    )  # fmt: skip


def table(names: Sequence[str], rows: Iterable[Sequence[str]], no_wrap: Collection[str] = ()) -> None:
    """Print rows of text under their columns' names; markup and control characters in them are shown, not obeyed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for name in names:
        made.add_column(name, no_wrap=name in no_wrap)
    for row in rows:
        made.add_row(*[escape(clean(cell)) for cell in row])
    console = Console(soft_wrap=False) if sys.stdout.isatty() else Console(width=200)
    console.print(made)


def signins(rows: Sequence[SignIn]) -> None:
    """Print sign-ins as a table."""
    names = ("TIME", "ACCOUNT", "FROM", "PLACE", "APP", "RESULT", "MFA", "DEVICE", "SOURCE", "NETWORK", "BECAUSE")
    table(names, (_signin_cells(one) for one in rows), ("TIME",))


def _signin_cells(one: SignIn) -> tuple[str, ...]:
    place = ", ".join(filter(None, (one.city, one.country)))
    result = one.result + (f" {one.reason_code}" if one.reason_code and one.result != "success" else "")
    return (
        one.ts[:19] + "Z", one.account, one.ip or "", place + (f" ({one.site})" if one.site else ""), one.app or "",
        result, one.mfa, one.device or "", "+".join(one.sources), one.corroboration, _because(one),
    )  # fmt: skip


def _because(one: SignIn) -> str:
    """Say why, and what the verdict was before."""
    before = f" (revised at {one.revisions[-1].ts[11:16]}Z, was {one.revisions[-1].from_})" if one.revisions else ""
    return one.because + before


def facts(known: Mapping[str, str]) -> None:
    """Print names and values, those that are empty left out."""
    for name, value in known.items():
        if value:
            click.echo(f"  {name:11} {clean(value)}")


def device(one: Device, incidents: Sequence[Incident]) -> None:
    """Print one device and its incidents."""
    click.secho(f"{one.id} {clean(one.name)}", bold=True)
    known = {
        "site": ", ".join(one.sites), "location": one.location, "addresses": ", ".join(one.addresses),
        "MAC": ", ".join(one.macs), "vendor": one.vendor or "",
        "role": (one.role or "") + (f": {clean('; '.join(one.role_evidence))}" if one.role_evidence else ""),
        "shared": one.shared or "", "accounts": clean(", ".join(one.accounts)),
        "ids": clean(", ".join(f"{source} {identity}" for source, identity in one.agents.items())),
        "was also": ", ".join(one.aliases) + (f" (joined by {', '.join(one.joined_by)})" if one.joined_by else ""),
        "first seen": one.first_seen, "last seen": one.last_seen, "flows": str(one.flows),
        "learning": f"{one.learning.state}, {one.learning.progress:.0%} of the first 24 h"
        + (f", ready about {one.learning.ready_at}" if one.learning.ready_at else ""),
        "risk": f"{one.risk_db:.1f} dB",
    }  # fmt: skip
    facts(known)
    for title, spans in (("Names", one.names), ("Addresses", one.address_spans)):
        if spans:
            heading(title)
        for span in spans:
            told = span.source or (f"at {span.where}" if span.where else "elsewhere")
            click.echo(f"  {clean(span.value):39} {span.first[:19]}Z to {span.last[:19]}Z  {clean(told)}")
    if incidents:
        heading("Incidents")
    for incident in incidents:
        incident_brief(incident)


def expected_scans(scans: Sequence[ExpectedScan]) -> None:
    """Print what a device scanned as one of the site's own scanners."""
    if scans:
        heading("Scans as one of the site's scanners (no incident)")
    for one in scans:
        click.echo(f"  {one.ts[:19]}Z  {clean(one.text)}")
