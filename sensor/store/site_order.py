"""What is known of the order of one site's envelopes: which are new, which came before, and which are ahead.

An envelope is known by (epoch, sequence). A site that is put back from a backup gives sequences again, in an epoch that
nobody has seen; so nothing is said of how epochs follow each other, but that each begins behind `began`. What a site
dropped it names by `previous`, and it is never waited for. What is missing otherwise is ahead of what came: whoever can
ask again refuses what is ahead, whoever cannot (a diode) skips what is missing, and takes it should it come later.
"""

from typing import Literal

import msgspec

from sensor.model.site_packet import Envelope

EPOCHS_MAX = 64
"""Epochs that are remembered, the latest: a site is restarted a few times a day, and its backup is of yesterday."""
MISSING_MAX = 256
"""Ranges of sequences that are awaited; of more, the oldest are given up."""
ANY = 0
"""Epoch of a range of which it is not known."""

Judgement = Literal["new", "duplicate", "ahead"]
Range = tuple[int, int, int]
"""Epoch, first, last."""


class Order(msgspec.Struct, array_like=True):
    """Of one site; kept as JSON."""

    epoch: int = 0
    """Of the newest that came; 0 before any."""
    have: int = 0
    """Its sequence."""
    lasts: dict[int, int] = {}
    """The last sequence that came of each epoch, the latest epoch last."""
    missing: list[Range] = []
    lost: int = 0
    """Sequences that will never come: dropped by the site, or given up here."""

    def judge(self, envelope: Envelope) -> Judgement:
        """Say what an envelope is."""
        last = self.lasts.get(envelope.epoch)
        if self._awaiting(envelope) is not None:
            return "new"
        if last is not None:
            if envelope.sequence <= last:
                return "duplicate"
            return "new" if envelope.previous <= last else "ahead"
        reached = min(envelope.began, self.have)
        return "new" if envelope.previous <= reached else "ahead"

    def take(self, envelope: Envelope) -> None:
        """Go on behind an envelope that is new, or ahead and not to be waited for."""
        awaited = self._awaiting(envelope)
        if awaited is not None:
            self._fill(awaited, envelope)
            return
        last, epoch, began = self.lasts.pop(envelope.epoch, None), envelope.epoch, envelope.began
        first = min(began, self.have) + 1 if last is None else last + 1
        if first <= min(began, envelope.previous):
            self._await(ANY, first, min(began, envelope.previous))
        if max(first, began + 1) <= envelope.previous:
            self._await(epoch, max(first, began + 1), envelope.previous)
        self.lost += envelope.sequence - max(first, envelope.previous + 1)
        self.lasts[epoch] = envelope.sequence
        self.epoch, self.have = epoch, envelope.sequence
        while len(self.lasts) > EPOCHS_MAX:
            self.lasts.pop(next(iter(self.lasts)))

    def give_up(self, first: int, last: int) -> None:
        """Await a range of sequences no more, of whatever epoch."""
        left: list[Range] = []
        for epoch, begin, end in self.missing:
            parts = [(epoch, begin, min(end, first - 1)), (epoch, max(begin, last + 1), end)]
            left += (
                [one for one in parts if one[1] <= one[2]] if begin <= last and first <= end else [(epoch, begin, end)]
            )
            self.lost += max(0, min(end, last) - max(begin, first) + 1)
        self.missing = left

    def _await(self, epoch: int, first: int, last: int) -> None:
        self.missing.append((epoch, first, last))
        while len(self.missing) > MISSING_MAX:
            _, first, last = self.missing.pop(0)
            self.lost += last - first + 1

    def _awaiting(self, envelope: Envelope) -> int | None:
        """Return the place of the range in which an envelope is missing."""
        known = self.lasts.get(envelope.epoch, 0)
        for place, (epoch, first, last) in enumerate(self.missing):
            if first <= envelope.sequence <= last and (
                epoch == envelope.epoch or (epoch == ANY and known < envelope.sequence)
            ):
                return place
        return None

    def _fill(self, place: int, envelope: Envelope) -> None:
        """Take one out of a range; of what is left of it before, the epoch is known then."""
        epoch, first, last = self.missing.pop(place)
        at = envelope.sequence
        split = max(first, envelope.began + 1) if epoch == ANY else first
        left = [(epoch, first, split - 1), (envelope.epoch, split, at - 1), (epoch, at + 1, last)]
        self.missing[place:place] = [one for one in left if one[1] <= one[2]]
        if epoch == ANY:
            self.lasts = {envelope.epoch: max(at, self.lasts.pop(envelope.epoch, 0)), **self.lasts}
