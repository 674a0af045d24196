"""The certificates of docs/fleet.md are made by its commands, and do what it says."""

import shutil
import subprocess

import pytest

from sensor.errors import Transient
from sensor.wire.site_envelope import encode
from sensor.wire.site_https import client_context
from sensor.wire.site_https_client import HubClient
from sensor.wire.site_https_server import SiteServer
from sensor.wire.syslog_server import server_context
from tests.cli.test_documents import ROOT, blocks
from tests.wire.envelopes import envelope
from tests.wire.hub import Kept


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_certificates_made_as_it_says_are_those_of_hub_and_site(tmp_path):
    """Every command that calls openssl is typed; the hub takes the site as SYD, and its own as nobody."""
    made = [text for text in blocks(ROOT / "docs" / "fleet.md", "sh") if "openssl" in text]
    said = ""
    for text in made:
        said = subprocess.run(
            ["sh", "-eu", "-c", text], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout
    digest = said.partition("=")[2].strip().replace(":", "").lower()
    here = lambda name: str(tmp_path / name)  # noqa: E731

    store = Kept("SYD")
    context = server_context(here("hub.pem"), here("hub.key"), here("ca.pem"))
    server = SiteServer("127.0.0.1", 0, context, store)
    site = lambda name: lambda: client_context(here("ca.pem"), here(f"{name}.pem"), here(f"{name}.key"))  # noqa: E731
    client = HubClient(f"https://127.0.0.1:{server.port}", site("SYD"))
    assert 1 == client.push(encode(envelope(1))).have
    client.close()
    as_hub = HubClient(f"https://127.0.0.1:{server.port}", site("hub"))
    with pytest.raises(Transient):  # it is good for servers alone
        as_hub.ask()
    server.close()

    refusing = SiteServer("127.0.0.1", 0, context, store, refused=frozenset({digest}))
    stolen = HubClient(f"https://127.0.0.1:{refusing.port}", site("SYD"))
    with pytest.raises(RuntimeError, match="403"):
        stolen.ask()
    stolen.close()
    refusing.close()
    assert 4 == len(made)
