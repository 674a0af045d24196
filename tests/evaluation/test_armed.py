"""The demo's takeover with everything armed: what acts by itself, in what order, and what waits for a person."""

import pytest

from sensor.model.guard import Guard
from sensor.model.times import HOUR_NS, parse
from sensor.store import audit
from sensor.store.state import State
from tests.evaluation.stories import spanline
from tests.responses.products import Product
from tests.responses.test_executor import opened


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The state of the demo."""
    folder = tmp_path_factory.mktemp("demo") / "state"
    spanline("demo", "--state", folder, "--json")
    return folder


def takeover(folder):
    with State(folder, readonly=True) as state:
        incidents = state.incidents(digest=True)
    return incidents, next(one for one in incidents if any(held.family == "hides" for held in one.evidence))


def test_the_takeover_is_ended_by_itself_and_nothing_else_is_touched(told, tmp_path):
    """Sessions, sign-in and rule, within the limits; a scan alone (one source) and the digest wait for a person."""
    incidents, one = takeover(told)
    product, now = Product(), parse(one.last_activity)
    executor, actions = opened(tmp_path, product, guard=Guard(never_touch=("yara.petrov@*",)))
    executor.offer(incidents, now)
    for k in range(30):
        executor.step(now + k * 5 * 60 * 10**9)
    who = one.evidence[0].entity.id

    assert [("revoke_sessions", who), ("disable_account", who), ("remove_mail_rule", f"{who}/.")] == product.touched[:3]
    assert all(who in target or verb == "block_address" for verb, target in product.touched)
    assert {"undone"} == {actions.get(held.id).action.state for held in one.actions if held.verb == "disable_account"}
    assert [] == audit.verify(tmp_path, least=actions.audited())[0]
    others = [held.action.state for other in incidents if other.id != one.id for held in actions.of(other.id)]
    assert set(others) <= {"proposed", "expired"}


def test_it_was_a_page_from_the_first_day_on(told):
    """Automatic action was possible as soon as the network contradicted the sign-in: two sources, page tier."""
    _, one = takeover(told)
    paged = next(line.ts for line in one.timeline if line.kind == "tier" and line.text.startswith("page"))

    assert parse(paged) - parse(one.opened) < HOUR_NS
    assert {"identity", "network"} <= {held.source for held in one.evidence if held.db > 0}
