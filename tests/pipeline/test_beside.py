"""What stands beside the core is told of commits, of another configuration, and to end."""

import pytest

import sensor
from sensor.config import default
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline.beside import Around


class Told:
    """Notes what it is told; refuses a configuration with a site of another name."""

    def __init__(self, name, heard):
        self.name, self.heard = name, heard

    def wake(self):
        """Note it."""
        self.heard.append((self.name, "wake"))

    def reload(self, config):
        """Note it, or refuse."""
        if self.name == "refuses":
            raise ConfigError("not so")
        self.heard.append((self.name, config.site))

    def close(self, drain_s):
        """Note it, with whether there is time."""
        self.heard.append((self.name, drain_s >= 0))


def around(tmp_path, *openers):
    """Open some beside nothing."""
    return Around(default(), tmp_path, Metrics(sensor.__version__), openers)


def test_each_is_told_and_the_last_opened_ends_first(tmp_path):
    """A commit and the end reach every one; what is not configured is not there."""
    heard = []
    them = around(
        tmp_path, lambda *_: Told("first", heard), lambda *_: None, lambda *_: Told("second", heard)
    )  # fmt: skip
    them.wake()
    them.close(1.0)

    assert [("first", "wake"), ("second", "wake"), ("second", True), ("first", True)] == heard


def test_one_that_refuses_a_configuration_does_not_keep_it_from_the_others(tmp_path, caplog):
    """It is named as what was kept, and the next one goes on under the new."""
    heard = []
    them = around(tmp_path, lambda *_: Told("refuses", heard), lambda *_: Told("takes", heard))
    them.reload(default())

    assert [("takes", "local")] == heard
    assert "not so" in caplog.text


def test_where_one_cannot_open_those_before_it_are_closed(tmp_path):
    """The error reaches whoever starts the sensor."""
    heard = []

    def fails(*_):
        raise ConfigError("no such port")

    with pytest.raises(ConfigError, match="no such port"):
        around(tmp_path, lambda *_: Told("first", heard), fails)

    assert [("first", True)] == heard
