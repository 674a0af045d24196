"""What stands for names outside: nothing real is left, what is needed to link is."""

import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.evidence import Evidence
from sensor.model.incident import Action, Answer, Incident, Moment, Party, Step
from sensor.model.pseudonyms import Pseudonyms
from tests.sinks.samples import AT, evidence, incident

KEY = bytes(range(32))
ACCOUNTS = ("tahlia.tanaka@example.com.au", "o'brien@example.com.au", "svc-backup", "pc-7$@example", "104233")
HOSTS = ("SYD-LT-0256", "Ann's MacBook", "mail.example.com.au")
INSIDE = ("10.0.0.5", "192.168.7.9", "fd00::17", "fe80::1", "::ffff:10.0.0.5", "100.64.0.9", "130.102.3.4")
REAL = ("tahlia", "tanaka", "brien", "svc-backup", "pc-7", "104233", "syd-lt", "macbook", "10.0.0.5", "10-0-0-5",
        "5.0.0.10", "fd00::17", "44:11:3a", "44-11-3a", "fe80::1", "192.168.7.9", "130.102.3.4")  # fmt: skip
SENTENCES = (
    "{} signed in", "'{}' (at night)", "from {}, then {}.", '"{}"', "<{}>",
    "[{}]:445", "{}: no", "a={};b", "({})", "{}/.",
    "\\\\{}\\share", "C:\\Users\\{}\\x.docx", "https://a.example/personal/{}/Documents", "EXAMPLE\\{}", "CV-{}.docx",
    "address:{}", "source:{}", "key:{}", "mstshash={}", "x_{}_y", "{}:445", "smtp:{}?subject=1",
    "\u200b{}\u200b",
)  # fmt: skip


@pytest.fixture
def names():
    """Everything replaced, the names above known."""
    made = Pseudonyms(KEY, networks=("130.102.0.0/16",))
    made.know(ACCOUNTS, HOSTS)
    return made


def test_the_same_name_is_the_same_and_another_key_is_another(names):
    """In any spelling of case; nothing can be made of it without the key."""
    same = Pseudonyms(KEY)
    assert names.account("Ann@Example.com").partition("@")[0] == same.account("ann@example.com").partition("@")[0]
    assert names.account("ann") != Pseudonyms(bytes(32)).account("ann")
    assert names.account("ann") != names.account("bob")


def test_spellings_of_one_account_meet_outside_as_they_do_inside(names):
    """The user name is apart from the realm: bare, NetBIOS and full."""
    stands = names.account("ann")
    assert stands.startswith("account-")
    assert [f"{stands}@example", f"{stands}@example.com"] == [
        names.account(f"ann@{one}") for one in ("example", "example.com")
    ]
    hidden = Pseudonyms(KEY, keep_domains=False)
    short, full = (hidden.account(f"ann@{one}").partition("@")[2] for one in ("example", "example.com"))
    assert (short, True) == (full.partition(".")[0], "example" not in full)


def test_what_responders_need_stays(names):
    """Outside addresses, ids, times, versions, numbers, the shape of a sentence."""
    said = "INC-8b196e7b4a42 dev-680a7be83679 203.0.113.9 2001:db8::1 00:31:38 2026-11-24T00:01:38.000000Z 3 @ 5, 1.2.3"
    assert said == names.text(said)


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize(
    "name",
    [*ACCOUNTS, "tahlia.tanaka", "Tahlia.Tanaka", "tahlia_tanaka_example_com_au", "tahlia.ta", "PC-7$", *HOSTS[:2],
     "syd-lt-0256.example.com.au", *INSIDE, "ip-10-0-0-5", "5.0.0.10.in-addr.arpa", "00:1b:44:11:3a:b7",
     "00-1B-44-11-3A-B7", "stranger.brien@example.org", "tahlia.tanaka%40example.com.au"],
)  # fmt: skip
def test_no_sentence_keeps_a_name(names, sentence, name):
    """Whatever stands around it; and what was made once is not made again."""
    said = sentence.replace("{}", name)
    told = names.text(said)
    assert [] == [one for one in REAL if one in told.lower()]
    assert told == names.text(told)


def everywhere(text):
    """An incident with a text in every field that records may have a part in."""
    one = evidence()
    made = incident(
        title=text, summary=text, next_check=text, reason=text, counter_evidence=(text,), context=(one,),
        entities=tuple(Party(kind=kind, site="SYD", id="dev-1" if kind == "device" else text, name=text, role="peer")
                       for kind in ("device", "account", "address", "domain", "service")),
        timeline=(Moment(ts=AT, kind="evidence", who=text, text=text),),
        investigation=(Answer(question=text, answer=text, rows=1, query=text),),
        actions=(Action(id="ACT-1", connector=None, verb="block_address", target={"kind": "service", "id": text},
                        mode="approve", state="proposed", reason=text, expires=AT, blast_radius=text,
                        history=(Step(ts=AT, state="proposed", by=text, detail=text),)),),
    )  # fmt: skip
    whole = msgspec.to_builtins(made)
    for held in (*whole["evidence"], *whole["context"]):
        held |= {"text": text, "keys": [text], "entity": {"kind": "service", "id": text}, "records": [{"input": text}]}
    return msgspec.convert(whole, Incident)


