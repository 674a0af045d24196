"""Components by the names of their files."""

import pytest

from sensor import registry
from sensor.errors import ConfigError


def test_a_module_is_a_component():
    """The sources are the modules of their package, but for those that serve them."""
    names = registry.names("sensor.sources")
    assert "zeek" in names
    assert "detect" not in names


def test_a_component_is_imported_when_asked_for():
    """What is loaded is the module of that name."""
    assert "sensor.sources.zeek" == registry.load("sensor.sources", "zeek").__name__


@pytest.mark.parametrize(("name", "hint"), [("zeke", "'zeek'"), ("detect", "no type 'detect'"), ("../zeek", "no type")])
def test_an_unknown_type_is_an_error_that_names_the_closest(name, hint):
    """Only a component's name is imported, never a path or another module."""
    with pytest.raises(ConfigError, match=hint):
        registry.load("sensor.sources", name)
