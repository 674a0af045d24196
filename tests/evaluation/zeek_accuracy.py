"""Our conn.log against Zeek's own, row by row: `python -m tests.evaluation.zeek_accuracy DATA [-v]`.

DATA is a folder that holds `pairs.json`, itself or in zeek-btest/ or network/zeek-btest/ below it. Each pair names a
capture, the conn.log that Zeek made of it, whether Zeek ignored checksums, and whether the log has all its columns;
paths are relative to the folder above that of pairs.json. Rows are compared without order and as text, as both programs
wrote them. Zeek's bare mode (-b) is not imitated: what it leaves out by itself is counted against us.
"""

import collections
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.evaluation.captures import log_rows, zeek_rows

IDS = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")
SIZES = ("orig_bytes", "resp_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
STATES = ("conn_state", "history")
TIMES = ("duration", "missed_bytes")
NOT_COMPARED = frozenset({"ts", "uid", "tunnel_parents", "service", "local_orig", "local_resp"})
"""Blanked or random in the baselines; what our parsers do not cover yet; what depends on a site's networks."""


@dataclass
class Score:
    """How many of Zeek's rows we have, and how much of each is equal."""

    rows: int = 0
    sizes: int = 0
    states: int = 0
    times: int = 0
    extra: int = 0
    """Rows of ours that Zeek has not."""
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.rows:
            return "no rows"
        parts = (("ids, bytes, packets, ip_bytes", self.sizes), ("… conn_state, history", self.states))
        parts += (("… duration, missed_bytes", self.times),)
        said = ", ".join(f"{name} {n} ({n / self.rows:.1%})" for name, n in parts)
        return f"{self.rows} rows of Zeek: {said}; rows that Zeek has not: {self.extra}"


def find_pairs(data):
    """The pairs below a folder, with the folder that their paths are relative to."""
    for folder in (Path(data), Path(data) / "zeek-btest", Path(data) / "network" / "zeek-btest"):
        if (folder / "pairs.json").is_file():
            return folder.resolve().parent, json.loads((folder / "pairs.json").read_text())
    raise FileNotFoundError(f"no pairs.json in {data}")


def equal(theirs, ours, names):
    return all(theirs[name] == ours[name] for name in names if name in theirs)


def matched(theirs, ours, keys):
    """Pair rows of the same keys so that the most columns are equal; what is left over of ours comes last."""
    left = collections.defaultdict(list)
    for row in ours:
        left[tuple(row[name] for name in keys)].append(row)
    found = []
    for row in theirs:
        candidates = left[tuple(row[name] for name in keys)]
        if not candidates:
            found.append((row, None))
            continue
        best = max(candidates, key=lambda candidate: sum(row[name] == candidate.get(name) for name in row))
        candidates.remove(best)
        found.append((row, best))
    return found, [row for rows in left.values() for row in rows]


def compare(name, theirs, ours, score):
    """Add the rows of one pair to a score."""
    pairs, extra = matched(theirs, ours, IDS)
    for row, own in pairs:
        score.rows += 1
        here = f"{name}: {' '.join(row[column] for column in IDS)}"
        if own is None:
            score.differences.append(f"{here}: not among ours")
            continue
        sizes = equal(row, own, SIZES)
        states = sizes and equal(row, own, STATES)
        score.sizes += sizes
        score.states += states
        score.times += states and equal(row, own, TIMES)
        unlike = [f"{column} {row[column]} is {own[column]}" for column in SIZES + STATES + TIMES
                  if row[column] != own[column]]  # fmt: skip
        if unlike:
            score.differences.append(f"{here}: {', '.join(unlike)}")
    score.extra += len(extra)
    for own in extra:
        score.differences.append(f"{name}: {' '.join(own[column] for column in IDS)}: only among ours: {own}")


def score_full(data):
    """All pairs whose log has every column."""
    root, pairs = find_pairs(data)
    score = Score()
    for pair in pairs:
        if pair["full_header"]:
            theirs = log_rows((root / pair["conn"]).read_text())[1]
            ours = zeek_rows(root / pair["pcap"], ignore_checksums=pair["ignore_checksums"])
            compare(Path(pair["pcap"]).name, theirs, ours, score)
    return score


def score_cut(data):
    """Pairs whose log was cut to some columns: how many rows are equal in those, of how many; and what differs."""
    root, pairs = find_pairs(data)
    rows = same = 0
    differences = []
    for pair in pairs:
        if pair["full_header"]:
            continue
        names, theirs = log_rows((root / pair["conn"]).read_text())
        names = [name for name in names if name not in NOT_COMPARED]
        ours = zeek_rows(root / pair["pcap"], ignore_checksums=pair["ignore_checksums"])
        pool = [tuple(row[name] for name in names) for row in ours]
        for row in theirs:
            rows += 1
            wanted = tuple(row[name] for name in names)
            if wanted in pool:
                pool.remove(wanted)
                same += 1
            else:
                differences.append(f"{Path(pair['pcap']).name}: {dict(zip(names, wanted, strict=True))} not in {pool}")
    return same, rows, differences


def main(arguments):
    data = next(part for part in arguments if not part.startswith("-"))
    score = score_full(data)
    same, rows, differences = score_cut(data)
    lines = [*score.differences, *differences] if "-v" in arguments else []
    lines += [str(score), f"logs cut to some columns: {same} of {rows} rows equal in those"]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
