"""The server: listens, over TLS too, and ends."""

import socket
import ssl

import httpx
import pytest

from sensor.console.server import Served
from tests.console.desks import OPEN, client
from tests.wire.certificates import Authority


def test_it_listens_and_ends(made):
    """Afterwards nobody answers."""
    browser = client(made)
    served = next(one for one in OPEN if isinstance(one, Served))
    assert 200 == browser.get("/login").status_code
    assert "server" not in browser.get("/login").headers
    served.close(1.0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.address)


def test_an_address_that_is_taken_is_said_to_be_so(made):
    """And nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        Served(made, "127.0.0.1", other.getsockname()[1])


def test_it_serves_tls(made, tmp_path):
    """To who trusts the authority; what is in the clear is not answered."""
    authority = Authority(tmp_path)
    served = Served(made, "127.0.0.1", 0, *authority.issue("console"))
    OPEN.append(served)
    context = ssl.create_default_context(cafile=authority.file)
    assert 200 == httpx.get(f"{served.address}/login", verify=context).status_code
    with pytest.raises(httpx.TransportError):
        httpx.get(served.address.replace("https", "http"))


def test_a_certificate_that_cannot_be_read_is_said_to_be_so(made, tmp_path):
    """Before anything listens."""
    with pytest.raises(OSError, match="No such file"):
        Served(made, "127.0.0.1", 0, str(tmp_path / "none.pem"), str(tmp_path / "none.key"))
