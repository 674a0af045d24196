"""From a source's table to its poller."""

import subprocess
import sys

import pytest

from sensor.errors import ConfigError
from sensor.wire.apis import APIS, open_poller
from tests.wire.api_server import FakeClock


def opened(source, folder, **options):
    poller = open_poller(source, options, lambda: "x", FakeClock(), folder)
    poller.close()
    return poller


def test_each_polled_source_is_opened(tmp_path):
    """With what it needs, and at its own rhythm."""
    tables = {
        "entra": {"tenant": "example.onmicrosoft.com", "client_id": "c"},
        "m365": {"tenant": "t", "client_id": "c"},
        "okta": {"domain": "example.okta.com"},
        "google": {"subject": "admin@example.com"},
    }
    assert set(APIS) == set(tables)
    rhythm = {name: opened(name, tmp_path, **table).interval_s for name, table in tables.items()}
    assert {"entra": 60, "m365": 60, "okta": 30, "google": 300} == rhythm
    assert 600 == opened("okta", tmp_path, **tables["okta"], interval_s=600).interval_s
    assert [name for name, offer in APIS.items() if not set(offer.needs) <= set(offer.options)] == []


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("zeek", {}, "'zeek' is not polled"),
        ("entra", {"tenant": "t"}, "needs client_id and secret"),
        ("okta", {}, "needs domain and token"),
    ],
)
def test_what_is_missing_is_named(tmp_path, source, options, said):
    """Before anything is asked."""
    with pytest.raises(ConfigError, match=said):
        opened(source, tmp_path, **options)


def test_no_http_library_is_loaded_before_one_is_opened():
    """It costs a start that does not poll nothing."""
    code = "import sys, sensor.wire.apis; sys.exit('httpx' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
