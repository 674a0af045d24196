"""Learning days made of one real day of Zeek logs: never its copy.

For each day anew: 15 % of the connections are kept, a tenth of the pairs withheld, and every source is shifted by up to
ten minutes, on top of the whole days. What must not be learned is left out by a word in its line.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

DAY_S = 86_400
LOGS = ("conn", "dns", "http", "ssl", "dhcp")
WHOLE = ("dhcp",)
"""Kept whole: a lease is no habit, and without it a host seen in one direction is nobody."""
KEPT, WITHHELD, SHIFT_S = 0.15, 0.1, 600


def lines(folder, log):
    """Yield the lines of a log, compressed or not; none where it is absent."""
    for path in (Path(folder) / f"{log}.log", Path(folder) / f"{log}.log.gz"):
        if path.exists():
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", errors="replace") as held:
                yield from held


def write_day(source, target, *, days_back, without=(), keep=KEPT, withheld=WITHHELD, shift_s=SHIFT_S):
    """Write one learning day; return the lines that were kept."""
    target.mkdir(parents=True)
    rng = np.random.default_rng(days_back)
    kept = 0
    for log in LOGS:
        text, shifts, out = {}, {}, []
        for line in lines(source, log):
            if line.startswith("#"):
                out.append(line)
                continue
            cells = line.split("\t")
            if any(word in line for word in without):
                continue
            pair = zlib.crc32(f"{days_back} {cells[2]} {cells[4]} {cells[9] if log == 'dns' else ''}".encode())
            if log not in WHOLE and (pair % 1000 < withheld * 1000 or rng.random() >= keep):
                continue
            shift = shifts.setdefault(cells[2], float(rng.uniform(-shift_s, shift_s)))
            cells[0] = f"{float(cells[0]) - days_back * DAY_S + shift:.6f}"
            cells[1] = f"L{days_back}{cells[1][1:]}" if log not in WHOLE else "-"
            text[len(text)] = (float(cells[0]), "\t".join(cells))
        kept += len(text)
        head = [line for line in out if not line.startswith("#close")]
        body = [line for _, line in sorted(text.values())]
        if head:
            (target / f"{log}.log").write_text("".join(head + body), encoding="utf-8")
    return kept


def write_whole(source, target, extra=()):
    """Write the whole day, with connections of our own added: (ts, orig, resp, port, proto, conn_state, history)."""
    target.mkdir(parents=True)
    for log in LOGS:
        whole = [line for line in lines(source, log) if not line.startswith("#close")]
        if log == "conn":
            whole = inject(whole, extra)
        if whole:
            (target / f"{log}.log").write_text("".join(whole), encoding="utf-8")


def inject(whole, extra):
    """Add connections to the lines of a conn.log, in order of time."""
    fields = next(line for line in whole if line.startswith("#fields")).rstrip("\n").split("\t")[1:]
    rows = [(float(line.split("\t", 1)[0]), line) for line in whole if not line.startswith("#")]
    for number, (ts, orig, resp, port, proto, state, history) in enumerate(extra):
        values = {
            "ts": f"{ts:.6f}", "uid": f"Cinject{number}", "id.orig_h": orig, "id.orig_p": str(30_000 + number % 30_000),
            "id.resp_h": resp, "id.resp_p": str(port), "proto": proto, "duration": "0.2", "orig_bytes": "300",
            "resp_bytes": "400", "conn_state": state, "history": history, "orig_pkts": "5", "orig_ip_bytes": "560",
            "resp_pkts": "5", "resp_ip_bytes": "660", "missed_bytes": "0",
        }  # fmt: skip
        rows.append((ts, "\t".join(values.get(name, "-") for name in fields) + "\n"))
    return [line for line in whole if line.startswith("#")] + [line for _, line in sorted(rows)]
