"""The connector that asks another place of the fleet: what it orders, and what it makes of the answers."""

import threading

import pytest

from sensor.errors import ConfigError, Permanent
from sensor.model.order import HUB, NotDone, Pending
from sensor.model.response import Request
from sensor.responses.site import LIFE_NS, OF_HUB, OF_SITES, build
from sensor.wire.api_offer import Asked
from sensor.wire.clock import SystemClock
from tests.responses.orders import outcome
from tests.responses.products import NOW


class Post:
    """A way that keeps what is given."""

    def __init__(self, **places):
        self.places = {key.replace("hub", HUB): why for key, why in places.items()}
        self.given, self.said = [], {}

    def give(self, place, wanted):
        self.given.append((place, wanted))
        self.said.setdefault(place, outcome(wanted.id, "", "", "", 0))

    def outcome(self, place, key):
        return self.said.get(place)


def made(post, **options):
    return build(Asked(options=options, secret=str, clock=SystemClock(threading.Event()), elsewhere=post))


def request(**rest):
    said = {"sites": ("SYD", "PER", "HUB"), "by": "user:kim", "begun_ns": NOW}
    return Request(
        id="ACT-1", verb="block_address", target="203.0.113.5", incident="INC-1", reason="r", **{**said, **rest}
    )  # fmt: skip


def test_a_hub_asks_those_of_its_sites_where_the_target_is():
    """Each once more where it asks again, with the same order; of what was ordered here nothing goes on."""
    post = Post(SYD="", PER="", ADL="")
    one = made(post)
    assert (OF_SITES, True, None) == (one.verbs, one.serves(request()), one.blast_radius(request()))
    assert not one.serves(request(sites=("HUB",)))
    assert not one.serves(request(origin="SYD"))
    assert ({}, False) == (one.before(request()), one.verify(request()))
    one.act(request())
    assert ["SYD", "PER"] == [place for place, _ in post.given]
    wanted = post.given[0][1]
    assert ("ACT-1", "address", "user:kim", NOW + LIFE_NS, False) == (
        wanted.id, wanted.kind, wanted.by, wanted.expires_ns, wanted.back,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("states", "error", "says"),
    [(("", "verified"), Pending, "SYD has not answered"), (("proposed", "failed"), Pending, "SYD: proposed by"),
     (("denied", "failed"), NotDone, "SYD: denied by spanline: the effect holds; PER: failed"),
     (("denied", "verified"), Permanent, "PER: verified"), (("unknown", "verified"), Permanent, "SYD: unknown")],
)  # fmt: skip
def test_what_is_not_done_everywhere_is_not_called_done(states, error, says):
    """It waits for whoever has not answered; what all refused has failed; what some did is said."""
    post = Post(SYD="", PER="")
    one = made(post)
    one.act(request())
    post.said = {site: outcome("ACT-1", state) for site, state in zip(("SYD", "PER"), states, strict=True)}
    with pytest.raises(error, match=says):
        one.verify(request())
    post.said = {site: outcome("ACT-1") for site in ("SYD", "PER")}
    assert one.verify(request()) is True


def test_it_is_taken_back_when_everybody_says_so():
    """Until then it waits; who never did it has nothing to take back."""
    post = Post(SYD="", PER="")
    one = made(post)
    post.said = {"SYD": outcome("ACT-1"), "PER": outcome("ACT-1", "denied")}
    with pytest.raises(Pending, match="SYD: verified"):
        one.undo(request())
    assert [True, True] == [wanted.back for _, wanted in post.given]
    post.said["SYD"] = outcome("ACT-1", "undone")
    one.undo(request())
    one.close()


def test_where_nothing_comes_back_it_is_recommended_only():
    """And says why, before it is approved and when it was."""
    one = made(Post(SYD="it sends bundles, which go one way", PER=""))
    why = "recommend only: no way back from SYD: it sends bundles, which go one way"
    assert (True, why) == (one.serves(request()), one.blast_radius(request()))
    with pytest.raises(Permanent, match=why):
        one.before(request())


def test_a_site_asks_its_hub_for_what_is_the_tenants():
    """Other verbs may be named; without a fleet there is nobody to ask."""
    assert OF_HUB == made(Post(hub="")).verbs
    assert ("block_address",) == made(Post(hub=""), verbs=["block_address"]).verbs
    with pytest.raises(ConfigError, match="block_adress of"):
        made(Post(hub=""), verbs=["block_adress"])
    with pytest.raises(ConfigError, match="needs a hub"):
        made(Post())
