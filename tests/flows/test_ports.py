"""Likely server ports, in the kernel and in the twin."""

import pytest

from sensor.flows import ports
from tests.naive.ports import likely_server


@pytest.mark.parametrize(
    ("proto", "port", "is_server"),
    [(6, 443, True), (6, 40000, False), (17, 53, True), (17, 443, True), (17, 22, False)],
)
def test_known_ports(proto, port, is_server):
    """Well-known services, each under its transport."""
    assert is_server == bool(ports.likely_server(proto, port))


def test_the_twin_agrees_on_every_port():
    """Both transports, 65,536 ports each."""
    for proto in (6, 17):
        differ = [port for port in range(65536) if bool(ports.likely_server(proto, port)) != likely_server(proto, port)]
        assert [] == differ
