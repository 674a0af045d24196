"""Panels of a dashboard, in the few forms that all of them use; a layout in rows that fill the 24 columns.

Assumes the variables `datasource`, `site` and `console` that `board` defines. A target's expression is written as it
is sent: with `$site`, `$__rate_interval` and the like.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as queries

from grafana import palette

COLUMNS = 24
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
LEGEND_BELOW = common.VizLegendOptions().show_legend(True).placement(shared.LegendPlacement.BOTTOM)
"""Below, not beside: a wall's panels are wide and low."""
_BY_THRESHOLDS = boards.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)
BARS, POINTS = 72.0, 600.0
"""Over a panel: bars wide enough to be seen from afar; lines no finer than a wall shows."""
Panel = Any
"""Any builder of the SDK's that makes a panel: they share no base."""


class Target(NamedTuple):
    """One expression and what its series are called."""

    expr: str
    legend: str = ""


class Links(NamedTuple):
    """Where a click leads."""

    title: str
    url: str


Steps = Sequence[tuple[float | None, str]]
"""Lower limits and their colours, the first None."""
NONE_IS_WELL: Steps = ((None, palette.WELL), (1, palette.WATCH))
ANY_IS_BAD: Steps = ((None, palette.WELL), (1, palette.BAD))


def number(
    title: str, expr: str, *, unit: str = "short", steps: Steps = ((None, palette.WELL),), decimals: int | None = None,
    help: str = "", link: Links | None = None, words: Mapping[str, tuple[str, str]] | None = None, legend: str = "",
    named: bool = False,
) -> Panel:  # fmt: skip
    """Show one value now, large: with `words` in words, with `named` the series' name in its place."""
    panel = (
        stat.Panel()
        .title(title).description(help).datasource(SOURCE).unit(unit).thresholds(_thresholds(steps))
        .color_scheme(_BY_THRESHOLDS)
        .color_mode(shared.BigValueColorMode.VALUE)
        .graph_mode(shared.BigValueGraphMode.NONE)
        .text_mode(shared.BigValueTextMode.NAME if named else shared.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .with_target(_target(Target(expr, legend), instant=True)).no_value("none")
    )  # fmt: skip
    if decimals is not None:
        panel = panel.decimals(float(decimals))
    if link is not None:
        panel = panel.data_links([_link(link)])
    if words is not None:
        panel = panel.mappings([_words(words)])
    return panel


def lines(
    title: str, targets: Iterable[Target], *, unit: str = "short", help: str = "",
    colours: Mapping[str, str] | None = None, stacked: bool = False, bars: bool = False, low: float | None = 0.0,
    high: float | None = None, limits: Steps | None = None, exemplars: bool = False, link: Links | None = None,
) -> Panel:  # fmt: skip
    """Show values over time; `colours` by the series' names, shades of one colour for what has no name known here."""
    panel = (
        timeseries.Panel()
        .title(title).description(help).datasource(SOURCE).unit(unit).legend(LEGEND_BELOW)
        .color_scheme(boards.FieldColor().mode(models.FieldColorModeId.SHADES).fixed_color(palette.SKY))
        .tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.DESCENDING))
        .line_width(2).fill_opacity(70 if bars else 25 if stacked else 8).span_nulls(False)
        .show_points(shared.VisibilityMode.NEVER).interval("1m").max_data_points(BARS if bars else POINTS)
        .draw_style(shared.GraphDrawStyle.BARS if bars else shared.GraphDrawStyle.LINE)
    )  # fmt: skip
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL).group("A"))
    if low is not None:
        panel = panel.min(low)
    if high is not None:
        panel = panel.max(high)
    if limits is not None:
        panel = panel.thresholds(_thresholds(limits)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(shared.GraphThresholdsStyleMode.DASHED)
        )
    if link is not None:
        panel = panel.data_links([_link(link)])
    for k, target in enumerate(targets):
        panel = panel.with_target(_target(target, exemplars=exemplars, ref=chr(ord("A") + k)))
    return _coloured(panel, colours or {})


def bars(
    title: str, expr: str, legend: str, *, unit: str = "short", steps: Steps = ((None, palette.WELL),), help: str = "",
    high: float | None = None, link: Links | None = None, decimals: float = 0.0,
) -> Panel:  # fmt: skip
    """Show values now as bars, beside their names."""
    panel = (
        bargauge.Panel()
        .title(title).description(help).datasource(SOURCE).unit(unit).min(0.0).thresholds(_thresholds(steps))
        .color_scheme(_BY_THRESHOLDS).display_mode(shared.BarGaugeDisplayMode.BASIC).decimals(decimals)
        .orientation(shared.VizOrientation.HORIZONTAL).name_placement(shared.BarGaugeNamePlacement.LEFT)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .with_target(_target(Target(expr, legend), instant=True)).no_value("none")
    )  # fmt: skip
    if high is not None:
        panel = panel.max(high)
    return panel if link is None else panel.data_links([_link(link)])


