"""Deliveries: everything reaches every sink, in its own time, at least once, and nobody waits for a sink."""

import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

import sensor
from sensor import config as configuration
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline import delivering
from sensor.pipeline.delivering import Deliveries
from sensor.store.state import State
from tests.sinks.samples import incident, receiving
from tests.store.test_state import commit


@pytest.fixture
def state(tmp_path):
    """A state that somebody learns into."""
    with State(tmp_path / "state", exclusive=True) as one:
        yield one


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Try again at once."""
    monkeypatch.setattr(delivering, "BACKOFF_S", 0.05)
    monkeypatch.setattr(delivering, "BACKOFF_MAX_S", 0.1)


def configured(**sinks):
    return configuration.build({"sinks": sinks})


def until(true, seconds=60.0):
    """Wait until it is so."""
    ends_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.01)


def lines(path):
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"spanline_sink_{name}", labels)


@pytest.fixture
def metrics():
    """A process's metrics."""
    return Metrics(sensor.__version__)


def test_what_is_committed_reaches_each_sink(tmp_path, state, metrics):
    """At once after a commit, and a closing by somebody else within a second."""
    out, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    pages = {"type": "jsonl", "path": str(other), "min_tier": "page"}
    deliveries = Deliveries(configured(a={"type": "jsonl", "path": str(out)}, b=pages), state.folder, metrics)
    commit(state, [incident("INC-1"), incident("INC-2", tier="page"), incident("INC-3", tier="digest")])
    deliveries.wake()
    until(lambda: len(lines(out)) == 2 and len(lines(other)) == 1)
    with State(state.folder) as beside:
        beside.close_incident("INC-2", "true", "was it")
    until(lambda: len(lines(out)) == 3 and len(lines(other)) == 2)
    deliveries.close(5.0)

    assert ["INC-1", "INC-2", "INC-2"] == [one["id"] for one in lines(out)]
    assert ["open", "closed"] == [one["state"] for one in lines(other)]
    assert (3.0, 1.0, 0.0) == tuple(value(metrics, name, sink="a") for name in ("sent_total", "up", "lag_seconds"))


def test_a_sink_that_is_new_gets_what_is_open_and_what_it_once_had_to_the_end(tmp_path, state, metrics):
    """Not what was over before; but an incident it had, also where its tier is lowered."""
    commit(state, [incident("INC-1"), incident("INC-2", state="expired"), incident("INC-3")])
    out = tmp_path / "a.jsonl"
    deliveries = Deliveries(configured(a={"type": "jsonl", "path": str(out)}), state.folder, metrics)
    until(lambda: len(lines(out)) == 2)
    commit(state, [incident("INC-1", tier="digest"), incident("INC-3", state="closed", verdict="duplicate")])
    deliveries.wake()
    until(lambda: len(lines(out)) == 4)
    deliveries.close(5.0)

    assert ["INC-1", "INC-3"] * 2 == [one["id"] for one in lines(out)]


def test_a_dead_sink_holds_up_nobody_and_gets_the_last_word(tmp_path, state, metrics):
    """Meanwhile it has one row an incident; once it is back it gets each incident as it is then."""
    out = tmp_path / "a.jsonl"
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
    deliveries = Deliveries(
        configured(a={"type": "jsonl", "path": str(out)}, hook={"type": "webhook", "url": f"http://127.0.0.1:{port}"}),
        state.folder, metrics,
    )  # fmt: skip
    for score in (40.0, 50.0, 60.0):
        commit(state, [incident("INC-1", score_db=score)])
        deliveries.wake()
        until(lambda score=score: lines(out)[-1:] and lines(out)[-1]["score_db"] == score)
    until(lambda: value(metrics, "failures_total", sink="hook", reason="away") > 1)
    assert (1.0, 0.0) == tuple(value(metrics, "up", sink=name) for name in ("a", "hook"))
    assert value(metrics, "lag_seconds", sink="hook") > 0
    with receiving(port) as receiver:
        until(receiver.posts)
        until(lambda: value(metrics, "up", sink="hook") == 1.0)
        deliveries.close(5.0)

    assert [60.0] == [one.json()["score_db"] for one in receiver.posts()]


