"""What every dashboard has: its variables, its annotations, its links, and the JSON of it."""

import json
from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana import palette
from grafana.panels import SOURCE

TAG = "spanline"
CONSOLE = "http://127.0.0.1:8477"
"""Where the console listens unless configured otherwise; whoever sees dashboards elsewhere changes it above them."""
STEP_S = 300
"""Width of an annotation's look back: wider than any scrape, so that none falls between two."""
SITES = "label_values(spanline_flows_total, site)"
INSTANCES = "label_values(spanline_build_info, instance)"


def board(
    uid: str, title: str, help: str, *, hours: int, many_sites: bool = True, instances: bool = False
) -> boards.Dashboard:
    """Begin a dashboard.

    Args:
        uid: Its id in addresses, without the prefix.
        title: Its name.
        help: What it is for.
        hours: Time shown at first, back from now.
        many_sites: Several sites at once, all of them at first; else one.
        instances: Choose among sensors too.
    """
    site = _query("site", "Site", SITES)
    site = site.multi(True).include_all(True).all_value(".*").current(_ALL) if many_sites else site
    builder = (
        boards.Dashboard(f"Spanline: {title}")
        .uid(f"{TAG}-{uid}").description(help).tags([TAG]).time(f"now-{hours}h", "now").refresh("30s")
        .timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
        .with_variable(boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(site)
    )  # fmt: skip
    if instances:
        builder = builder.with_variable(
            _query("instance", "Sensor", INSTANCES).multi(True).include_all(True).all_value(".*").current(_ALL)
        )
    return (
        builder.with_variable(boards.TextBoxVariable("console").label("Console").default_value(CONSOLE))
        .annotation(_reached("page", palette.BAD))
        .annotation(_reached("triage", palette.WATCH))
        .link(
            boards.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
            .as_dropdown(True).include_vars(True).keep_time(True)
        )
        .link(
            boards.DashboardLink("Console").type(models.DashboardLinkType.LINK).url("${console}/incidents")
            .target_blank(True)
        )
    )  # fmt: skip


def text_of(builder: boards.Dashboard) -> str:
    """Return a dashboard as the JSON that is committed."""
    held = json.loads(JSONEncoder(sort_keys=True).encode(builder.build()))
    for one in held["annotations"]["list"]:
        # Prometheus' own fields, which the types do not know: what Grafana shows of each, and how often it looks.
        tier = one["name"].partition(" ")[0].lower()
        one |= {
            "step": f"{STEP_S}s", "titleFormat": f"{tier} at {{{{site}}}}", "textFormat": "see the console",
            "tagKeys": "site,tier", "target": {"expr": one["expr"], "refId": "Anno"},
        }  # fmt: skip
    return json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


_ALL = models.VariableOption(selected=True, text="All", value="$__all")


def _query(name: str, label: str, query: str) -> boards.QueryVariable:
    return (
        boards.QueryVariable(name).label(label).datasource(SOURCE).query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    )  # fmt: skip


def _reached(tier: str, colour: str) -> boards.AnnotationQuery:
    """Mark when an incident came to a tier."""
    series = f'spanline_incidents_total{{site=~"$site",tier="{tier}"}}'
    return (
        boards.AnnotationQuery().name(f"{tier.title()} incidents").datasource(SOURCE).enable(True).icon_color(colour)
        .expr(f"sum by (site, tier) (increase({series}[{STEP_S}s])) > 0")
    )  # fmt: skip


def ranged(names: Sequence[str]) -> str:
    """Return a matcher's text for any of these."""
    return "|".join(names)
