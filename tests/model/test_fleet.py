"""A site as it is shown."""

from sensor.model.fleet import SiteView, SourceHealth


def test_a_view_sums_up_its_sources():
    """Which are down, by name, and what all of them dropped."""
    sources = (
        SourceHealth(source="span", up=True, dropped=2), SourceHealth(source="zeek", up=False, dropped=3),
        SourceHealth(source="entra", up=False),
    )  # fmt: skip
    made = SiteView(
        site="SYD", state="heard", look=(), last_heard=None, incidents={}, devices={}, accounts={}, sources=sources
    )  # fmt: skip
    assert (("zeek", "entra"), 5) == (made.sources_down, made.dropped)
