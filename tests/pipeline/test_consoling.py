"""The console beside a sensor: opened where somebody may sign in, and what is decided there reaches the state."""

import time

import httpx
import msgspec
import pytest

from sensor import config as configuration
from sensor.config import Console
from sensor.console.decisions import MuteWanted
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline import consoling
from sensor.pipeline.consoling import Written, open_alone, open_console, vitals
from sensor.store.users import Users
from tests.console.desks import PASSWORD, filled


def config(**console):
    """A configuration with a console on a free port."""
    return msgspec.structs.replace(configuration.default(), console=Console(**{"listen": "127.0.0.1:0", **console}))


@pytest.fixture
def opened(tmp_path):
    """A console over a state with one user."""
    Users(filled(tmp_path)).put("ann", {"*": "admin"}, PASSWORD)
    one = open_console(config(), tmp_path, Metrics("1"))
    yield one
    one.close(1.0)


def address(one):
    """Where it says it listens."""
    return one.said.removeprefix("console on ")


def test_it_listens_and_shows_the_sensor(opened):
    """A user signs in; a commit needs nothing of it."""
    opened.wake()
    assert 200 == httpx.get(f"{address(opened)}/login").status_code


def test_where_nobody_may_sign_in_it_does_not_listen_yet(tmp_path, monkeypatch):
    """It opens with the first user."""
    monkeypatch.setattr(consoling, "LOOK_S", 0.05)
    one = open_console(config(), filled(tmp_path), Metrics("1"))
    assert not hasattr(one, "said")
    Users(tmp_path).put("ann", {"*": "viewer"}, PASSWORD)
    until = time.monotonic() + 20
    while not hasattr(one, "said") and time.monotonic() < until:
        time.sleep(0.05)
    assert 200 == httpx.get(f"{address(one)}/login").status_code
    one.close(1.0)


def test_another_configuration_moves_it_and_a_wrong_one_does_not(opened):
    """It goes on where it was."""
    before = address(opened)
    opened.reload(config())
    assert before == address(opened)
    opened.reload(config(url="https://console.example"))
    assert 200 == httpx.get(f"{address(opened)}/login").status_code
    with pytest.raises(ConfigError, match=r"\[console\] listen"):
        opened.reload(config(cert="/nowhere.pem", key="/nowhere.key"))
    assert 200 == httpx.get(f"{address(opened)}/login").status_code


def test_a_removed_user_is_signed_out(tmp_path, monkeypatch):
    """Within the time of a look."""
    monkeypatch.setattr(consoling, "RENEW_S", 0.05)
    users = Users(filled(tmp_path))
    users.put("ann", {"*": "admin"}, PASSWORD)
    one = open_console(config(), tmp_path, Metrics("1"))
    sessions = one._served.desk.sessions
    token = sessions.open(users.all()[0].person(), "local")
    users.remove("ann")
    until = time.monotonic() + 20
    while sessions.find(token) is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert sessions.find(token) is None
    one.close(1.0)


def test_alone_it_only_shows_and_its_link_signs_in_once(tmp_path):
    """Whoever has the link."""
    served, link = open_alone(config(), filled(tmp_path))
    with httpx.Client(follow_redirects=True) as browser:
        assert "This console only shows" in browser.get(link).text
        assert 403 == httpx.get(link).status_code
    served.close(1.0)


def test_an_address_that_is_taken_is_a_wrong_configuration(opened, tmp_path):
    """It names the table."""
    with pytest.raises(ConfigError, match=r"\[console\] listen = .*in use"):
        open_alone(config(listen=address(opened).removeprefix("http://")), tmp_path)


def test_decisions_are_written_as_the_command_line_writes_them(tmp_path):
    """What is not there is said to be so."""
    desk = Written(filled(tmp_path))
    wanted = MuteWanted(entity="ann@ex.com", detector="place", reason="known")
    assert [("INC-1", True), ("INC-2", True)] == sorted((one.incident, one.closes) for one in desk.preview(wanted))
    assert "no incident INC-9" == desk.close("INC-9", "true", "x", "ann")
    assert desk.close("INC-1", "true", "x", "ann") is None
    assert "no suppression MUTE-9" == desk.unmute("MUTE-9")
    assert desk.unmute(desk.mute(wanted, "ann").id) is None
    assert "no action ACT-9" == desk.ask_back("ACT-9", "ann", "")
    assert desk.decide("ACT-1", "denied", "ann", "") is None


def test_health_shows_numbers_that_are_not_nothing():
    """A source that is down is one; a table that is empty is none."""
    metrics = Metrics("1")
    metrics.source_up.labels("SYD", "zeek").set(0)
    metrics.saturation.labels("links").set(0)
    metrics.saturation.labels("devices").set(0.5)
    found = {(one.group, one.name): one.value for one in vitals(metrics)}
    assert {
        ("Sources", "SYD zeek: source up"): 0.0, ("Tables in use", "devices: table saturation ratio"): 0.5,
    } == found  # fmt: skip


def test_a_provider_needs_its_secret(tmp_path):
    """Where it is not there, nothing is opened."""
    oidc = configuration.Oidc(
        issuer="https://x.example", client_id="c", client_secret=configuration.Secret(file="/nowhere"),
        roles={"g": "viewer"},
    )  # fmt: skip
    with pytest.raises(ConfigError, match="cannot be read"):
        open_console(config(oidc=oidc), filled(tmp_path), Metrics("1"))
