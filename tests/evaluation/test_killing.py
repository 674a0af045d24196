"""`run` killed again and again: nothing that was told is lost, nothing is doubled, and the totals are exact."""

import collections
import json
import random

import pytest

from tests.evaluation.killing import Receiver, Story, configure, counted, finish, live_and_die


def lives(folder, ways, seed):
    """Live through one kill of each way, read everything, and hold what is left against what was told."""
    rng, receiver = random.Random(seed), Receiver()
    config, story = configure(folder, receiver.url), Story(folder)
    committed, ended = {}, collections.Counter()
    for how in ways:
        ended[live_and_die(config, story, receiver, how, rng)] += 1
        for key, evidence in counted(folder)["incidents"].items() if (folder / "state/state.sqlite").exists() else ():
            committed[key] = max(evidence, committed.get(key, 0))
    finish(config, story, folder)
    receiver.close()
    left = counted(folder)

    assert (story.flows, story.flows) == left["flows"]
    assert story.flows + story.signins == left["accepted"]
    assert [story.signins] * 2 == [left["signins"], left["records"]]
    assert {} == {key: held for key, held in committed.items() if left["incidents"].get(key, 0) < held}
    assert story.rounds == len(left["incidents"])
    assert set() == {key for key, _ in receiver.taken} ^ left["incidents"].keys()
    lines = [json.loads(line) for line in (folder / "incidents.jsonl").read_text().splitlines()]
    assert left["incidents"].keys() == {line["id"] for line in lines}
    assert [] == [key for key, count in collections.Counter(line["delivery"] for line in lines).items() if count > 1]
    again = len(receiver.taken) - len(set(receiver.taken))
    print(  # noqa: T201 - what was measured
        f"ended {dict(ended)}; {len(left['incidents'])} incidents, {len(set(receiver.taken))} versions over HTTP, "
        f"{again} sent again under their key; {story.flows} flows, {story.signins} sign-ins exact"
    )
    return ended, again


def test_ten_kills_lose_and_double_nothing(tmp_path):
    """At random moments, in commits and in sends; what is sent again bears the key of the first time."""
    ended, again = lives(tmp_path, ["moment", "snapshot", "send"] * 3 + ["moment"], 1)

    assert again <= ended["send"] + ended["moment"] + ended["snapshot"]


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(tmp_path):
    """100 at random moments, 50 in a commit, 50 in a send."""
    ended, _ = lives(tmp_path, ["moment", "snapshot", "moment", "send"] * 50, 2)

    assert ended["snapshot"] >= 40
    assert ended["send"] >= 40
