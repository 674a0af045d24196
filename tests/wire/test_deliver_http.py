"""What sinks over HTTP share: TLS unless said, refusals told apart."""

import pytest

from sensor.errors import Malformed, Permanent, Transient
from sensor.wire.deliver_http import HttpSettings, Target, problem
from tests.sinks.samples import fit, receiving


def test_plain_http_leaves_the_machine_only_where_it_is_said():
    """Who listens on the way would read incidents; loopback is free."""
    assert problem(HttpSettings(url="http://127.0.0.1:9093")) is None
    assert problem(HttpSettings(url="http://am.example", plain_http=True)) is None
    for url, told in (("http://am.example", "plain_http"), ("am.example", "no address"), ("", "needs url")):
        assert told in problem(HttpSettings(url=url))


@pytest.mark.parametrize(
    ("statuses", "error"),
    [([400], Malformed), ([413], Malformed), ([422], Malformed), ([403], Permanent), ([500] * 3, Transient)],
)
def test_a_refusal_is_of_what_was_sent_or_of_who_sent_it(statuses, error):
    """The first is passed over, the second waits for somebody, trouble waits for itself."""
    with receiving() as receiver:
        receiver.statuses = statuses
        target = Target(HttpSettings(url=receiver.url), fit())
        with pytest.raises(error):
            target.post(receiver.url, b"{}")
        target.close()


def test_bytes_arrive_as_they_are_and_any_answer_will_do():
    """`ok` is no JSON, and taken."""
    with receiving() as receiver:
        target = Target(HttpSettings(url=receiver.url), fit())
        target.post(f"{receiver.url}/x", b'{"a" : 1}', {"x-one": "1"})
        assert 200 == target.get(receiver.url)
        target.close()
        assert (b'{"a" : 1}', "1") == (receiver.sent[0].body, receiver.sent[0].headers["x-one"])
