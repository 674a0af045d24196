"""Hostile text in every field of what is shown: no line, header, label, key or tag comes of it, wherever it goes."""

import email
import email.policy
import json
from html.parser import HTMLParser

import msgspec
import pytest
import stix2
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families as families_of

from sensor.cli import show
from sensor.console.report import Traffic, page
from sensor.metrics import Metrics
from sensor.model.evidence import Evidence
from sensor.model.incident import Action, Answer, Incident, Moment, Party, Step
from sensor.model.result import Coverage, InputResult, ReplayResult
from sensor.sinks import alertmanager, jsonl, ocsf, smtp, stix, syslog, webhook
from sensor.wire.cef import parse as parse_cef
from tests.console.test_report import signin
from tests.hostile import COUNT, MARK, strings
from tests.pipeline.test_responding import device
from tests.sinks.mail_server import mailing
from tests.sinks.samples import AT, NOW_NS, delivery, evidence, fit, incident, receiving

# Sinks and pages see what the state holds: text that is valid Unicode. Halves of characters are refused before.
STRINGS = [one.encode("utf-8", "replace").decode() for one in strings()]
BENIGN = "plain"
OURS = frozenset(
    {
        "id",
        "state",
        "verdict",
        "tier",
        "ts",
        "opened",
        "last_activity",
        "kind",
        "role",
        "mode",
        "expires",
        "merged",
        "techniques",
    }
)
"""Fields that hold our own words and times."""
OF_EVIDENCE = OURS | {"detector", "family", "source", "reference", "model", "channel", "stage", "marks"}


def everywhere(text):
    """Make an incident with a text in each field that may come from records, an entity of each kind among them."""
    made = incident(
        title=text, summary=text, sites=(text,), next_check=text, reason=text, counter_evidence=(text, text),
        context=(filled(evidence("EV-2"), text),),
        entities=tuple(
            Party(kind=kind, site=text, id=text, name=text, role=role)
            for kind in ("device", "account", "address", "domain", "service", "site") for role in ("subject", "peer")
        ),
        evidence=(filled(evidence(), text),),
        timeline=(
            Moment(ts=AT, kind="evidence", who=text, text=text, db=3.0), Moment(ts=AT, kind="muted", who="", text=text),
        ),
        investigation=(Answer(question=text, answer=text, rows=1, query=text),),
        actions=(
            Action(
                id="ACT-1", connector=text, verb="block_address", target={"kind": "address", "id": text},
                mode="approve", state="proposed", reason=text, expires=AT, blast_radius=text,
                history=(Step(ts=AT, state="proposed", by=text, detail=text),),
            ),
        ),
    )  # fmt: skip
    fields = {field.name for field in msgspec.structs.fields(Incident)}
    assert fields - OURS == {
        name for name in fields - OURS if getattr(made, name) not in ("", (), None)
    } | {"level_db", "muted"}  # fmt: skip
    return made


def filled(one, text):
    """Put a text into each field of an evidence that may come from records."""
    assert {"text", "site", "entity", "keys", "records"} < {
        field.name for field in msgspec.structs.fields(Evidence)
    } - OF_EVIDENCE
    record = msgspec.structs.replace(one.records[0], input=text, uid=text)
    entity = msgspec.structs.replace(one.entity, id=text)
    return msgspec.structs.replace(one, text=text, site=text, entity=entity, keys=(text,), records=(record,) * 7)


INCIDENTS = [everywhere(text) for text in STRINGS]
PLAIN = everywhere(BENIGN)


