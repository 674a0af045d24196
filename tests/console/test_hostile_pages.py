"""Hostile text in every field of an incident, a device, an account and a sign-in: no tag comes of it on any page."""

import re
from urllib.parse import quote

import msgspec
import pytest

from sensor.store.state import State
from tests.console.desks import CLOCK_NS, T, account, desk, device, signed_in, signin
from tests.evaluation.test_hostile_text import BENIGN, STRINGS, _Tags, everywhere
from tests.hostile import COUNT

LISTS = (
    "/incidents?state=all", "/devices", "/accounts", "/signins?days=", "/quarantine", "/actions", "/mutes", "/sites",
    "/health",
)  # fmt: skip


def filled(folder, texts):
    """A state in which each text is everywhere, of an incident, a device, an account and a sign-in each."""
    with State(folder) as state:
        state.add_signins(
            msgspec.structs.replace(
                signin(number), app=text, reason=text, because=text, city=text, country=text, ip=text,
                account=f"a{number}@ex.com",
            )
            for number, text in enumerate(texts)
        )  # fmt: skip
        state.commit(
            columns={}, inputs=[], meta={"version": "1", "clock_ns": str(CLOCK_NS), "proposals": "[]"},
            incidents=[
                msgspec.structs.replace(everywhere(text), id=f"INC-{number}", sites=("SYD", text))
                for number, text in enumerate(texts)
            ],
            devices=[
                msgspec.structs.replace(device(f"dev-{number}", "SYD", text), vendor=text, role=text, shared=text)
                for number, text in enumerate(texts)
            ],
            accounts=[
                msgspec.structs.replace(account(f"a{number}@ex.com"), names=(text,), first_seen=T)
                for number, text in enumerate(texts)
            ],
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A folder of the same with nothing hostile in it; of enough sites that they can be searched."""
    return filled(tmp_path_factory.mktemp("plain"), [BENIGN, *(f"name {number}" for number in range(10))])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder with all five hundred."""
    return filled(tmp_path_factory.mktemp("hostile"), STRINGS)


def tags(answer):
    """Return what a page is made of; it is whole, and nothing in it moves a terminal or runs."""
    text = answer.text
    assert (200, True) == (answer.status_code, text.rstrip().endswith("</html>"))
    assert set() == {one for one in set(text) if not one.isprintable() and one not in "\n\t"}
    found = _Tags(text)
    assert not [one for one in found.links if one and re.match(r"\s*(javascript|data|vbscript):|//", one.lower())]
    return found.found


def kinds(found):
    return {one if isinstance(one, str) else (one[0], frozenset(one[1])) for one in found}


def test_an_incidents_page_has_the_tags_of_a_plain_one(hostile, plain):
    """Each of five hundred, in the same order."""
    wanted = tags(signed_in(desk(plain)).get("/incidents/INC-0"))
    browser = signed_in(desk(hostile))
    for number in range(COUNT):
        assert (number, wanted) == (number, tags(browser.get(f"/incidents/INC-{number}")))


def test_lists_and_entities_have_the_tags_of_plain_ones(hostile, plain):
    """Every page of each list; devices and accounts one by one; a search for each text is a page too."""
    clean, browser = signed_in(desk(plain)), signed_in(desk(hostile))
    paging = {
        ("a", frozenset({"href", "rel"})),
        ("a", frozenset({"href"})),
        ("nav", frozenset({"class", "aria-label"})),
    }
    for path in LISTS:
        allowed = kinds(tags(clean.get(path)))
        for page in range(1, 11):
            joint = "&" if "?" in path else "?"
            more = kinds(tags(browser.get(f"{path}{joint}page={page}"))) - allowed
            assert (path, set()) == (path, {one for one in more - paging if one[0] not in {"nav", "a", "p", "span"}})
    for number in range(0, COUNT, 20):
        for path, like in (
            (f"/devices/dev-{number}", "/devices/dev-0"),
            (f"/accounts/a{number}@ex.com", "/accounts/a0@ex.com"),
        ):
            assert kinds(tags(browser.get(path))) <= kinds(tags(clean.get(like))), path
        tags(browser.get(f"/incidents?text={quote(STRINGS[number][:500])}"))
