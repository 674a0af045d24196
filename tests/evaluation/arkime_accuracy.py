"""Our flows against arkime's expected sessions: `python -m tests.evaluation.arkime_accuracy DATA [-v]`.

DATA is a folder with pairs X.pcap and X.test, itself or in arkime/ or network/arkime/ below it. A session is matched
with the flows between its two addresses and ports, whichever of them it calls the source, that begin within it; where
several of our flows do (arkime keeps a session across a connection's end), their packets are added up. Arkime
validates no checksums, so ours are ignored. Only TCP and UDP are compared. Bytes are not: arkime counts link-layer
bytes.
"""

import json
import sys
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from tests.evaluation.captures import json_rows

COMPARED = (6, 17)


@dataclass
class Score:
    """Sessions, and how many of them our flows equal."""

    sessions: int = 0
    found: int = 0
    packets: int = 0
    with_id: int = 0
    ids: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.sessions:
            return "no sessions"
        return (
            f"{self.sessions} sessions of TCP and UDP: found {self.found}, packets each way equal {self.packets} "
            f"({self.packets / self.sessions:.1%}), community_id equal {self.ids} of {self.with_id} "
            f"({self.ids / self.with_id:.1%})"
        )


def find_captures(data):
    """Captures with their expected sessions, in order of name."""
    for folder in (Path(data), Path(data) / "arkime", Path(data) / "network" / "arkime"):
        found = [(path, path.with_suffix(".pcap")) for path in sorted(folder.glob("*.test"))]
        if found:
            return [(expected, capture) for expected, capture in found if capture.is_file()]
    raise FileNotFoundError(f"no captures with .test files in {data}")


def ends(first, first_port, second, second_port, proto):
    """What is the same in both directions."""
    return proto, *sorted([(ip_address(first), first_port), (ip_address(second), second_port)], key=str)


def milliseconds(text):
    """Of a time as we write it; the microseconds are cut, as arkime does."""
    return int(datetime.fromisoformat(text).timestamp() * 1000 + 1e-3)


def sent(flow, host, port):
    """Packets that one end sent, and that the other did."""
    if ip_address(flow["id.orig_h"]) == ip_address(host) and flow["id.orig_p"] == port:
        return flow["orig_pkts"], flow["resp_pkts"]
    return flow["resp_pkts"], flow["orig_pkts"]


def compare(name, sessions, flows, score):
    """Add the sessions of one capture to a score."""
    between = {}
    for flow in flows:
        key = ends(flow["id.orig_h"], flow["id.orig_p"], flow["id.resp_h"], flow["id.resp_p"], flow["ip_proto"])
        between.setdefault(key, []).append((milliseconds(flow["ts"]), flow))
    for session in sessions:
        proto = session["ipProtocol"]
        if proto not in COMPARED:
            continue
        score.sessions += 1
        source, target = session["source"], session["destination"]
        wanted = session["network"].get("community_id")
        score.with_id += wanted is not None
        key = ends(source["ip"], source["port"], target["ip"], target["port"], proto)
        here = f"{name}: {source['ip']}:{source['port']} {target['ip']}:{target['port']} {proto}"
        within = [
            flow for ts, flow in between.get(key, []) if session["firstPacket"] <= ts <= session["lastPacket"]
        ]  # fmt: skip
        if not within:
            score.differences.append(f"{here}: no flow ({len(between.get(key, []))} at other times)")
            continue
        score.found += 1
        pairs = [sent(flow, source["ip"], source["port"]) for flow in within]
        ours = (sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs))
        theirs = (source["packets"], target["packets"])
        score.packets += ours == theirs
        same = wanted is None or {flow["community_id"] for flow in within} == {wanted}
        score.ids += same and wanted is not None
        if ours != theirs or not same:
            score.differences.append(
                f"{here}: packets {theirs} are {ours} in {len(within)} flows"
                + ("" if same else f"; community_id {wanted} is {within[0]['community_id']}")
            )


def score_all(data):
    """Every capture."""
    score = Score()
    for expected, capture in find_captures(data):
        sessions = [session["body"] for session in json.loads(expected.read_text())["sessions3"]]
        compare(capture.name, sessions, json_rows(capture, ignore_checksums=True), score)
    return score


def main(arguments):
    score = score_all(next(part for part in arguments if not part.startswith("-")))
    lines = [*score.differences, str(score)] if "-v" in arguments else [str(score)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
