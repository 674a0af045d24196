"""Orders between a hub and a site, both ways: executed once, judged anew where they are executed, and told of."""

import contextlib

import msgspec
import pytest

from sensor.model.given import decode
from sensor.model.guard import Guard
from sensor.model.order import HUB
from sensor.pipeline.ordering import Ordering, Way
from sensor.pipeline.taking import Taking
from sensor.responses import site as elsewhere
from sensor.responses.executor import Armed, Executor
from sensor.responses.site import PATIENCE_NS, Site
from sensor.store import audit
from sensor.store.actions import KILL_SWITCH, Actions
from sensor.store.returned import Taker
from sensor.store.returns import ReturnsReader
from sensor.store.state import State
from tests.responses.products import NOW, Product, S, action, incident
from tests.responses.test_executor import Killed, around
from tests.store.test_returned import COMMIT

HOUR = 3600 * S
ADDRESS = "203.0.113.5"


class Place:
    """A hub or a site: state, executor and orders, without a core; `product` lives on where it is killed."""

    def __init__(self, folder, places, product=None, *, name="", mode="auto", guard=None, device=None):
        self.folder, self.places, self.product, self.name, self.mode = folder, places, product, name, mode
        self.guard, self.device = guard or Guard(orders="auto"), device
        self.open()

    def open(self, at=NOW):
        """Begin, as a process does."""
        self.state, self.actions = State(self.folder), Actions(self.folder)
        for one in (self.state, self.actions):
            one._connection.execute("PRAGMA synchronous=OFF")
        self.way, self.taking = Way(self.actions, self.places), Taking()
        verbs = ("block_address", "isolate_device") if "" not in self.places else ("disable_account",)
        armed = {"elsewhere": Armed(Site(self.way, verbs), self.mode, {}, PATIENCE_NS)}
        if self.product is not None:
            armed = {"fake": Armed(self.product, self.mode, {}), **armed}
        about = around()._replace(here=lambda names, addresses: self.device, addresses=lambda device: ("10.0.0.9",))
        self.executor = Executor(self.folder, self.actions, armed, self.guard, about)
        self.ordering = Ordering(self.actions, self.executor)
        self.executor.recover(at)

    def close(self):
        """End, as a process that is killed does: its files are as they are."""
        self.executor._audit.close()
        self.executor._lock.close()
        self.actions.close()
        self.state.close()

    def work(self, at):
        """Do what a turn of the loop does."""
        self.ordering.step(at)
        self.executor.step(at)
        self.ordering.step(at)

    def commit(self):
        """Commit what came, and what goes to sites."""
        self.state.commit(**COMMIT)

    def state_of(self, key="ACT-1"):
        """Return how an action stands, with what was said last."""
        held = self.actions.get(key)
        return (held.action.state, held.action.history[-1].detail) if held is not None else None


class Link:
    """What goes between a hub and one site; each thing comes twice."""

    def __init__(self, hub, site):
        self.hub, self.site, self.spool = hub, site, []

    def down(self):
        """Bring the site what the hub has for it."""
        with contextlib.closing(ReturnsReader(self.hub.folder)) as reader, contextlib.closing(
            Taker(self.site.folder)
        ) as taker:  # fmt: skip
            taker.store([one for one in reader.after(self.site.name, taker.place()) for _ in range(2)])
        self.site.taking.take(self.site.state)
        self.site.commit()

    def up(self):
        """Bring the hub what the site has for it; what is in the spool is there until the hub has it."""
        self.spool += self.site.state.orders.upwards()
        self.site.commit()
        for one in [*self.spool, *self.spool]:
            self.hub.state.orders.came(self.site.name, one)
        self.hub.commit()
        self.spool.clear()


