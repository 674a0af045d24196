"""Contacts with identity providers, and what coincides with sign-ins beyond chance."""

import numpy as np
import pytest
from scipy.stats import binom

from sensor.entities import contacts as module
from sensor.entities.contacts import Contacts, Tally, Waiting, binomial_tail, provider_of
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS


@pytest.mark.parametrize(
    ("name", "expected"),
    [("login.microsoftonline.com", "microsoft"), ("Login.MicrosoftOnline.com.", "microsoft"), ("ex.okta.com", "okta"),
     ("accounts.google.com", "google"), ("okta.com", None), ("login.microsoftonline.com.evil.net", None),
     ("api-1.duosecurity.com", "duo"), (None, None), ("", None)],
)  # fmt: skip
def test_providers_are_known_by_whole_names(name, expected):
    """A name that only contains a provider's is another's."""
    assert expected == provider_of(name)


@pytest.mark.parametrize(("hits", "trials", "rate"), [(0, 5, 0.2), (3, 5, 0.2), (5, 5, 0.9), (40, 400, 0.05)])
def test_the_tail_is_the_binomials(hits, trials, rate):
    """As scipy has it."""
    assert pytest.approx(binom.sf(hits - 1, trials, rate), rel=1e-9) == binomial_tail(hits, trials, rate)


def test_beyond_the_exact_range_the_tail_is_bounded_from_above():
    """Chernoff's bound never claims more than there is."""
    for hits in (60, 100, 1000):
        assert binom.sf(hits - 1, 1000, 0.05) <= binomial_tail(hits, 1000, 0.05) <= 1


def day(contacts, number, rng, *, own=True, noise=(), sign_ins=3):
    """Play a day: sign-ins of account 0 with contacts of device 1 beside them, others' contacts at random."""
    steps = []
    for k in range(sign_ins):
        at = number * DAY_NS + 9 * HOUR_NS + k * 2 * HOUR_NS + int(rng.integers(HOUR_NS))
        steps.append((at, "sign"))
        if own:
            steps.append((at + int(rng.integers(-60, 60)) * SECOND_NS, 1))
    for device, count in noise:
        steps += [(number * DAY_NS + 8 * HOUR_NS + int(rng.integers(8 * HOUR_NS)), device) for _ in range(count)]
    linked = []
    for at, what in sorted(steps, key=lambda one: one[0]):
        linked += contacts.judge(at)
        if what == "sign":
            contacts.await_judgement(Waiting(at, 0, "microsoft", "203.0.113.1", None))
        else:
            contacts.touch("microsoft", 0, what, at)
    return linked + contacts.judge((number + 1) * DAY_NS)


def test_a_device_that_always_coincides_is_linked_and_the_egress_with_it():
    """After two days of three sign-ins; devices that contact the provider at random are not."""
    contacts, rng = Contacts(), np.random.default_rng(0)
    linked = [one for number in range(4) for one in day(contacts, number, rng, noise=((2, 10), (3, 40)))]

    assert {1} == {device for _, device, _ in linked}
    assert all(ts >= DAY_NS for _, _, ts in linked)


def test_an_address_is_a_sites_egress_where_its_sign_ins_coincide():
    """Proposed after five coincidences on two days."""
    contacts, rng = Contacts(), np.random.default_rng(1)
    for number in range(3):
        day(contacts, number, rng)

    assert [(0, "203.0.113.1")] == [(site, ip) for site, ip, _ in contacts.proposed()]


@pytest.mark.parametrize("seed", range(20))
def test_chance_alone_links_nobody(seed):
    """Twenty offices of ten devices that contact the provider at random, a fortnight each."""
    contacts, rng = Contacts(), np.random.default_rng(seed)
    noise = tuple((device, int(rng.integers(1, 60))) for device in range(2, 12))
    linked = [one for number in range(14) for one in day(contacts, number, rng, own=False, noise=noise)]

    assert [] == linked


def test_a_poller_is_no_coincidence():
    """A device that contacts the provider every five minutes is there at every sign-in, and at every other time."""
    contacts, rng = Contacts(), np.random.default_rng(2)
    linked = [one for number in range(7) for one in day(contacts, number, rng, own=False, noise=((2, 400),))]

    assert [] == linked


def test_memory_is_bounded(monkeypatch):
    """The oldest contacts and pairs go, and are counted."""
    monkeypatch.setattr(module, "CONTACTS_MAX", 10)
    monkeypatch.setattr(module, "PAIRS_MAX", 2)
    contacts = Contacts()
    for k in range(30):
        contacts.touch("microsoft", 0, k % 5, k * SECOND_NS)
    contacts.await_judgement(Waiting(25 * SECOND_NS, 0, "microsoft", None, None))
    contacts.judge(10 * MINUTE_NS)

    assert len(contacts.pairs) <= 2
    assert contacts.dropped > 0


def test_save_and_load_goes_on_where_it_stopped():
    """Half the days, a restart, the other half: the same tallies."""
    one, rng = Contacts(), np.random.default_rng(3)
    day(one, 0, rng)
    two = Contacts()
    two.load(one.save())
    after = [day(contacts, 1, np.random.default_rng(4)) for contacts in (one, two)]

    assert after[0] == after[1]
    assert list(one.pairs.items()) == list(two.pairs.items())
    assert isinstance(next(iter(two.pairs.values())), Tally)
