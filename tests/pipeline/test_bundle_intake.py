"""A folder of bundles, watched: what was taken and refused is put aside, what is being copied is waited for."""

import pytest

from sensor.pipeline import bundle_intake
from sensor.pipeline.bundle_intake import BundleIntake
from sensor.pipeline.unbundling import Trust
from sensor.store.inbox import LIMIT_BYTES, Inbox
from tests.pipeline.bundle_post import Post
from tests.wire.bundles_made import KEYS, signer


@pytest.fixture
def post(tmp_path):
    """What SYD sends."""
    return Post(tmp_path / "in")


def opened(tmp_path, kept_bytes=1 << 20, limit_bytes=LIMIT_BYTES):
    return BundleIntake(tmp_path / "in", tmp_path / "hub", Trust(KEYS), limit_bytes, kept_bytes)


@pytest.fixture
def intake(tmp_path):
    """An intake whose rounds the test makes."""
    one = opened(tmp_path)
    yield one
    one.close()


def outcomes(done):
    return [(one.outcome, one.first) for one in done]


def names(folder):
    return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def held(tmp_path):
    inbox = Inbox(tmp_path / "hub")
    try:
        return [one.head.sequence for one in inbox.waiting("SYD", 0, 1000)]
    finally:
        inbox.close()


def test_what_comes_is_taken_and_put_aside(intake, post, tmp_path):
    """In the order in which it was made; there is nothing left to look at."""
    post.put("b", post.bytes(1, 2))
    post.put("a", post.bytes(3, 4))

    assert [("taken", 1), ("taken", 3)] == outcomes(intake.round(0.0))
    assert (["taken"], ["a.bundle", "b.bundle"]) == (names(tmp_path / "in"), names(tmp_path / "in" / "taken"))
    assert ([], 2, [1, 2, 3, 4]) == (intake.round(1.0), intake.taken, held(tmp_path))


def test_a_copy_under_way_is_waited_for(intake, post, tmp_path):
    """It is looked at again whenever it has changed, and refused when it does not for a minute."""
    whole = post.bytes(1, 2)
    path = post.put("a", whole[:50])
    assert [("incomplete", 0)] == outcomes(intake.round(0.0))
    assert [] == intake.round(59.0)
    path.write_bytes(whole[:-1])
    assert [("incomplete", 0)] == outcomes(intake.round(61.0))
    path.write_bytes(whole)

    assert [("taken", 1)] == outcomes(intake.round(122.0))
    assert {"broken": 0, "malformed": 0} == intake.refused


def test_what_stays_wrong_is_put_aside_and_counted(intake, post, tmp_path):
    """Cut short, damaged anywhere, of another key, no bundle, a link: out of the way, and taken by nobody."""
    whole = post.bytes(1, 2)
    post.put("cut", whole[:-1])
    post.put("damaged", whole[:-1] + bytes([whole[-1] ^ 1]))
    post.put("other", post.bytes(1, 2, sign=signer("PER")))
    post.put("none", b"text")
    (tmp_path / "in" / "link.bundle").symlink_to(post.put("again", whole[:-1]))
    intake.round(0.0)
    assert [] == names(tmp_path / "in" / "refused")
    intake.round(bundle_intake.SETTLE_S)

    assert ["again", "cut", "damaged", "link", "none", "other"] == [
        name.removesuffix(".bundle") for name in names(tmp_path / "in" / "refused")
    ]
    assert {"broken": 2, "malformed": 4} == intake.refused
    assert ([], []) == (held(tmp_path), intake.round(200.0))


def test_a_hub_that_was_put_back_takes_what_it_kept(tmp_path, post):
    """From FOLDER/taken, at the next start, and once."""
    first = opened(tmp_path)
    post.send(1, 3)
    first.round(0.0)
    first.close()
    inbox = Inbox(tmp_path / "hub")
    inbox.forget("SYD", [1, 2, 3], 3)  # as if a state had taken them, which is not there any more
    inbox.close()
    second = opened(tmp_path)

    assert [("taken", 1)] == outcomes(second.round(0.0))
    assert ([], [1, 2, 3]) == (second.round(1.0), held(tmp_path))
    second.close()


def test_kept_bundles_are_known_at_the_next_start(tmp_path, post):
    """Nothing of them is stored again."""
    post.send(1, 3)
    for expected in ("taken", "known"):
        one = opened(tmp_path)
        assert [(expected, 1)] == outcomes(one.round(0.0))
        one.close()
    assert [1, 2, 3] == held(tmp_path)


def test_what_was_refused_for_want_of_a_key_is_taken_with_it(intake, post, tmp_path):
    """Whether it still lies there or was put aside."""
    for first, now_s in ((1, 0.0), (4, 60.0)):
        post.send(first, first + 2, sign=signer("new"))
        assert [("refused", 0)] == outcomes(intake.round(now_s))
    assert 1 == len(names(tmp_path / "in" / "refused"))
    intake.trusts(Trust({"SYD": [signer("new").public_key()]}))

    assert [("taken", 1), ("taken", 4)] == outcomes(intake.round(61.0))
    assert [1, 2, 3, 4, 5, 6] == held(tmp_path)


def test_nothing_is_kept_where_nothing_shall_be(tmp_path, post):
    """A taken bundle is removed."""
    one = opened(tmp_path, kept_bytes=0)
    post.send(1, 3)
    one.round(0.0)

    assert ([], [1, 2, 3]) == (names(tmp_path / "in"), held(tmp_path))
    one.close()


def test_a_full_inbox_is_waited_for(tmp_path, post):
    """The bundles of the site stay, and are tried again; no other site waits."""
    one = opened(tmp_path, limit_bytes=8 * 400)
    paths = [post.send(1, 30), post.send(31, 31)]
    Post(tmp_path / "in", site="PER").send(1, 1)
    assert [("taken", 1), ("full", 1)] == outcomes(one.round(0.0))
    one._says("")
    assert (True, True) == ("no more room for 'SYD'" in one.problem, all(path.exists() for path in paths))
    one._inbox._limit = 1 << 20

    assert [("taken", 1), ("taken", 31)] == outcomes(one.round(1.0))
    one._says("")
    assert (list(range(1, 32)), "") == (held(tmp_path), one.problem)
    one.close()


def test_what_cannot_be_moved_is_taken_once_and_said(tmp_path, post, caplog):
    """As from a folder that only a diode may write: each is remembered."""
    one = opened(tmp_path)
    (tmp_path / "in" / "taken").symlink_to(tmp_path)
    post.send(1, 3)

    assert [("taken", 1)] == outcomes(one.round(0.0))
    one._says("")
    assert ([], True) == (one.round(1000.0), "stay" in one.problem)
    one.close()


def test_the_thread_takes_what_comes(tmp_path, post):
    """Until it is closed; trust may change meanwhile."""
    one = opened(tmp_path)
    one.trusts(Trust({"SYD": [signer("new").public_key()]}))
    post.send(1, 3, sign=signer("new"))
    one.start()
    while not one.taken and not one.problem:
        one.join(0.01)
    one.close()

    assert ([1, 2, 3], "") == (held(tmp_path), one.problem)