def shape(value):
    """Return the keys and lengths of what JSON holds, without its texts."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def injected(text):
    """Tell whether a line of a text begins with what was hidden in one."""
    return [line for line in text.splitlines() if line.lstrip().startswith(MARK)]


def unprintable(text):
    """Return what is neither printable nor a plain end of line."""
    return {one for one in set(text) if not one.isprintable() and one != "\n"}


def deliveries(kept=INCIDENTS):
    return [delivery(one, number) for number, one in enumerate(kept)]


def test_there_are_five_hundred():
    """Of each kind, all different."""
    assert (COUNT, COUNT) == (len(strings()), len(set(strings())))


@pytest.mark.parametrize("module", [jsonl, ocsf])
def test_a_file_has_one_line_an_incident(tmp_path, module):
    """Each with the keys of a plain one, and nothing in it that moves a terminal."""
    path = tmp_path / "out.jsonl"
    made = module.build(module.Settings(path=str(path)), fit())
    made.send([*deliveries(), delivery(PLAIN, 999)], NOW_NS)
    made.close()
    text = path.read_text()
    *lines, plain = [json.loads(line) for line in text.split("\n")[:-1]]

    assert COUNT == len(lines)
    assert {json.dumps(shape(plain))} == {json.dumps(shape(one)) for one in lines}
    assert set() == {one for one in set(text) if ord(one) < 32 and one != "\n"}


def test_a_receiver_gets_the_keys_of_a_plain_one():
    """In body and headers, whatever the text."""
    with receiving() as receiver:
        made = webhook.build(webhook.Settings(url=receiver.url), fit())
        made.send([*deliveries(), delivery(PLAIN, 999)], NOW_NS)
        made.close()
        *sent, plain = receiver.posts()

    assert COUNT == len(sent)
    assert {tuple(plain.headers)} == {tuple(one.headers) for one in sent}
    assert {json.dumps(shape(plain.json()))} == {json.dumps(shape(one.json())) for one in sent}
    assert [one.incident for one in deliveries()] == [msgspec.convert(one.json(), Incident) for one in sent]


def test_an_alert_has_our_labels_and_printable_text():
    """No label is added, changed or continued; annotations are single lines of bounded length."""
    with receiving() as receiver:
        made = alertmanager.build(alertmanager.Settings(url=receiver.url), fit())
        kept = deliveries([msgspec.structs.replace(one, sites=("SYD", *one.sites)) for one in INCIDENTS])
        made.send(kept, NOW_NS)
        made.close()
        alerts = receiver.posts()[0].json()

    assert COUNT == len(alerts)
    assert {("SpanlineIncident", "scan", "INC-000000000001", "SYD", "triage")} == {
        tuple(one["labels"][name] for name in sorted(one["labels"])) for one in alerts
    }
    texts = [text for one in alerts for text in one["annotations"].values()]
    assert set() == {mark for text in texts for mark in text if not mark.isprintable()}
    assert max(map(len, texts)) <= alertmanager.TEXT_MAX


def test_a_message_of_cef_is_one_line_with_our_keys():
    """As a reader of other products' CEF has it."""
    plain = parse_cef(syslog.cef(PLAIN, "V-1"))
    for one in INCIDENTS:
        line = syslog.cef(one, "V-1")
        found = parse_cef(line)
        assert line.isprintable()
        assert ("6", "Spanline", "V-1") == (found["cef.severity"], found["cef.vendor"], found["cs1"])
        assert plain.keys() | {"src", "dst"} >= found.keys() >= plain.keys()


def test_a_mail_has_our_headers_and_lines(tmp_path):
    """As it arrived at a server: no header more, no line more, nothing that moves a terminal."""
    with mailing() as server:
        options = {"host": "127.0.0.1", "port": server.port, "sender": "a@example.com", "to": ("b@example.com",)}
        made = smtp.build(smtp.Settings(security="none", **options), fit())
        made.send([*deliveries(INCIDENTS[::5]), delivery(PLAIN, 999)], NOW_NS)
        *mails, plain = [email.message_from_bytes(text, policy=email.policy.default) for *_, text in server.mails]
    for one in INCIDENTS:
        mails.append(
            email.message_from_bytes(
                bytes(smtp.mail(delivery(one), smtp.Settings(**options), NOW_NS)), policy=email.policy.default
            )
        )

    assert COUNT + COUNT // 5 == len(mails)
    headers = sorted(plain.keys())
    for one in mails:
        assert headers == sorted(one.keys())
        text = one.get_content().replace("\r\n", "\n")
        assert len(plain.get_content().splitlines()) == len(text.splitlines())
        assert ([], set()) == (injected(text), unprintable(text))


