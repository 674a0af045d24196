"""A site that tells its hub pseudonyms alone: no name leaves, and with one key the story is told as with names."""

import re

import pytest

from sensor.store.state import State
from sensor.wire.site_envelope import unpack
from tests.evaluation.stories import spanline
from tests.fleet import stories
from tests.fleet.stories import STORY, envelopes, signins
from tests.fleet.test_story_at_hub import VICTIM, wrong

KEY = "0123456789abcdef" * 4
PRIVACY = '\n[privacy]\npseudonyms = ["accounts", "hosts", "addresses"]\nkey = {{ file = "{}" }}\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's state, and what it would have sent."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "key").write_text(KEY)
    (folder / "site.toml").write_text((STORY / "site.toml").read_text() + PRIVACY.format(folder / "key"))
    words = ["--config", folder / "site.toml", "--reports-out", folder / "reports", "--json", f"SYD={STORY / 'SYD'}"]
    spanline("replay", "--fresh", "--state", folder / "state", *words)
    return folder


def test_no_name_of_the_site_is_in_what_it_sends(site):
    """Of no account, host, inside address or device's MAC that its state knows, in any packet."""
    sent = b"\n".join(unpack(one) for one in envelopes(site / "reports")).decode("utf-8", "replace").lower()
    with State(site / "state", readonly=True) as state:
        accounts, devices = state.accounts(), state.devices()
    names = {form.partition("@")[0] for one in accounts for form in (one.name, *one.names)}
    names |= {span.value.lower() for one in devices for span in one.names} | {
        mac for one in devices for mac in one.macs
    }
    names |= {address for one in devices for address in one.addresses if address.startswith("10.")}
    assert len(names) > 30
    known = [name for name in names if len(name) > 2]
    assert [] == [name for name in known if re.search(rf"(?<![0-9a-z.]){re.escape(name.lower())}(?![0-9a-z])", sent)]
    assert "account-" in sent


def test_a_hub_with_the_key_tells_the_story_as_with_names(site, tmp_path, monkeypatch):
    """One page about the victim, by name, contradicted by her laptop, which her provider's logs name, too."""
    monkeypatch.setattr(stories, "HUB", stories.HUB + PRIVACY.format(site / "key"))
    stories.at_the_hub(tmp_path / "state", site / "reports", STORY / "identity", fresh=True)
    assert [] == wrong(tmp_path / "state")
    assert VICTIM in spanline("incidents", "--state", tmp_path / "state", "--json")


@pytest.mark.slow
def test_a_hub_without_the_key_judges_nothing_falsely(site, tmp_path):
    """It cannot link: verdicts are unknown, or what they are without the laptop; none is contradicted."""
    stories.at_the_hub(tmp_path / "state", site / "reports", STORY / "identity", fresh=True)
    assert "contradicted" not in {one["corroboration"] for one in signins(tmp_path / "state").values()}
