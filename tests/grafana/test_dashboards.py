"""The dashboards as committed: what the code makes, whole, of metrics that there are, in colours that are ours."""

import re

import pytest

from grafana import palette
from grafana.identity import DETECTORS
from grafana.panels import COLUMNS
from grafana.write import FOLDER, texts
from sensor import registry
from sensor.metrics import PROCESS, Metrics
from tests.grafana.asking import dashboards, panels, targets

UNITS = {"short", "dB", "s", "percentunit", "Bps", "bytes"}
"""Of https://github.com/grafana/grafana/blob/v11.6.0/packages/grafana-data/src/valueFormats/categories.ts"""
BUILT_IN = {"__all", "__rate_interval", "__range", "__value", "__data"}
NAMES = ["entities", "fleet", "identity", "sensor", "site"]


@pytest.fixture(scope="module", params=NAMES)
def dashboard(request):
    """One dashboard."""
    return dashboards()[f"spanline-{request.param}.json"]


def test_the_committed_json_is_what_the_code_makes():
    """`python -m grafana` changes nothing, and leaves nothing behind."""
    assert texts() == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}


def test_every_dashboard_has_an_address_of_its_own():
    """By uid and by title."""
    held = list(dashboards().values())

    assert NAMES == sorted(one["uid"].removeprefix("spanline-") for one in held)
    assert len(held) == len({one["title"] for one in held})


def test_panels_fill_the_columns_and_none_covers_another(dashboard):
    """24 columns, no cell taken twice, none left free beside another; ids once."""
    taken = {}
    for one in dashboard["panels"]:
        at = one["gridPos"]
        for y in range(at["y"], at["y"] + at["h"]):
            for x in range(at["x"], at["x"] + at["w"]):
                assert (x, y) not in taken, (one["title"], taken[x, y])
                taken[x, y] = one["title"]
    rows = {y for _, y in taken}

    assert len(rows) * COLUMNS == len(taken)
    assert max(rows) + 1 == len(rows)
    assert len(dashboard["panels"]) == len({one["id"] for one in dashboard["panels"]})


def test_every_variable_that_is_used_is_defined(dashboard):
    """In expressions, links and annotations; the site, the console and the source of data are on each."""
    defined = {one["name"] for one in dashboard["templating"]["list"]}
    text = str(dashboard)
    used = set(re.findall(r"\$\{?([A-Za-z_]\w*)", text))

    assert {"datasource", "site", "console"} <= defined
    assert set() == used - defined - BUILT_IN


def test_every_metric_that_is_asked_for_is_declared(dashboard):
    """By the names of the program's own reference, histograms by their parts."""
    declared = {one.name for one in (*Metrics("1").declared, *PROCESS)}
    asked = {name for one in targets(dashboard) for name in re.findall(r"spanline_\w+", one.expr)}
    parts = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}

    assert set() == {name for name in parts if name not in declared}


def test_counters_are_asked_for_by_their_growth_or_as_totals(dashboard):
    """No `rate` of a gauge."""
    gauges = {one.name for one in (*Metrics("1").declared, *PROCESS) if one.kind == "gauge"}
    grown = {
        name for one in targets(dashboard) for name in re.findall(r"(?:rate|increase)\((spanline_\w+)", one.expr)
    }  # fmt: skip

    assert set() == grown & gauges


def test_units_are_grafanas(dashboard):
    """Every panel's, and every column's."""
    found = {one["fieldConfig"]["defaults"].get("unit", "short") for one in panels(dashboard)}
    found |= set(re.findall(r"'id': 'unit', 'value': '(\w+)'", str(dashboard)))

    assert set() == found - UNITS


def test_colours_are_those_that_the_colour_blind_tell_apart(dashboard):
    """No other stands in the JSON, and no name of one."""
    ours = {value for name, value in vars(palette).items() if name.isupper() and isinstance(value, str)}
    text = str(dashboard)

    assert set() == set(re.findall(r"#[0-9A-Fa-f]{6}\b", text)) - ours
    assert [] == re.findall(r"'(?:color|fixedColor)': '(?!#)(\w+)'", text)


def test_states_are_said_in_words_beside_their_colours(dashboard):
    """0 and 1 never stand alone."""
    for one in panels(dashboard):
        if one["type"] == "state-timeline":
            (mapping,) = one["fieldConfig"]["defaults"]["mappings"]
            assert {"0", "1"} == set(mapping["options"])
            assert all(value["text"] for value in mapping["options"].values())


def test_incidents_are_marked_and_lead_to_the_console(dashboard):
    """Two annotations of the metrics; links to the other dashboards and to the console."""
    assert ["page", "triage"] == [
        re.search(r'tier="(\w+)"', one["expr"])[1] for one in dashboard["annotations"]["list"]
    ]
    assert any(link.get("url") == "${console}/incidents" for link in dashboard["links"])
    assert any(link["type"] == "dashboards" and link["tags"] == ["spanline"] for link in dashboard["links"])


def test_nobody_is_named_by_a_query(dashboard):
    """No label of an address, a device or an account is asked for, for there is none."""
    labels = {label for one in targets(dashboard) for label in re.findall(r'(\w+)=~?"', one.expr)}
    declared = {label for one in Metrics("1").declared for label in one.labels}

    assert set() == labels - declared - {"instance", "le"}


def test_what_judges_accounts_is_there():
    """The identity dashboard's detectors are the release's."""
    there = set(registry.names("sensor.detectors")) | {"sequence"}

    assert set() == set(DETECTORS) - there