def test_a_bundle_is_valid_and_has_our_objects():
    """The standard's library takes it; text is in texts alone."""
    plain = [one["type"] for one in stix.bundle(PLAIN, "V-1", NOW_NS)["objects"]]
    for number, one in enumerate(INCIDENTS):
        made = stix.bundle(one, "V-1", NOW_NS)
        kinds = [held["type"] for held in made["objects"] if not held["type"].startswith("ipv")]
        assert plain == kinds
        assert set() == {mark for mark in json.dumps(made, ensure_ascii=False) if ord(mark) < 32}
        if number % 10 == 0:
            stix2.parse(msgspec.json.encode(made))


class _Tags(HTMLParser):
    """The tags of a page with the names of their attributes, and where links lead."""

    def __init__(self, text):
        super().__init__()
        self.found, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in {"href", "src", "action"}]

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_comment(self, data):
        self.found.append("comment")

    def handle_decl(self, decl):
        self.found.append("declaration")


def report(text):
    """Write the page of a run in which a text is everywhere."""
    one = everywhere(text)
    answer = ReplayResult(
        version=1, packets=5, flows=4, events=3, signins=2, first_ts=AT, last_ts=AT, devices=1, accounts=1,
        incidents=(one,), digest=(one,), unusual=one.evidence, elapsed_s=1.0,
        coverage=(Coverage(detector="scan", state="judged", why=text),),
        inputs=(
            InputResult(
                path=text, site=text, format=text, records=5, bytes=9, accepted=4, late=0, duplicates=0,
                rejected={text: 1}, error=text, warnings=(text,),
            ),
        ),
    )  # fmt: skip
    seen = msgspec.structs.replace(device("D-1", "workstation", ("10.0.0.5",)), name=text, site=text, vendor=text)
    made = signin(1, "contradicted", text)
    there = msgspec.structs.replace(made, ip=text, country=text, app=text, because=text, reason=text, site=text)
    return page(answer, [seen], [there], [Traffic(text, [(NOW_NS, 5.0, 6.0)])], text)


def test_a_report_has_the_tags_of_a_plain_one():
    """Tags, attributes and links; nothing in it that moves a terminal."""
    plain = _Tags(report(BENIGN))
    for text in STRINGS:
        shown = report(text)
        found = _Tags(shown)
        assert (plain.found, len(plain.links)) == (found.found, len(found.links))
        assert set() == {one for one in set(shown) if not one.isprintable() and one not in "\n\t"}
        assert not [one for one in found.links if one and one.lower().startswith(("javascript:", "data:", "//"))]


def kinds_of(tokens):
    """Return what a Markdown is made of, without its texts: the same however long they are."""
    return [
        (one.type, [word.type for word in one.children or () if word.type not in {"text", "text_special"}])
        for one in tokens
    ]


def test_what_the_command_line_shows_is_lines_of_its_own(capsys):
    """As text and as Markdown, which holds the blocks and marks of a plain one."""
    parser = MarkdownIt("gfm-like", {"linkify": False})
    plain = kinds_of(parser.parse(show.incident_markdown(PLAIN)))
    for one in INCIDENTS:
        show.incident_full(one)
        show.incident_brief(one)
        text = capsys.readouterr().out
        assert set() == unprintable(text)
        assert len(one.title) > 80 or [] == injected(text)
        markdown = show.incident_markdown(one)
        assert set() == unprintable(markdown)
        assert plain == kinds_of(parser.parse(markdown))


def test_metrics_have_names_of_ours_alone_for_labels():
    """Sources, kinds, reasons, tables and connectors of any name: so many series at most, each a line of its own."""
    metrics = Metrics("1.0")
    metrics.expect(["SYD"], [("SYD", "zeek")], ["scan"], ["devices"], ["truncated"])
    for text in strings():
        metrics.drop("SYD", text, text, 1)
        metrics.drop("SYD", "zeek", text, 1)
        metrics.event("SYD", text, text, 1)
        metrics.action(text, "block_address", text, 1)
        metrics.saturation.labels(metrics.named("table", text, 128)).set(1)
        metrics.signins.labels(metrics.named("source", text, 48), "success", "unknown").inc()
    exposed = metrics.plain().decode()
    labels = {value for family in families_of(exposed) for sample in family.samples for value in sample.labels.values()}

    assert [] == injected(exposed)
    assert all(one.isascii() and one.isprintable() and not set(one) & set('"\\{}<>=,; ') for one in labels)
    assert exposed.count("\n") < 2_000
