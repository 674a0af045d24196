"""Incidents to any receiver: what arrives, its signature, and what a refusal means."""

import hashlib
import hmac

import msgspec
import pytest

from sensor.errors import Malformed, Permanent, Transient
from sensor.model.incident import Incident
from sensor.model.sink import SecretPlace
from sensor.sinks import webhook
from sensor.sinks.webhook import Settings
from tests.sinks.samples import NOW_NS, delivery, fit, incident, receiving


@pytest.fixture
def receiver():
    """A receiver on loopback."""
    with receiving() as state:
        yield state


def sink(receiver, **options):
    return webhook.build(
        Settings(url=f"{receiver.url}/hook", console_url="https://c.example", **options), fit(KEY="k", OTHER="t")
    )


def test_an_incident_arrives_whole_with_its_page_and_key(receiver):
    """The body reads back as the incident; the same version has the same key."""
    made = sink(receiver, token=SecretPlace(env="OTHER"))
    notes = [made.send([delivery()], NOW_NS) for _ in range(2)]
    made.close()
    first, second = receiver.sent

    assert incident() == msgspec.convert(first.json(), Incident)
    assert "https://c.example/incidents/INC-000000000001" == first.json()["page"]
    assert '"INC-000000000001-1-0a0b0c0d"' == first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert ("Bearer t", "application/json") == (first.headers["authorization"], first.headers["content-type"])
    assert [["INC-000000000001-1-0a0b0c0d"]] * 2 == notes


def test_the_signature_covers_time_and_body(receiver):
    """As anybody computes it from the key and what arrived."""
    made = sink(receiver, secret=SecretPlace(env="KEY"))
    made.send([delivery()], NOW_NS)
    made.close()
    [sent] = receiver.sent
    signed = sent.headers["x-spanline-timestamp"].encode() + b"." + sent.body

    assert str(NOW_NS // 10**9) == sent.headers["x-spanline-timestamp"]
    assert f"sha256={hmac.new(b'k', signed, hashlib.sha256).hexdigest()}" == sent.headers["x-spanline-signature"]


@pytest.mark.parametrize(
    ("statuses", "error"), [([400], Malformed), ([422], Malformed), ([404], Permanent), ([401], Permanent)]
)
def test_a_refusal_says_whose_fault_it_is(receiver, statuses, error):
    """Of what was sent, or of the address and the credentials."""
    receiver.statuses = statuses
    made = sink(receiver)
    with pytest.raises(error):
        made.send([delivery()], NOW_NS)
    made.close()


def test_trouble_is_tried_again_and_then_left_for_later(receiver):
    """Three times; a receiver that recovers within them has it."""
    receiver.statuses = [503, 500]
    made = sink(receiver)
    assert ["INC-000000000001-1-0a0b0c0d"] == made.send([delivery()], NOW_NS)
    receiver.statuses = [503] * 3
    with pytest.raises(Transient):
        made.send([delivery()], NOW_NS)
    made.close()


def test_a_receiver_of_posts_may_refuse_to_be_asked(receiver):
    """That it answers at all is what a probe wants to know; a refusal of credentials is told."""
    receiver.statuses = [405]
    made = sink(receiver)
    assert f"{receiver.url}/hook answers (405 to a GET)" == made.probe()
    receiver.statuses = [401]
    with pytest.raises(Permanent):
        made.probe()
    made.close()
