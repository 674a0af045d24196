"""What one event of Google's audit logs says."""

from sensor.wire.google_events import PARAMETERS, Said, outcome_of, shape


def test_parameters_are_read_in_every_form():
    """A list of typed values, an object, and nothing at all; a value may be several."""
    listed = [{"name": "a", "value": "x"}, {"name": "b", "multiValue": ["y", "z"]}, {"name": "c", "boolValue": False}]
    for parameters in (listed, {"a": "x", "b": ["y", "z"], "c": False}):
        said = Said.of("n", "k", parameters)
        assert ("x", "y", ["y", "z"], False) == (said.text("a"), said.text("b"), said.texts("b"), said.flag("c"))
    assert {} == Said.of("n", None, 7).parameters


def test_the_first_parameter_that_is_there_counts():
    """What is empty is not there."""
    assert "x" == Said.of("n", "k", {"a": "", "b": [], "c": "x"}).text("a", "b", "c")


def test_parameters_are_bounded():
    """However many a record has."""
    many = [{"name": str(i), "value": i} for i in range(PARAMETERS * 2)]
    assert PARAMETERS == len(Said.of("n", "k", many).parameters)


def test_a_suspicious_event_of_another_kind_has_no_outcome():
    """It is a warning, and says not whether something was done."""
    assert ("unknown", None) == outcome_of(Said.of("suspicious_activity", "x", {}), "other")


def test_a_shape_holds_what_was_acted_on():
    """The most telling parameter names the object."""
    got = shape(
        "admin", Said.of("ADD_GROUP_MEMBER", "x", {"GROUP_EMAIL": "g@example.com", "USER_EMAIL": "b@example.com"})
    )
    assert ("admin", "b@example.com", ["b@example.com", "g@example.com"]) == (
        got.kind, got.object, got.detail["targets"],
    )  # fmt: skip
