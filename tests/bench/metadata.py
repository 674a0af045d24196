"""Time the metadata parsers: nanoseconds a message, by protocol, with kernels compiled before.

    python -m tests.bench.metadata [--rounds 15] [--compile]

Each sample is identified and read over and over from a buffer of 64 copies (so that nothing depends on alignment), and
then all of them in a shuffled order, where branches are harder to foresee. `--compile` times the first compilation of
these kernels instead, in a process and a kernel cache of its own, without importing numba itself.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from tests.bench.peers import machine

COPIES = 64
CALLS = 4_000

COMPILE = """
import json, time
import numpy as np
import baselines._compiler, numba
numba.njit("int64(int64)")(lambda x: x + 1)
wall, cpu = time.perf_counter(), time.process_time()
from sensor.packets import identify
buf, out = np.zeros(64, np.uint8), np.zeros(8192, np.uint8)
identify.identify(buf, 0, 64, 64, 6, 1, 2, 1)
identify.parse(1, buf, 0, 64, 64, 1, 6, out, 0)
print(json.dumps({"wall_s": round(time.perf_counter() - wall, 1), "cpu_s": round(time.process_time() - cpu, 1)}))
"""


def samples() -> dict[str, tuple[int, int, bytes]]:
    """Name what is timed: (kind, IP protocol, message)."""
    from sensor.model import metadata as m
    from tests.packets import samples as s

    names = [
        "dns query",
        "dns answer of 6",
        "netbios query",
        "mdns answer",
        "dns over tcp",
        "client hello (browser)",
        "client hello in 4 records",
        "client hello (bare)",
        "server hello",
        "server hello in 2 records",
        "http request",
        "http response",
        "dhcp discover",
        "dhcp ack",
        "kerberos AS-REQ",
        "kerberos AS-REP",
        "kerberos error",
        "kerberos TGS-REQ, tcp",
        "ntlm authenticate",
        "ntlm authenticate, oem",
        "ntlm challenge",
        "ntlm authenticate, base64",
        "ssh banner",
    ]
    found = dict(zip(names, s.all_samples(), strict=True))
    found["nothing known, 1,400 bytes"] = (m.K_NONE, s.TCP, bytes(range(1, 201)) * 7)
    return found


def runner():
    """Compile the loop that is timed."""
    from baselines._jit import kernel, rows
    from sensor.packets.identify import find_ntlm, identify, parse

    array, column = rows(np.uint8), rows(np.int64)

    @kernel(array, column, column, column, column, array, "int64")
    def read(buf, kinds, protos, starts, ends, out, rounds):
        done = 0
        for _ in range(rounds):
            for k in range(len(kinds)):
                start, end = starts[k], ends[k]
                kind = identify(buf, start, end, end, protos[k], 40000, 53 if protos[k] == 17 else 443, 1)
                if kind != kinds[k]:
                    kind = kinds[k]
                at, _, _ = parse(kind, buf, start, end, end, 1, protos[k], out, 0)
                done += at if at > 0 else find_ntlm(buf, start, end)
        return done

    return read


def laid_out(tries, rng):
    """Lay copies of messages into one buffer, in random order: (buffer, kinds, protocols, starts, ends)."""
    order = rng.permutation(np.repeat(np.arange(len(tries)), COPIES))
    content = [tries[k][2] for k in order]
    ends = np.cumsum([len(item) for item in content])
    buf = np.frombuffer(bytearray(b"".join(content)), np.uint8)
    kinds, protos = (np.array([tries[k][field] for k in order], np.int64) for field in (0, 1))
    return buf, kinds, protos, ends - [len(item) for item in content], ends


def measure(read, tries, rounds, rng):
    """Return nanoseconds a message, one number a round."""
    from sensor.model.metadata import META_MAX_BYTES

    buf, kinds, protos, starts, ends = laid_out(tries, rng)
    out = np.zeros(META_MAX_BYTES, np.uint8)
    repeat = max(1, CALLS // len(kinds))
    found = []
    for _ in range(rounds):
        start = time.thread_time_ns()
        read(buf, kinds, protos, starts, ends, out, repeat)
        found.append((time.thread_time_ns() - start) / (repeat * len(kinds)))
    return found


def time_compilation() -> None:
    """Print what the first compilation costs, and that of loading them from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"SPANLINE_KERNEL_CACHE": folder}
        for label in ("first", "from the cache"):
            done = subprocess.run(
                [sys.executable, "-c", COMPILE],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            print(f"{label}: {done.stdout.strip()}")


def main() -> None:
    """Time every sample, then all of them mixed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--compile", action="store_true")
    chosen = options.parse_args()
    print(machine())
    if chosen.compile:
        time_compilation()
        return
    read, rng = runner(), np.random.default_rng(0)
    tries = samples()
    print(f"{'message':30} {'bytes':>6} {'best':>8} {'median':>8} ns")
    for name, sample in [*tries.items(), ("all of them, shuffled", None)]:
        found = measure(read, list(tries.values()) if sample is None else [sample], chosen.rounds, rng)
        size = "" if sample is None else len(sample[2])
        print(f"{name:30} {size:>6} {min(found):8.0f} {statistics.median(found):8.0f}")


if __name__ == "__main__":
    main()