@pytest.fixture(autouse=True)
def _no_power_cut(monkeypatch):
    """Who dies here is a process: what it wrote is there, and need not be waited for."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)


@pytest.fixture
def fleet(tmp_path):
    """A hub and a site, made with what is asked for; all are closed."""
    held = []

    def make(site_product=None, hub_product=None, why="", **rest):
        hub = Place(tmp_path / "hub", {"SYD": why}, hub_product, name="HUB")
        site = Place(tmp_path / "syd", {HUB: why}, site_product, name="SYD", **rest)
        held[:] = [hub, site]
        return hub, site, Link(hub, site)

    yield make
    for one in held:
        one.close()


def decided(place, verb="block_address", target=ADDRESS, at=NOW):
    """Have an incident of a page propose an action, which is approved by itself."""
    place.executor.offer([incident(action("ACT-1", verb, target))], at)


def together(hub, site, link, moments):
    """Let both work, and everything come through, at each moment."""
    for at in moments:
        hub.work(at)
        hub.commit()
        link.down()
        site.work(at)
        link.up()
        hub.work(at)


def after(*minutes):
    return [NOW + minute * 60 * S for minute in minutes]


def test_a_hub_decides_and_the_site_does_it_once_and_says_so(fleet):
    """The action bears one id at both ends; at the hub it is under way until the site says that the effect holds."""
    product = Product(slow=1)
    hub, site, link = fleet(product)
    decided(hub)
    together(hub, site, link, after(0))
    assert "executing" == hub.state_of()[0]
    assert "SYD: executing by spanline" in hub.state_of()[1]
    together(hub, site, link, after(1, 2))

    assert ("verified", "the effect holds") == hub.state_of() == site.state_of()
    assert {"ACT-1": 1} == product.changes
    held = site.actions.get("ACT-1").action
    assert "ordered for INC-1, decided by spanline" == held.history[0].detail
    assert ("the hub", "a takeover (ordered by the hub)") == (held.history[0].by, held.reason)
    for place in (hub, site):
        assert [] == audit.verify(place.folder, least=place.actions.audited())[0]


def test_a_site_decides_and_the_hub_does_it(fleet):
    """What is the tenant's: its answer comes back the other way."""
    product = Product(verbs=("disable_account",))
    hub, site, link = fleet(hub_product=product)
    decided(site, "disable_account", "ann@ex.com")
    together(hub, site, link, after(0, 1, 2))
    assert ("verified", "the effect holds") == hub.state_of() == site.state_of()
    assert ({"ACT-1": 1}, "SYD") == (product.changes, hub.actions.get("ACT-1").request.origin)


def test_an_hour_later_it_is_taken_back_at_both(fleet):
    """Whichever is first; a person at the hub may ask for it before."""
    product = Product()
    hub, site, link = fleet(product)
    decided(hub)
    together(hub, site, link, after(0, 1))
    assert hub.actions.ask_back("ACT-1", "user:kim", "wrong", NOW + 120 * S) is None
    together(hub, site, link, after(2, 3, 4))
    assert (set(), "undone", "undone") == (product.done, hub.state_of()[0], site.state_of()[0])


@pytest.mark.parametrize(
    ("rest", "state", "says"),
    [({"guard": Guard(orders="auto", never_touch=("203.0.113.0/24",))}, "failed",
      "SYD: denied by guard: 203.0.113.0/24 is never touched"),
     ({"guard": Guard(orders="auto", per_hour=0)}, "executing",
      "SYD: approved by guard: waits: 0 actions in the last hour"),
     ({"guard": Guard()}, "executing", "SYD: proposed by the hub: ordered for INC-1, decided by spanline"),
     ({"guard": Guard(orders="recommend")}, "executing", "SYD: proposed by the hub"),
     ({"mode": "recommend"}, "executing", "SYD: proposed by the hub"),
     ({"verbs": ("isolate_device",)}, "failed", "SYD: denied by guard: nothing here carries it out")],
)  # fmt: skip
def test_an_order_is_a_request_and_the_sites_own_guard_decides(fleet, rest, state, says):
    """Its list, its limits, its modes; the hub is told. Nothing is done."""
    product = Product(rest.get("verbs", ("block_address",)))
    hub, site, link = fleet(product, **{key: one for key, one in rest.items() if key != "verbs"})
    decided(hub)
    together(hub, site, link, after(0, 1, 2))
    assert (state, True, []) == (hub.state_of()[0], hub.state_of()[1].startswith(says), product.touched)


