"""What an account costs the identity detectors, all of them together, with everything there is to remember of it."""

import numpy as np

from sensor import registry
from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.tick import Tick
from tests.bench.identity import DETECTORS, Known, _made
from tests.detectors.acts_made import act
from tests.scenes import DAY, SECRET, START

ACCOUNTS = 10_000
LIMIT_BYTES = 3 * 1024
SHARED_BYTES = 30 << 20
"""What is held by source, not by account: METHOD in force, shared state."""


def tick(made, accounts, other=(), other_accounts=()):
    """A tick of sign-ins and of other events."""
    none, flags = np.zeros(0, np.int32), np.zeros(0, np.bool_)
    events = [*(event for event, _ in made), *other]
    return Tick(
        end_ns=START, flows=np.zeros(0, FLOW), site=none, orig_device=none, resp_device=none, orig_local=flags,
        resp_local=flags, fresh=flags, arp=np.zeros(0, ARP), arp_site=none, arp_device=none, arp_input=none,
        messages=[], message_device=none, events=events, event_site=[0] * len(events),
        event_device=np.full(len(events), -1, np.int32),
        event_account=np.array([*accounts, *other_accounts], np.int32), signins=[seen for _, seen in made],
        frozen_accounts=np.zeros(ACCOUNTS, np.bool_),
    )  # fmt: skip


def acts(account, day):
    """A file, a folder of mail and an act of administration of an account."""
    name = f"user{account}@corp.example"
    return [
        act("file", "FileAccessed", day=day, account=name, detail={"file": f"f{day}", "folder": f"x{account}/{day}"}),
        act("mailbox", "Update", day=day, account=name, detail={"folders": [f"\\{day}"], "mailbox": name}),
        act("admin", "Add member to role", day=day, account=name, source="entra", detail={"targets": [name]}),
    ]


def test_an_account_with_everything_takes_at_most_3_kib():
    """Ten thousand accounts, as stored: habits, prompts, wrong secrets, files, mail, administration, sessions."""
    known = Known(ACCOUNTS)
    detectors = [registry.load("sensor.detectors", name).detector(known, SECRET) for name in DETECTORS]
    for day in range(3):
        for luck in (0.5, 0.001, 0.05):
            whole = range(ACCOUNTS) if day else range(ACCOUNTS // 2)
            made = [
                _made(START + day * DAY + n, n, n * 7 % 60_000 + day, luck, n % 40, day * 50_000 + n) for n in whole
            ]
            other = [one for n in whole if n % 3 == day for one in acts(n, day)] if luck == 0.5 else []
            step = tick(made, whole, other, [n for n in whole if n % 3 == day for _ in range(3)] if other else [])
            for detector in detectors:
                detector.score(step)
            for detector in detectors:
                detector.learn(step, np.zeros(0, np.bool_))
    held = {one.name: sum(column.nbytes for column in one.save().values()) / ACCOUNTS for one in detectors}

    of_sources = held.pop("spray")
    assert sum(held.values()) <= LIMIT_BYTES
    assert of_sources * ACCOUNTS <= SHARED_BYTES
    assert all(held[name] > 0 for name in ("administration", "files", "mailbox", "place", "pressure", "session"))


def test_every_bounded_table_says_how_full_it_is():
    """So that whoever runs it sees when a sketch gives way."""
    detectors = [registry.load("sensor.detectors", name).detector(Known(1), SECRET) for name in DETECTORS]
    named = {name for detector in detectors for name in getattr(detector, "saturation", {})}

    assert {"identity_accounts", "pressed_accounts", "failing_sources", "sessions", "file_accounts"} <= named