def test_what_is_committed_while_a_sink_is_reached_for_is_sent_before_the_end(state, metrics):
    """The look before found nothing; the end comes in the middle of the probe."""
    with receiving() as receiver:
        receiver.gate.clear()
        deliveries = Deliveries(configured(hook={"type": "webhook", "url": receiver.url}), state.folder, metrics)
        until(lambda: receiver.sent)
        commit(state, [incident("INC-1")])
        for one in deliveries._carriers.values():
            one.ending.set()
            one.woken.set()
        receiver.gate.set()
        deliveries.close(30.0)

    assert ["INC-1"] == [one.json()["id"] for one in receiver.posts()]


def test_a_state_that_cannot_be_opened_now_is_tried_again(state, metrics, monkeypatch):
    """As where another process holds it for longer than SQLite waits: the thread goes on."""
    answers = [ValueError("database is locked"), None]
    real = delivering.Outbox

    def opened(*arguments):
        if answers and (error := answers.pop(0)) is not None:
            raise error
        return real(*arguments)

    monkeypatch.setattr(delivering, "Outbox", opened)
    with receiving() as receiver:
        commit(state, [incident("INC-1")])
        deliveries = Deliveries(configured(hook={"type": "webhook", "url": receiver.url}), state.folder, metrics)
        until(receiver.posts)
        deliveries.close(30.0)


def test_what_waits_for_a_sink_that_is_away_is_seen_before_the_next_attempt(state, metrics, monkeypatch):
    """From the commit on, however long the pause between attempts; what the sink is not to have does not wait."""
    monkeypatch.setattr(delivering, "BACKOFF_S", 600.0)
    monkeypatch.setattr(delivering, "BACKOFF_MAX_S", 600.0)
    hook = {"type": "webhook", "url": "http://127.0.0.1:1/"}
    deliveries = Deliveries(configured(hook=hook), state.folder, metrics)
    until(lambda: value(metrics, "failures_total", sink="hook", reason="away") == 1.0)
    commit(state, [incident("INC-1", tier="digest")])
    deliveries.wake()
    until(lambda: not any(one.woken.is_set() for one in deliveries._carriers.values()))
    assert 0.0 == value(metrics, "lag_seconds", sink="hook")
    commit(state, [incident("INC-2")])
    deliveries.wake()
    until(lambda: value(metrics, "lag_seconds", sink="hook") > 0.1)
    assert 1.0 == value(metrics, "failures_total", sink="hook", reason="away")
    deliveries.close(5.0)


