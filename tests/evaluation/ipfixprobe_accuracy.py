"""Our flows against ipfixprobe's exports: `python -m tests.evaluation.ipfixprobe_accuracy DATA [-v]`.

DATA is a folder with inputs/ and outputs/, itself or in ipfixprobe/ or network/ipfixprobe/ below it. An export is cut
by its plugin (a new HTTP request, 300 s of activity) where a flow of Zeek's is not, so packets and IP bytes are added
up between two addresses and ports, each way. ipfixprobe has no ports for ICMP. Most plugins export only the flows
that they know, so what an output lists is compared, and what it does not is not.
"""

import csv
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from tests.evaluation.captures import json_rows

INPUTS = {
    "basic": "mixed", "pstats": "mixed", "phists": "mixed", "basicplus": "http", "passivedns": "dns",
    "quic": "quic_initial-sample",
}  # fmt: skip
"""Outputs that do not have the name of their input (ipfixprobe/tests/functional)."""


@dataclass
class Score:
    """Pairs of endpoints, and for how many packets and bytes are equal each way."""

    pairs: int = 0
    equal: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.pairs} pairs of endpoints: packets and bytes each way equal {self.equal}"


def find_outputs(data):
    """(name, output, input) of each output whose input is there."""
    for folder in (Path(data), Path(data) / "ipfixprobe", Path(data) / "network" / "ipfixprobe"):
        if (folder / "outputs").is_dir():
            found = [
                (path.name, path, folder / "inputs" / f"{INPUTS.get(path.name, path.name)}.pcap")
                for path in sorted((folder / "outputs").iterdir())
            ]
            return [(name, output, capture) for name, output, capture in found if capture.is_file()]
    raise FileNotFoundError(f"no outputs/ in {data}")


def sums(rows):
    """(packets, bytes) that each end sent to the other, from (sender, receiver, proto, packets, bytes)."""
    found = defaultdict(lambda: [0, 0])
    for sender, receiver, proto, packets, octets in rows:
        total = found[sender, receiver, proto]
        total[0] += packets
        total[1] += octets
    return {key: tuple(total) for key, total in found.items() if total[0]}


def exported(path):
    """An output's rows, each as its two directions; the line with the names may stand anywhere."""
    lines = path.read_text().splitlines()
    (header,) = [line for line in lines if line.startswith("ipaddr ")]
    names = [name.split(" ")[-1] for name in header.split(",")]
    for values in csv.reader(line for line in lines if line != header):
        row = dict(zip(names, values, strict=True))
        one, other = (
            (ip_address(row["SRC_IP"]), int(row["SRC_PORT"])),
            (ip_address(row["DST_IP"]), int(row["DST_PORT"])),
        )
        yield one, other, int(row["PROTOCOL"]), int(row["PACKETS"]), int(row["BYTES"])
        yield other, one, int(row["PROTOCOL"]), int(row["PACKETS_REV"]), int(row["BYTES_REV"])


def ours(path):
    """The same of our flows."""
    for flow in json_rows(path, ignore_checksums=True):
        ported = flow["proto"] in ("tcp", "udp")
        one, other = (
            (ip_address(flow[f"id.{end}_h"]), flow[f"id.{end}_p"] if ported else 0) for end in ("orig", "resp")
        )
        yield one, other, flow["ip_proto"], flow["orig_pkts"], flow["orig_ip_bytes"]
        yield other, one, flow["ip_proto"], flow["resp_pkts"], flow["resp_ip_bytes"]


def score_all(data):
    """Every output."""
    score = Score()
    for name, output, capture in find_outputs(data):
        theirs, own = sums(exported(output)), sums(ours(capture))
        for key, total in theirs.items():
            score.pairs += 1
            score.equal += own.get(key) == total
            if own.get(key) != total:
                (host, port), (peer, peer_port), proto = key
                score.differences.append(f"{name}: {host}:{port} {peer}:{peer_port} {proto}: {total} is {own.get(key)}")
    return score


def main(arguments):
    score = score_all(next(part for part in arguments if not part.startswith("-")))
    lines = [*score.differences, str(score)] if "-v" in arguments else [str(score)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
