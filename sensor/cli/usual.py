"""What is usual for a device or an account, in a terminal: sentences, small plots of its hours and days, and tables.

Plots are Unicode's eighth blocks (U+2581 to U+2588), scaled to the largest value beside them; a zero is a dot.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import click

from sensor.cli import show
from sensor.model.usual import TITLES, Act, DayOf, Usual

_BLOCKS = "▁▂▃▄▅▆▇█"


def print_usual(usual: Usual | None, unit: str) -> None:
    """Print what is usual. `unit`: what `count` counts."""
    show.heading("What is normal for it")
    if usual is None:
        show.paragraph("The archive has no record of it: [archive] enabled = true keeps them.")
        return
    for sentence in usual.said:
        show.paragraph(sentence)
    if not usual.whole:
        show.paragraph("The archive no longer has all of these days.")
    click.echo()
    _plot("hours", usual.hours, "00 to 23 h")
    _plot("weekdays", usual.weekdays, "Mon to Sun")
    first, last = usual.days[0].day, usual.days[-1].day
    by_day = {one.day: one for one in usual.days}
    _plot(unit, _daily(by_day, "count"), f"{first} to {last}")
    if any(one.bytes_out or one.bytes_in for one in usual.days):
        _plot("bytes out", _daily(by_day, "bytes_out"), "a day")
        _plot("bytes in", _daily(by_day, "bytes_in"), "a day")
    for group, shares in usual.groups.items():
        show.heading(TITLES[group])
        for one in shares:
            days = f"{one.days} day{'' if one.days == 1 else 's'}"
            click.echo(f"  {show.clean(one.name)[:60]:60} {days:>8} {one.count:>9,}×")


def print_acts(acts: Sequence[Act]) -> None:
    """Print an account's timeline."""
    if not acts:
        return
    show.heading("Timeline")
    names = ("TIME", "KIND", "WHAT", "OUTCOME", "WHY", "FROM", "SOURCE")
    rows = ((one.ts[:19] + "Z", one.kind, one.what, one.outcome, one.why, one.where, one.source) for one in acts)
    show.table(names, rows, ("TIME",))


def spark(values: Sequence[int]) -> str:
    """Draw values as blocks, one a value; the largest is a full one."""
    top = max(values, default=0)
    return "".join("·" if value <= 0 else _BLOCKS[min(7, value * 8 // max(top, 1))] for value in values)


def _plot(name: str, values: Sequence[int], axis: str) -> None:
    if any(values):
        click.echo(f"  {name:10} {spark(values)}  {axis}, at most {max(values):,}")


def _daily(by_day: Mapping[str, DayOf], column: str) -> list[int]:
    """Return a column for every day from the first to the last, those without records as 0."""
    day, last = date.fromisoformat(min(by_day)), date.fromisoformat(max(by_day))
    values = []
    while day <= last:
        found = by_day.get(day.isoformat())
        values.append(0 if found is None else int(getattr(found, column)))
        day += timedelta(days=1)
    return values
