"""Products for tests of the executor: they live on where the program is killed, and count what was changed."""

from sensor.errors import Permanent, Transient
from sensor.model.evidence import Entity, Evidence
from sensor.model.incident import Action, Incident, Party
from sensor.model.response import VERBS

NOW = 1_700_000_000 * 10**9
S = 10**9


class Product:
    """One product. `changes` counts what was really changed, `blind` that it cannot be asked."""

    def __init__(self, verbs=tuple(VERBS), *, blind=False, slow=0, fails=()):
        self.verbs, self.blind, self.slow = tuple(verbs), blind, slow
        self.fails = list(fails)
        self.done, self.changes, self.touched = set(), {}, []
        self.closed = False

    def serves(self, request):
        return True

    def blast_radius(self, request):
        return None

    def before(self, request):
        return {"was": "enabled"}

    def act(self, request):
        if self.fails:
            failure = self.fails.pop(0)
            if failure is not None:
                raise failure
        self.touched.append((request.verb, request.target))
        if request.id not in self.done:
            self.done.add(request.id)
            self.changes[request.id] = self.changes.get(request.id, 0) + 1

    def verify(self, request):
        if self.blind:
            return None
        if self.slow:
            self.slow -= 1
            return False
        return request.id in self.done

    def undo(self, request):
        self.done.discard(request.id)

    def close(self):
        self.closed = True


def evidence(number, source="identity", db=30.0, account="ann@ex.com"):
    """One strong evidence."""
    return Evidence(
        id=f"EV-{number}", ts="2026-01-01T00:00:00Z", site="SYD", entity=Entity(kind="account", id=account),
        detector="place", family="place", source=source, observed=1.0, expected=None, range=None, reference="own",
        reference_n=1, p=1e-6, db=db, text="one",
    )  # fmt: skip


def action(key, verb="disable_account", target="ann@ex.com", expires="2027-01-01T00:00:00.000000Z"):
    """What an incident proposes."""
    return Action(
        id=key, connector=None, verb=verb, target={"kind": VERBS[verb].target, "id": target}, mode="recommend",
        state="proposed", reason="a takeover", expires=expires, blast_radius="1 account",
    )  # fmt: skip


def incident(*actions, tier="page", sources=("identity", "network"), state="open", key="INC-1"):
    """An incident that proposes them."""
    return Incident(
        id=key, state=state, verdict=None, tier=tier, sites=("SYD",), opened="2026-01-01T00:00:00Z",
        last_activity="2026-01-01T00:00:00Z", score_db=60.0, p=1e-6, title="t", summary="s",
        entities=(Party(kind="account", site=None, id="ann@ex.com", name="ann@ex.com", role="subject"),),
        techniques=(), evidence=tuple(evidence(k, source) for k, source in enumerate(sources)), counter_evidence=(),
        actions=tuple(actions),
    )  # fmt: skip


__all__ = ["NOW", "Permanent", "Product", "S", "Transient", "action", "evidence", "incident"]