def states(title: str, expr: str, legend: str, words: Mapping[str, tuple[str, str]], *, help: str = "") -> Panel:
    """Show since when something is in a state, said in words."""
    return (
        statetimeline.Panel()
        .title(title).description(help).datasource(SOURCE).mappings([_words(words)]).show_value(shared.VisibilityMode.AUTO)
        .merge_values(True).row_height(0.8).interval("1m").fill_opacity(80).line_width(0).legend(
            common.VizLegendOptions().show_legend(False)
        )
        .color_scheme(_BY_THRESHOLDS).thresholds(_thresholds(((None, palette.QUIET),)))
        .with_target(_target(Target(expr, legend)))
    )  # fmt: skip


class Column(NamedTuple):
    """One column of a table: an expression with the table's key as its one label."""

    title: str
    expr: str
    unit: str = "short"
    steps: Steps | None = None
    decimals: int | None = None
    words: Mapping[str, tuple[str, str]] | None = None


def rows(
    title: str, key: str, key_title: str, columns: Sequence[Column], *, sort: str, help: str = "",
    link: Links | None = None,
) -> Panel:  # fmt: skip
    """Show a row a label's value, with a column an expression."""
    panel = table.Panel().title(title).description(help).datasource(SOURCE).cell_height(shared.TableCellHeight.MD)
    names = {}
    for k, column in enumerate(columns):
        ref = chr(ord("A") + k)
        names[f"Value #{ref}"] = column.title
        panel = panel.with_target(
            _target(Target(column.expr), instant=True, ref=ref).format(queries.PromQueryFormat.TABLE)
        )  # fmt: skip
        panel = panel.override_by_name(column.title, _properties(column))
    panel = panel.with_transformation(_transformation("merge", {})).with_transformation(
        _transformation(
            "organize",
            {
                "excludeByName": {"Time": True},
                "renameByName": {key: key_title, **names},
                "indexByName": {key: 0, **{name: k + 1 for k, name in enumerate(names)}},
            },
        )
    )
    if link is not None:
        panel = panel.override_by_name(
            key_title, [models.DynamicConfigValue(id_val="links", value=[_link(link).build()])]
        )
    return panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])


def place(
    builder: boards.Dashboard, layout: Iterable[tuple[str, int, Sequence[tuple[int, Panel]]]]
) -> boards.Dashboard:
    """Add panels in rows.

    Args:
        builder: Where.
        layout: A row's heading (empty: none), its height, and its panels with their widths, which fill the columns.

    Raises:
        ValueError: A row does not fill the columns.
    """
    y, number_of = 0, 0
    for heading, height, row in layout:
        if sum(width for width, _ in row) != COLUMNS:
            raise ValueError(f"row of {[width for width, _ in row]} columns, not {COLUMNS}")
        if heading:
            builder = builder.with_row(
                boards.Row(heading).grid_pos(models.GridPos(h=1, w=COLUMNS, x=0, y=y)).id(100 + y)
            )
            y += 1
        x = 0
        for width, panel in row:
            number_of += 1
            builder = builder.with_panel(panel.id(number_of).grid_pos(models.GridPos(h=height, w=width, x=x, y=y)))
            x += width
        y += height
    return builder


def _target(target: Target, *, instant: bool = False, exemplars: bool = False, ref: str = "A") -> prometheus.Dataquery:
    query = prometheus.Dataquery().datasource(SOURCE).expr(target.expr).ref_id(ref)
    query = (query.instant() if instant else query.range()).format(queries.PromQueryFormat.TIME_SERIES)
    if exemplars:
        query = query.exemplar(True)
    return query.legend_format(target.legend or "__auto")


def _thresholds(steps: Steps) -> boards.ThresholdsConfig:
    return boards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(
        [models.Threshold(value=value, color=colour) for value, colour in steps]
    )  # fmt: skip


def _words(words: Mapping[str, tuple[str, str]]) -> models.ValueMap:
    options = {
        value: models.ValueMappingResult(text=text, color=colour, index=k)
        for k, (value, (text, colour)) in enumerate(words.items())
    }
    return models.ValueMap(options=options)


def _link(link: Links) -> boards.DashboardLink:
    return boards.DashboardLink(link.title).url(link.url).target_blank(True)


def _transformation(name: str, options: dict[str, object]) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=name, options=options)


def _properties(column: Column) -> list[models.DynamicConfigValue]:
    found = [models.DynamicConfigValue(id_val="unit", value=column.unit)]
    if column.decimals is not None:
        found.append(models.DynamicConfigValue(id_val="decimals", value=column.decimals))
    if column.words is not None:
        found.append(models.DynamicConfigValue(id_val="mappings", value=[_words(column.words)]))
    if column.steps is not None:
        found.append(models.DynamicConfigValue(id_val="thresholds", value=_thresholds(column.steps).build()))
        found.append(
            models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
        )  # fmt: skip
    return found


def _coloured(panel: Panel, colours: Mapping[str, str]) -> Panel:
    """Give named series their colours, in the order of the names."""
    for name, colour in colours.items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel = panel.override_by_name(name, [models.DynamicConfigValue(id_val="color", value=fixed)])
    return panel
