"""Tests for sensor/sources/syslog.py: what a table of this type may say."""

import pytest

from sensor.config import build
from sensor.errors import ConfigError

TLS = {"protocol": "tls", "cert": "c.pem", "key": "k.pem"}


@pytest.mark.parametrize("options", [{}, {"protocol": "udp"}, {"protocol": "tcp"}, TLS, {**TLS, "ca": "a.pem"}])
def test_a_right_table_is_taken(options):
    """UDP where nothing is said; a certificate where TLS is."""
    built = build({"sources": {"in": {"type": "syslog", "listen": "127.0.0.1:0", **options}}})
    assert {"listen": "127.0.0.1:0", **options} == built.sources["in"].options


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "needs listen"),
        ({"listen": "127.0.0.1:0", "path": "x"}, "and no path"),
        ({"listen": "somewhere"}, "expected address:port"),
        ({"listen": "127.0.0.1:0", "protocol": "sctp"}, "must be one of udp, tcp, tls"),
        ({"listen": "127.0.0.1:0", "protocol": "tls", "cert": "c"}, "needs cert and key"),
        ({"listen": "127.0.0.1:0", "cert": "c"}, r'cert is for protocol = "tls" alone'),
        ({"listen": "127.0.0.1:0", "protcol": "tcp"}, "did you mean 'protocol'"),
    ],
)
def test_a_wrong_table_is_refused_by_name(table, told):
    """When the configuration is checked, before anything is bound."""
    with pytest.raises(ConfigError, match=told) as raised:
        build({"sources": {"in": {"type": "syslog", **table}}})
    assert "sources.in" in str(raised.value)
