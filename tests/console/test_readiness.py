"""The readiness report as a page."""

import msgspec

from sensor.console.readiness import page
from sensor.model.readiness import (
    CONTROLS,
    SHOWN,
    BudgetDay,
    Capability,
    LogSource,
    Ratio,
    Readiness,
    SiteAssets,
)


def report(**changes):
    made = Readiness(
        since="2024-05-01T00:00:00.000000Z", until="2024-05-31T00:00:00.000000Z",
        sites=(SiteAssets(site="SYD", devices=3, ready=2, roles={"server": 3}, last_heard=None),),
        sources=(
            LogSource(
                site="SYD", source="flows", records=7, first="2024-05-01T00:00:00Z", last="2024-05-01T00:00:00Z", days=1
            ),
        ),
        accounts=1,
        capabilities=tuple(
            Capability(name=name, state=SHOWN, figures="figures") for name in {one.capability for one in CONTROLS}
        ),
        incidents={"page": 1, "triage": 2}, verdicts={"true": 1, "benign": 3}, questions=12, minutes_per_question=10.0,
        actions={"verified": 1}, budget=(BudgetDay(site="SYD", day="2024-05-02", opened=2, ceiling=1.0),),
        calibration=(Ratio(statistic="volumes", alpha=0.01, ratio=3.0),), techniques={"T1046": 2}, kept_days=30.0,
        kept_bytes=2_500_000, whole_since=None,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def test_every_control_stands_on_the_page_with_its_framework():
    """By its id and what it asks for."""
    text = page(report(), "1.0")

    assert all(one.framework in text and one.id in text and one.asks in text for one in CONTROLS)


def test_the_assumption_is_called_one():
    """Twelve questions of ten minutes are two hours, if it is ten minutes."""
    text = " ".join(page(report(), "1.0").split())

    assert "<b>2 h</b>of a person's time, <em>assuming</em> 10 minutes a question" in text


def test_what_is_above_the_ceiling_or_not_calibrated_is_said():
    """And that a third of the verdicts were not benign."""
    text = page(report(), "1.0")

    assert "Above the ceiling on 1 of 1 days" in text
    assert "1 of 1 ratios are outside .5 to 2" in text
    assert "judged benign: 75 % of 4" in text


def test_an_empty_store_is_a_page_too():
    """It says what is missing."""
    text = page(
        report(
            sites=(), sources=(), incidents={}, verdicts={}, questions=0, actions={}, budget=(), calibration=(),
            techniques={},
        ), "1.0",
    )  # fmt: skip

    assert "None in this time." in text
    assert "No incident was opened." in text


def test_names_of_the_network_are_shown_not_obeyed():
    """A site is named by the configuration, a role by the program; both are escaped all the same."""
    site = SiteAssets(site="<script>", devices=1, ready=0, roles={"a\x1b": 1}, last_heard=None)
    text = page(report(sites=(site,)), "1.0")

    assert "<script>" not in text
    assert "\x1b" not in text