def strings(value):
    """Every text in a value."""
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in values for text in strings(one)]


@pytest.mark.parametrize("name", [*ACCOUNTS, *HOSTS[:2], *INSIDE[:2], "00:1b:44:11:3a:b7"])
@pytest.mark.parametrize("sentences", [True, False])
def test_no_field_of_an_incident_keeps_a_name(name, sentences):
    """Whichever field of text it stands in; the incident is one still."""
    names = Pseudonyms(KEY, sentences=sentences)
    names.know(ACCOUNTS, HOSTS)
    told = names.incident(everywhere(name))
    found = strings(msgspec.to_builtins(told))
    assert [] == [text for text in found for one in REAL if one in text.lower()]
    assert told == msgspec.json.decode(msgspec.json.encode(told), type=Incident)


def test_every_field_of_text_is_one_that_was_looked_at():
    """Who adds a field to what leaves says here whether it may hold a name."""
    ours = {
        Incident: {"id", "state", "verdict", "tier", "sites", "opened", "last_activity", "techniques", "merged"},
        Evidence: {"id", "ts", "site", "detector", "family", "source", "reference", "model", "channel", "stage",
                   "marks", "basis", "range"},
        Action: {"id", "connector", "verb", "mode", "state", "expires"},
        Moment: {"ts", "kind", "evidence"}, Answer: set(), Party: {"kind", "site", "role"}, Step: {"ts", "state"},
    }  # fmt: skip
    replaced = {
        Incident: {"title", "summary", "entities", "evidence", "counter_evidence", "actions", "next_check", "reason",
                   "context", "timeline", "investigation"},
        Evidence: {"entity", "text", "records", "keys"}, Action: {"target", "reason", "blast_radius", "history"},
        Moment: {"who", "text"}, Answer: {"question", "answer", "query"}, Party: {"id", "name"}, Step: {"by", "detail"},
    }  # fmt: skip
    numbers = {"score_db", "p", "db", "observed", "expected", "reference_n", "muted", "level_db", "rows", "answered"}
    for kind, fields in ours.items():
        held = {field.name for field in msgspec.structs.fields(kind)}
        assert set() == held - numbers - fields - replaced[kind], kind.__name__


def test_kinds_that_were_not_asked_for_leave_as_they_are():
    """Each by itself."""
    said = "tahlia.tanaka@example.com.au on SYD-LT-0256 (10.0.0.5, 00:1b:44:11:3a:b7)"
    for kinds, left in (((), 4), (("accounts",), 3), (("hosts",), 3), (("addresses",), 2)):
        names = Pseudonyms(KEY, kinds)
        names.know(ACCOUNTS, HOSTS)
        parts = ("tahlia.tanaka@example.com.au", "SYD-LT-0256", "10.0.0.5", "00:1b:44:11:3a:b7")
        told = names.text(said)
        assert left == sum(one in told for one in parts), kinds


@given(st.integers(0, (1 << 24) - 1), st.integers(0, (1 << 24) - 1), st.integers(1, (1 << 24) - 1))
def test_no_two_macs_become_one(left, right, vendor):
    """And each keeps its vendor, and whether it is a random one."""
    names = Pseudonyms(KEY)
    made = [names.mac_word(vendor << 24 | one) for one in (left, right)]
    assert (left == right) == (made[0] == made[1])
    assert {vendor} == {one >> 24 for one in made}


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_an_address_in_columns_is_an_address(one):
    """An inside one becomes an inside one; an outside one stays; twice is as once."""
    names = Pseudonyms(KEY)
    made = names.column_address(str(one))
    is_inside = names.address(str(one)) != str(one)
    assert is_inside == (made != str(one)) or made.startswith("fd73:706c:")
    assert made == names.column_address(made)
    assert ipaddress.ip_address(made).is_private or not is_inside


@given(st.text(max_size=200))
def test_any_sentence_can_be_told(sentence):
    """Whatever it holds; what was told once stays as it is."""
    names = Pseudonyms(KEY)
    names.know(ACCOUNTS, HOSTS)
    told = names.text(sentence)
    assert told == names.text(told)


def test_a_long_sentence_takes_no_longer_than_it_is_long():
    """Forms that begin everywhere and end nowhere: 60,000 signs each."""
    names = Pseudonyms(KEY)
    names.know(["a.a.a.a.a"], ["a-a-a-a"])
    for hostile in ("a.", "a", "a@", "1:", "a-", "1.", "f:", "00:"):
        assert names.text(hostile * (60_000 // len(hostile)))
