"""Our flows against arkime's expected sessions: `python -m tests.evaluation.arkime_accuracy DATA [-v]`.

DATA is a folder with pairs X.pcap and X.test, itself or in arkime/ or network/arkime/ below it. A session is matched
with the flows between its two addresses and ports, whichever of them it calls the source, that begin within it; where
several of our flows do (arkime keeps a session across a connection's end), their packets are added up, and so are
those of the parts in which arkime writes a long session. Arkime validates no checksums, so ours are ignored. Only TCP
and UDP are compared. Bytes are not: arkime counts link-layer bytes.
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
    parts = {}
    for session in sessions:
        if session["ipProtocol"] in COMPARED:
            source, target = session["source"], session["destination"]
            key = ends(source["ip"], source["port"], target["ip"], target["port"], session["ipProtocol"])
            parts.setdefault((key, session["firstPacket"]), []).append(session)
    for (key, first), written in parts.items():
        moments = [first, *(part["lastPacket"] for part in written)]
        begin, end = min(moments), max(moments)  # a capture's clock may go back
        within = [flow for ts, flow in between.get(key, []) if begin <= ts <= end]
        compare_session(name, written, within, score)


def compare_session(name, written, within, score):
    """Add the parts of one session, and the flows of its time, to a score."""
    source, target = written[0]["source"], written[0]["destination"]
    wanted = written[0]["network"].get("community_id")
    score.sessions += len(written)
    score.with_id += len(written) * (wanted is not None)
    here = f"{name}: {source['ip']}:{source['port']} {target['ip']}:{target['port']}"
    if not within:
        score.differences.append(f"{here}: no flow")
        return
    score.found += len(written)
    pairs = [sent(flow, source["ip"], source["port"]) for flow in within]
    ours = (sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs))
    theirs = tuple(sum(part[side]["packets"] for part in written) for side in ("source", "destination"))
    found = {flow["community_id"] for flow in within}
    score.packets += len(written) * (ours == theirs)
    score.ids += len(written) * (found == {wanted})
    if ours != theirs:
        score.differences.append(f"{here}: packets {theirs} are {ours} in {len(within)} flows")
    if wanted is not None and found != {wanted}:
        score.differences.append(f"{here}: community_id {wanted} is {found}")


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