def test_a_person_at_the_site_decides_where_that_is_asked_for(fleet):
    """And the switch at the site stops orders, too."""
    product = Product()
    hub, site, link = fleet(product, guard=Guard())
    decided(hub)
    together(hub, site, link, after(0))
    assert site.actions.decide("ACT-1", "approved", "user:jo", "yes", NOW + 60 * S) is None
    (site.folder / KILL_SWITCH).touch()
    together(hub, site, link, after(1))
    assert [] == product.touched
    (site.folder / KILL_SWITCH).unlink()
    together(hub, site, link, after(2, 3))
    assert ("verified", {"ACT-1": 1}) == (hub.state_of()[0], product.changes)


def test_without_a_way_back_nothing_is_ordered(fleet):
    """It is a recommendation that says why; whoever approves it is told."""
    hub, site, link = fleet(Product(), why="it sends bundles, which go one way")
    decided(hub)
    together(hub, site, link, after(0, 1))
    why = "recommend only: no way back from SYD: it sends bundles, which go one way"
    assert ("failed", why) == hub.state_of()
    assert (why, None) == (hub.actions.get("ACT-1").action.blast_radius, site.state_of())


def test_a_device_is_found_by_what_it_is_called_here(fleet):
    """A hub and a site have ids of their own; what is not known here is not isolated."""
    product = Product()
    hub, site, link = fleet(product, device="dev-here")
    decided(hub, "isolate_device", "dev-there")
    together(hub, site, link, after(0, 1))
    assert ([("isolate_device", "dev-here")], "verified") == (product.touched, hub.state_of()[0])


def test_what_comes_too_late_is_not_begun_and_a_late_answer_counts(fleet, monkeypatch):
    """A link that was cut for longer than an order lives: unknown at the hub, until the site says what it did."""
    product = Product()
    hub, site, link = fleet(product)
    decided(hub)
    hub.work(NOW)
    hub.commit()
    late = [NOW + PATIENCE_NS + minute * 60 * S for minute in range(1, 4)]
    hub.work(late[0])
    assert ("unknown", "SYD has not answered; given up after 7 hours") == hub.state_of()
    together(hub, site, link, late)
    assert ("failed", True, []) == (hub.state_of()[0], "it came too late" in hub.state_of()[1], product.touched)

    monkeypatch.setattr(elsewhere, "LIFE_NS", 24 * HOUR)
    hub.executor.offer([incident(action("ACT-2", "block_address", "203.0.113.6"), key="INC-2")], late[-1])
    hub.work(late[-1])
    hub.commit()
    hub.work(late[-1] + PATIENCE_NS + S)
    assert "unknown" == hub.state_of("ACT-2")[0]
    together(hub, site, link, [late[-1] + PATIENCE_NS + k * 60 * S for k in (1, 2)])
    assert ("verified", {"ACT-2": 1}) == (hub.state_of("ACT-2")[0], product.changes)


def test_the_same_to_the_same_target_is_not_done_twice(fleet):
    """What the site did by itself answers the hub's order, under the site's own id."""
    product = Product()
    hub, site, link = fleet(product)
    site.executor.offer([incident(action("ACT-7", "block_address", ADDRESS))], NOW)
    site.work(NOW)
    decided(hub)
    together(hub, site, link, after(0, 1))
    assert ("verified", {"ACT-7": 1}, None) == (hub.state_of()[0], product.changes, site.state_of())
    assert "(ACT-7)" in hub.actions.orders.outcome("SYD", "ACT-1").detail


