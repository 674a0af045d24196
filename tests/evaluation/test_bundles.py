"""What can happen to bundles on their way, a thousand times: refused or reported, and each envelope applied once.

A case takes genuine bundles of a site, does one thing to them, and hands them to a hub. Whatever it does, the hub may
hold nothing that the site did not send, nothing twice, and nothing out of the site's order but what it reported as
missing before; and what it did not take it must say.
"""

import collections
import random

import msgspec
import pytest
import zstandard

from sensor.errors import Malformed
from sensor.pipeline.importing import import_files
from sensor.pipeline.unbundling import Trust
from sensor.store.inbox import Inbox
from sensor.wire import site_envelope
from tests.pipeline.bundle_post import Post
from tests.wire.bundles_made import KEYS, hub, signer
from tests.wire.envelopes import envelope

CASES = 1000
PLACES = ((1, 4), (5, 7), (8, 8), (9, 12))
"""What four bundles hold."""


class Case:
    """Four genuine bundles, and the hub they are for."""

    def __init__(self, folder, number):
        self.rng = random.Random(number)
        seal_to = hub().public_key() if self.rng.random() < 0.5 else None
        self.post = Post(folder / "in", epoch=1 + self.rng.getrandbits(40), seal_to=seal_to)
        self.folder = folder
        self.files = [self.post.bytes(first, last) for first, last in PLACES]
        self.place = self.rng.randrange(len(PLACES))

    def change(self, content):
        """Put another file in the place of one."""
        self.files[self.place] = content

    def one(self):
        return self.files[self.place]

    def give(self):
        """Hand everything over; return what was said, and what the hub holds: (epoch, sequence), body."""
        paths = [self.post.put(f"{k:03d}", content) for k, content in enumerate(self.files)]
        done = import_files(self.folder / "hub", Trust(KEYS, [hub()]), paths, takes=True)
        inbox = Inbox(self.folder / "hub")
        try:
            held = [(one.head, inbox.body(one.number)) for one in inbox.waiting("SYD", 0, 1000)]
            assert [] == inbox.waiting("PER", 0, 1000)
        finally:
            inbox.close()
        return done, held


def flip_bits(case):
    """Any bit, or some of them."""
    file = bytearray(case.one())
    for bit in case.rng.sample(range(8 * len(file)), case.rng.choice([1, 1, 1, 2, 5])):
        file[bit // 8] ^= 1 << bit % 8
    case.change(bytes(file))


def truncate(case):
    """To any length."""
    case.change(case.one()[: case.rng.randrange(len(case.one()))])


def append(case):
    """Anything behind the end."""
    case.change(case.one() + case.rng.randbytes(case.rng.randint(1, 100)))


def splice(case):
    """The beginning of one, the end of another."""
    other = case.files[(case.place + 1) % len(PLACES)]
    at = case.rng.randint(30, min(len(case.one()), len(other)) - 1)
    case.change(case.one()[:at] + other[at:])


def replay(case):
    """One of them comes more than once."""
    case.files += [case.one()] * case.rng.randint(1, 3)


def reorder(case):
    """They come in any order, under any name."""
    case.rng.shuffle(case.files)


def lose(case):
    """One does not come; it is seen where another comes behind it."""
    case.place = case.rng.randrange(len(PLACES) - 1)
    del case.files[case.place]


def sign_as_another(case):
    """Another site signs it, or nobody who is known."""
    case.change(case.post.bytes(*PLACES[case.place], sign=signer(case.rng.choice(["PER", "nobody"]))))


def hide_another(case):
    """A genuine bundle of PER holds envelopes that say they are of SYD, and the other way."""
    site, other = case.rng.choice([("PER", "SYD"), ("SYD", "PER")])
    contents = case.post.envelopes(*PLACES[case.place], site=other)
    case.change(case.post.bytes(*PLACES[case.place], contents, site=site))


def bomb(case):
    """A site signs what unpacks to a thousand times what it may, or says that it does."""
    first, last = PLACES[case.place]
    contents = case.post.envelopes(first, last)
    body = zstandard.compress(bytes(1 << 24), 1)
    said = case.rng.choice([13, site_envelope.PACKET_MAX, 1 << 24])
    packed = envelope(first, epoch=case.post.epoch, raw_bytes=said)
    contents[first] = site_envelope.encode(msgspec.structs.replace(packed, body=body))
    case.change(case.post.bytes(first, last, contents))


def play_an_old_life(case):
    """A bundle that was recorded in an earlier life of the site, and taken then, comes again."""
    recorded = case.post.bytes(1, 3, case.post.envelopes(1, 3, epoch=7), epoch=7)
    path = case.post.put("recorded", recorded)
    import_files(case.folder / "hub", Trust(KEYS, [hub()]), [path], takes=True)
    case.files.append(recorded)


ATTACKS = (
    flip_bits, flip_bits, flip_bits, truncate, append, splice, replay, reorder, lose, sign_as_another, hide_another,
    bomb, play_an_old_life,
)  # fmt: skip
NOT_TAKEN = frozenset({flip_bits, truncate, append, splice, sign_as_another, hide_another})


def judge(attack, case):
    """Give a case to its hub; return what is wrong with what came of it."""
    done, held = case.give()
    said = collections.Counter(one.outcome for one in done.files)
    ours = [head.sequence for head, _ in held if head.epoch == case.post.epoch]
    genuine = {k: envelope(k, f"{k}".encode() * 9).body for k in range(1, 13)}
    bombs, wrong = 0, []
    for head, body in held:
        try:
            site_envelope.unpack(msgspec.structs.replace(head, body=body))
        except Malformed:
            bombs += 1
        else:
            wrong += [f"{head.sequence} is not what was sent"] if body != genuine[head.sequence] else []
    if len(held) != len({(head.epoch, head.sequence) for head, _ in held}):
        wrong.append("something is doubled")
    if ours != sorted(ours):
        wrong.append("out of order")
    refuses = attack in NOT_TAKEN or (attack is bomb and not bombs)  # a bomb that says how large it is, at once
    lost = PLACES[case.place] if refuses or attack is lose else None
    expected = [k for k in genuine if lost is None or not lost[0] <= k <= lost[1]]
    if ours != expected:
        wrong.append(f"holds {ours}")
    if refuses and said["refused"] + said["incomplete"] != 1:
        wrong.append("not refused")
    behind = lost is not None and lost[1] < 12
    if behind and [(one.first, one.last) for one in done.missing] != [lost]:
        wrong.append(f"not reported: {done.missing}")
    if attack in {replay, play_an_old_life} and said["known"] != len(done.files) - 4:
        wrong.append("not told as known")
    return wrong


def wrongs(folder, numbers):
    """Return what is wrong with each case of these numbers, by its number and its attack."""
    found = {}
    for number in numbers:
        case, attack = Case(folder / f"{number}", number), ATTACKS[number % len(ATTACKS)]
        attack(case)
        wrong = judge(attack, case)
        if wrong:
            found[number, attack.__name__] = wrong
    return found


def test_of_a_hundred_changes_nothing_gets_through(tmp_path):
    """Each kind several times; the seeds are the numbers of the cases."""
    assert {} == wrongs(tmp_path, range(8 * len(ATTACKS)))


@pytest.mark.slow
def test_of_a_thousand_changes_nothing_gets_through(tmp_path):
    """The same, a thousand times."""
    assert {} == wrongs(tmp_path, range(CASES))
