"""The questions an analyst would ask."""

import pytest

from sensor.incidents.investigate import answered, investigate, questions, signature
from sensor.model.incident import Party
from sensor.model.times import DAY_NS, rfc3339
from tests.incidents.hands import START, act, seen
from tests.incidents.test_case import case


class Asked:
    """An archive that answers by the words in a query."""

    def __init__(self, since_ns=0, **rows):
        self.since_ns, self.given, self.queries = since_ns, rows, []

    def rows(self, sql, parameters=()):
        self.queries.append(sql)
        if "broken" in self.given:
            raise ValueError("gone")
        return next((rows for word, rows in self.given.items() if f"FROM {word}" in sql), [])


def taking(*findings):
    one = case()
    for finding in findings:
        one.take(finding, START, weighs=True)
    return one


@pytest.fixture
def taken_over():
    """An account, its laptop's beacon, and a rule."""
    keys = ("address:198.51.100.7", "session:s")
    return taking(
        act("place", "place", 1e-4, START, keys=keys, stage="entry"),
        act("rules", "hides", 1e-4, START, text='made the rule "."', keys=keys),
        seen("beacon", "beacon", 1e-4, START, keys=("destination:203.0.113.9",)),
    )


def named(identity):
    return {"dev-7": "LAPTOP-7"}.get(identity, identity)


def test_everything_that_applies_is_asked_once(taken_over):
    """From there, files, the rule's use, who else from there and to there, who was on the device."""
    asked = [one.text for one in questions(taken_over)]

    assert len(asked) == len(set(asked)) == 7
    for words in (
        "do from there",
        "files",
        "after the rule",
        "Who else signed in from 198.51.100.7",
        "reached 203.0.113.9",
    ):
        assert any(words in text for text in asked)


def test_answers_say_what_was_found_and_what_was_not(taken_over):
    """With names, counts, and the query as a hunt takes it; an empty answer is one too."""
    archive = Asked(flows=[("dev-7", 12), (None, 1)])
    told = {one.question: one for one in investigate(taken_over, archive, named)}

    one = told["Which other devices reached 203.0.113.9?"]
    assert ("Also: LAPTOP-7 (12), unnamed (1).", 2, True) == (one.answer, one.rows, one.answered)
    assert "Nobody else." == told["Who else signed in from 198.51.100.7?"].answer
    assert (7, 7) == answered(told.values())
    assert all(f"'{rfc3339(START - 7 * DAY_NS)}'" in one.query for one in told.values())
    assert all(str(START - 7 * DAY_NS) in query for query in archive.queries)
    assert not any("{" in text for text in (*archive.queries, *(one.query for one in told.values())))


def test_what_cannot_be_asked_is_said_and_not_counted(taken_over):
    """A broken archive answers nothing; one that is too young says so."""
    assert (0, 7) == answered(investigate(taken_over, Asked(broken=[]), named))
    young = investigate(taken_over, Asked(since_ns=START), named)
    assert all("are not kept" in one.answer for one in young)


def test_names_from_the_network_are_quoted():
    """A destination cannot end the query it is in."""
    one = taking(seen("beacon", "beacon", 1e-4, START, keys=("destination:x' OR '{since}",)))
    archive = Asked()
    investigate(one, archive, named)

    assert any("'x'' OR ''since'" in query for query in archive.queries)


def test_it_is_asked_again_only_with_more_evidence(taken_over):
    """Growth of the same evidence asks nothing new."""
    before = signature(taken_over)
    taken_over.take(act("place", "place", 1e-9, START, stage="entry"), START + 5, weighs=True)
    assert before == signature(taken_over)
    taken_over.take(act("files", "files", 1e-9, START, stage="act"), START + 5, weighs=True)
    assert before != signature(taken_over)


def test_a_taken_over_accounts_devices_are_looked_at():
    """Those it is linked to, although nothing is told of them; and who else got the message it began with."""
    mail = act("phishing", "phishing", 1e-3, START, keys=("message:<1@x>",), stage="entry")
    laptop = Party(kind="device", site="SYD", id="dev-7", name="LAPTOP-7", role="peer")
    asked = [one.text for one in questions(taking(mail), [laptop, laptop])]

    assert ["Who else got <1@x>?", "Who was on LAPTOP-7?", "To where outside did LAPTOP-7 send most?"] == asked