def test_what_waits_for_an_answer_is_seen_meanwhile(state, metrics):
    """A receiver that takes the connection and says nothing: the lag grows while the first attempt is under way."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = {"type": "webhook", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/"}
        commit(state, [incident("INC-1")])
        deliveries = Deliveries(configured(hook=hook), state.folder, metrics)
        until(lambda: value(metrics, "lag_seconds", sink="hook") > 0.1)
        assert 0.0 == value(metrics, "failures_total", sink="hook", reason="away")
        carriers = list(deliveries._carriers.values())
    deliveries.close(0.0)
    until(lambda: not any(one.is_alive() for one in carriers))


def test_what_a_sink_will_never_take_is_passed_over(state, metrics, caplog):
    """It is counted and said; the next is delivered."""
    with receiving() as receiver:
        receiver.statuses = [400]
        commit(state, [incident("INC-1"), incident("INC-2")])
        deliveries = Deliveries(configured(hook={"type": "webhook", "url": receiver.url}), state.folder, metrics)
        until(lambda: len(receiver.posts()) == 2)
        deliveries.close(5.0)

    assert ["INC-1", "INC-2"] == [one.json()["id"] for one in receiver.posts()]
    assert (1.0, 1.0) == (
        value(metrics, "failures_total", sink="hook", reason="refused"), value(metrics, "sent_total", sink="hook"),
    )  # fmt: skip
    assert "refused sink=hook incident=INC-1" in caplog.text


def test_what_cannot_be_written_is_passed_over_and_a_fault_of_ours_is_seen(tmp_path, state, metrics, monkeypatch):
    """The first is counted as refused; after the second the sink is down in the metrics, not silently gone."""
    commit(state, [incident("INC-1"), incident("INC-2")])
    monkeypatch.setattr(
        "sensor.sinks.jsonl._line",
        lambda one: "\ud800".encode() if one.incident.id == "INC-1" else one.incident.id.encode(),
    )
    deliveries = Deliveries(configured(a={"type": "jsonl", "path": str(tmp_path / "a")}), state.folder, metrics)
    until(lambda: value(metrics, "sent_total", sink="a") == 1.0)
    assert 1.0 == value(metrics, "failures_total", sink="a", reason="refused")
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr("sensor.sinks.jsonl._line", lambda _: 1 / 0)
    commit(state, [incident("INC-3")])
    until(lambda: value(metrics, "up", sink="a") == 0.0)
    deliveries.close(5.0)


def test_of_several_in_one_request_only_the_refused_is_passed_over(state, metrics):
    """The others are sent by themselves."""
    with receiving() as receiver:
        receiver.statuses = [400, 200, 400, 200]
        commit(state, [incident(f"INC-{number}") for number in range(3)])
        deliveries = Deliveries(
            configured(am={"type": "alertmanager", "url": receiver.url, "repeat_s": 3600}), state.folder, metrics
        )
        until(lambda: value(metrics, "sent_total", sink="am") == 2.0)
        deliveries.close(5.0)

    alerts = [[one["labels"]["incident"] for one in sent.json()] for sent in receiver.posts()]
    assert [["INC-0", "INC-1", "INC-2"], ["INC-0"], ["INC-1"], ["INC-2"]] == alerts[:4]
    assert 1.0 == value(metrics, "failures_total", sink="am", reason="refused")


def test_what_is_open_is_sent_again_and_what_is_over_is_not(state, metrics):
    """So that an Alertmanager that lost its memory has it."""
    with receiving() as receiver:
        commit(state, [incident("INC-1"), incident("INC-2")])
        deliveries = Deliveries(
            configured(am={"type": "alertmanager", "url": receiver.url, "repeat_s": 1}), state.folder, metrics
        )
        until(receiver.posts)
        commit(state, [incident("INC-2", state="closed")])
        deliveries.wake()
        until(lambda: value(metrics, "sent_total", sink="am") == 3.0)
        count = len(receiver.posts())
        until(lambda: len(receiver.posts()) > count)
        deliveries.close(5.0)

    assert ["INC-1"] == [one["labels"]["incident"] for one in receiver.posts()[-1].json()]


def test_many_open_incidents_are_sent_again_in_parts(state, metrics):
    """Each once a round, the latest first."""
    with receiving() as receiver:
        commit(state, [incident(f"INC-{number:03d}") for number in range(70)])
        deliveries = Deliveries(
            configured(am={"type": "alertmanager", "url": receiver.url, "repeat_s": 3600}), state.folder, metrics
        )
        until(lambda: len(receiver.posts()) >= 6)
        deliveries.close(5.0)

    sizes = [len(one.json()) for one in receiver.posts()]
    again = [one["labels"]["incident"] for sent in receiver.posts()[-3:] for one in sent.json()]
    assert (70, [32, 32, 6]) == (len(set(again)), sizes[-3:])


def test_the_end_waits_for_what_is_committed_but_not_for_ever(state, metrics):
    """A sink that answers gets it; one that does not is left, and the process ends."""
    with receiving() as receiver:
        deliveries = Deliveries(configured(hook={"type": "webhook", "url": receiver.url}), state.folder, metrics)
        commit(state, [incident(f"INC-{number}") for number in range(20)])
        deliveries.close(10.0)
        assert 20 == len(receiver.posts())
        receiver.gate.clear()
        commit(state, [incident("INC-x")])
        again = Deliveries(configured(hook={"type": "webhook", "url": receiver.url}), state.folder, metrics)
        until(lambda: len(receiver.posts()) == 21)
        begin_s = time.monotonic()
        again.close(0.3)
        assert time.monotonic() - begin_s < 2.5
        receiver.gate.set()


def test_another_configuration_changes_only_what_is_other(tmp_path, state, metrics):
    """A sink that stays goes on with its thread, a new one begins, one that is gone ends with its series."""
    kept = {"type": "jsonl", "path": str(tmp_path / "a.jsonl")}
    deliveries = Deliveries(
        configured(a=kept, b={"type": "jsonl", "path": str(tmp_path / "b.jsonl")}), state.folder, metrics
    )
    before = {one.name: one for one in threading.enumerate() if one.name.startswith("sink ")}
    deliveries.reload(configured(a=kept, c={"type": "jsonl", "path": str(tmp_path / "c.jsonl")}))
    after = {one.name: one for one in threading.enumerate() if one.name.startswith("sink ")}
    commit(state, [incident("INC-1")])
    deliveries.wake()
    until(lambda: lines(tmp_path / "a.jsonl") and lines(tmp_path / "c.jsonl"))
    deliveries.close(5.0)

    assert ({"sink a", "sink b"}, {"sink a", "sink c"}) == (set(before), set(after))
    assert before["sink a"] is after["sink a"]
    assert [] == lines(tmp_path / "b.jsonl")
    assert value(metrics, "up", sink="b") is None


def test_a_sink_links_to_the_configured_console(state, metrics):
    """Where it names none of its own."""
    with receiving() as receiver:
        sinks = {
            "a": {"type": "webhook", "url": receiver.url},
            "b": {"type": "webhook", "url": receiver.url, "console_url": "https://own.example"},
        }
        config = configuration.build({"console": {"url": "https://c.example"}, "sinks": sinks})
        commit(state, [incident("INC-1")])
        deliveries = Deliveries(config, state.folder, metrics)
        until(lambda: len(receiver.posts()) == 2)
        deliveries.close(5.0)

    assert {"https://c.example/incidents/INC-1", "https://own.example/incidents/INC-1"} == {
        one.json()["page"] for one in receiver.posts()
    }


def test_what_cannot_be_made_is_refused_and_the_others_go_on(tmp_path, state, metrics):
    """A certificate that is not there: the configuration is refused whole."""
    kept = {"type": "jsonl", "path": str(tmp_path / "a.jsonl")}
    deliveries = Deliveries(configured(a=kept), state.folder, metrics)
    with pytest.raises(ConfigError, match=r"\[sinks.hook\]"):
        deliveries.reload(
            configured(hook={"type": "webhook", "url": "https://h.example", "ca_file": str(tmp_path / "none.pem")})
        )
    commit(state, [incident("INC-1")])
    deliveries.wake()
    until(lambda: lines(tmp_path / "a.jsonl"))
    deliveries.close(5.0)


def test_sinks_are_reached_for_without_an_incident(tmp_path):
    """For whoever wants to know before it is needed."""
    with receiving() as receiver:
        tried = delivering.probe(
            configured(
                good={"type": "webhook", "url": receiver.url},
                away={"type": "webhook", "url": "http://127.0.0.1:1"},
                no={"type": "webhook", "url": "https://h.example", "ca_file": str(tmp_path / "none")},
            )
        )
        assert [] == receiver.posts()

    assert [("good", True), ("away", False), ("no", False)] == [(one.name, one.ok) for one in tried]


def test_a_secret_that_is_not_there_is_waited_for(tmp_path, state, metrics):
    """A file that is put in its place later is read then."""
    key: Path = tmp_path / "key"
    with receiving() as receiver:
        commit(state, [incident("INC-1")])
        deliveries = Deliveries(
            configured(hook={"type": "webhook", "url": receiver.url, "token": {"file": str(key)}}),
            state.folder,
            metrics,
        )
        until(lambda: value(metrics, "failures_total", sink="hook", reason="away") > 0)
        assert [] == receiver.posts()
        key.write_text("t\n")
        until(receiver.posts)
        deliveries.close(5.0)

    assert "Bearer t" == receiver.posts()[0].headers["authorization"]
