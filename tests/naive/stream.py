"""Which bytes of one direction of a TCP stream were seen: a list of intervals, counted from the SYN's number (0)."""

LOOK_AHEAD = 16384
MAX_RUNS = 8


class Stream:
    """`next` is the first offset that was not seen in order; `runs` lie beyond it, apart from each other."""

    def __init__(self):
        self.next, self.runs, self.skipped = 1, [], False

    def absorb(self):
        while self.runs and self.runs[0][0] <= self.next:
            self.next = max(self.next, self.runs.pop(0)[1])

    def add(self, low, high, *, unacknowledged):
        """Note that [low, high) was captured."""
        if self.skipped or high <= self.next:
            return
        if low <= self.next:
            self.next = high
            self.absorb()
            return
        touching = [run for run in self.runs if run[0] <= high and run[1] >= low]
        if not touching and len(self.runs) == MAX_RUNS:
            self.runs, self.skipped = [], True
            return
        apart = [run for run in self.runs if run not in touching]
        joined = (min([low, *(run[0] for run in touching)]), max([high, *(run[1] for run in touching)]))
        self.runs = sorted([*apart, joined])
        if unacknowledged and self.runs[-1][1] - self.next > LOOK_AHEAD:
            self.runs, self.skipped = [], True

    def holes_before(self, upto):
        """Move `next` to `upto`, which the peer has acknowledged: the lengths of the holes that this closes."""
        holes = []
        if not self.skipped:
            while self.runs and self.runs[0][0] < upto:
                holes.append(self.runs[0][0] - self.next)
                self.next = self.runs[0][0]
                self.absorb()
            if upto > self.next:
                holes.append(upto - self.next)
        self.next = max(self.next, upto)
        self.absorb()
        return holes