def test_an_id_that_is_another_action_here_is_refused(fleet):
    """Whatever the hub, or somebody in its name, orders."""
    product = Product()
    hub, site, link = fleet(product, mode="approve")
    site.executor.offer([incident(action("ACT-1", "block_address", "203.0.113.77"))], NOW)
    decided(hub)
    together(hub, site, link, after(0, 1))
    assert ("failed", "SYD: denied by guard: ACT-1 is another action here") == hub.state_of()
    assert [] == product.touched


def test_nobody_withdraws_what_is_not_theirs(fleet):
    """An order to take back an action of the site's own changes nothing."""
    product = Product()
    hub, site, link = fleet(product)
    site.executor.offer([incident(action("ACT-1", "block_address", ADDRESS))], NOW)
    site.work(NOW)
    assert "verified" == site.state_of()[0]
    decided(hub)
    hub.work(NOW)
    (held,) = hub.actions.orders.live("out")
    hub.actions.orders.give("SYD", msgspec.structs.replace(held.wanted, back=True))
    hub.commit()
    link.down()
    site.work(NOW + 60 * S)
    assert ("verified", {"ACT-1"}) == (site.state_of()[0], product.done)


def dying(place, left):
    """Let a place die before, or right after, its n-th step that its disk, the other end or the product could see."""

    def counted(function):
        def called(*arguments, **named):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            result = function(*arguments, **named)
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return result

        return called

    seen = [
        (place.executor._audit, ("append",)), (place.actions, ("put", "put_if", "decide", "ask_back")),
        (place.actions.orders, ("give", "follow", "tell", "settle")), (place, ("commit",)),
    ]  # fmt: skip
    if place.product is not None:
        seen.append((place.product, ("before", "act", "verify", "undo")))
    plain = []
    for owner, names in seen:
        for name in names:
            plain.append((owner, name, owner.__dict__.get(name)))
            setattr(owner, name, counted(getattr(owner, name)))

    def mend():
        for owner, name, was in plain:
            if was is None:
                delattr(owner, name)
            else:
                setattr(owner, name, was)

    return mend


@pytest.mark.parametrize("which", ["hub", "site"])
@pytest.mark.parametrize("way", ["down", "up"])
def test_killed_between_any_two_steps_it_is_done_once_and_both_know(tmp_path, which, way):
    """The hub, or the site, at each of its steps in turn, while an order goes to the site, or to the hub."""
    for step in range(200):
        product = Product(verbs=("block_address",) if way == "down" else ("disable_account",))
        hub = Place(tmp_path / f"{step}h", {"SYD": ""}, product if way == "up" else None, name="HUB")
        site = Place(tmp_path / f"{step}s", {HUB: ""}, product if way == "down" else None, name="SYD")
        link, one = Link(hub, site), hub if which == "hub" else site
        decides, target = (
            (hub, ("block_address", ADDRESS)) if way == "down" else (site, ("disable_account", "ann@ex.com"))
        )
        left = [step]
        mend, survived = dying(one, left), False
        try:
            decided(decides, *target)
            together(hub, site, link, after(0, 1, 2))
            survived = True
        except Killed:
            pass
        mend()
        one.close()
        one.open(NOW + 5 * 60 * S)
        decided(decides, *target, at=NOW + 6 * 60 * S)
        together(hub, site, link, after(6, 7, 8))

        assert (step, {"ACT-1": 1}) == (step, product.changes)
        assert ("verified", "verified") == (hub.state_of()[0], site.state_of()[0])
        for place in (hub, site):
            assert [] == audit.verify(place.folder, least=place.actions.audited())[0]
            place.close()
        if survived:
            return
    raise AssertionError("it never got through")


def test_what_is_given_is_what_a_site_can_read(fleet):
    """As bytes, an order as the site's core takes it."""
    hub, _, _ = fleet(Product())
    decided(hub)
    hub.work(NOW)
    hub.commit()
    with contextlib.closing(ReturnsReader(hub.folder)) as reader:
        (letter,) = reader.after("SYD", reader.newest("nobody"))
    assert ("order:ACT-1", "ACT-1") == (letter.key, decode(letter.body).wanted.id)
