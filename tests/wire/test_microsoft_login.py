"""Where a tenant's tokens come from."""

import pytest

from sensor.errors import ConfigError
from sensor.wire.api_offer import Asked
from sensor.wire.microsoft_login import credentials, token_url
from tests.wire.api_server import FakeClock


def asked(**options):
    return Asked(options=options, secret=lambda: "x", clock=FakeClock())


def test_the_cloud_and_the_tenant_make_the_address():
    """The worldwide one, or a national one."""
    assert "https://login.microsoftonline.com/t/oauth2/v2.0/token" == token_url(asked(tenant="t"))
    other = asked(tenant="t", login_url="https://login.microsoftonline.us/")
    assert "https://login.microsoftonline.us/t/oauth2/v2.0/token" == token_url(other)


def test_a_client_is_named():
    """Or there are no credentials."""
    with pytest.raises(ConfigError, match="client_id"):
        credentials(asked(tenant="t"), "https://graph.microsoft.com")
