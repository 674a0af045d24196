"""Measure how fast conn.log is read, against the fastest general readers, in one run.

    python -m tests.bench.zeek_logs --rows 5000000 --rounds 5

Rows per CPU second of the whole process's threads, start-up and compilation excluded (each reader runs once on a small
file first), the readers alternated, medians and the spread. Each reader must deliver the same columns as numbers and
text: `ZeekSource` also checks every field and keeps the uid; it reads with and without a ledger, whose digests cost.
Peak memory is that of a process that does nothing else.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes"
    "\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes"
    "\ttunnel_parents\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount"
    "\tstring\tcount\tcount\tcount\tcount\tset[string]\n"
)
COLUMNS = HEADER.splitlines()[5].split("\t")[1:]
DISTINCT = 200_000
"""Rows made; a larger file repeats them. Far more than a branch predictor or a cache of names can learn."""
_ALPHABET = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", np.uint8)


def rows(n: int) -> list[list[str]]:
    """Make conn rows whose fields vary in length and value as real ones do."""
    rng = np.random.default_rng(0)
    letters = _ALPHABET[rng.integers(0, 62, (n, 17))]
    ts = 1_767_225_600 + np.sort(rng.uniform(0, 86_400, n))
    sizes = np.exp(rng.normal(6, 2.5, (n, 2))).astype(int)
    states = rng.choice(["SF", "S0", "REJ", "RSTO", "OTH", "SHR"], n, p=[0.7, 0.15, 0.05, 0.05, 0.03, 0.02])
    histories = {"SF": "ShADadFf", "S0": "S", "REJ": "Sr", "RSTO": "ShADadR", "OTH": "Cc", "SHR": "^hadf"}
    services = rng.choice(["-", "dns", "ssl", "http", "gssapi,krb,smb"], n, p=[0.3, 0.3, 0.3, 0.05, 0.05])
    made = []
    for i in range(n):
        low, high = sizes[i]
        v6 = i % 20 == 0
        state = str(states[i])
        answered = state not in {"S0", "REJ"}
        made.append([
            f"{ts[i]:.6f}", "C" + letters[i, : 15 + i % 3].tobytes().decode(),
            f"fe80::{rng.integers(1, 65536):x}:{rng.integers(1, 65536):x}" if v6
            else f"10.{i % 7}.{rng.integers(256)}.{rng.integers(256)}",
            str(rng.integers(1024, 65536)),
            f"2001:db8::{rng.integers(1, 65536):x}" if v6 else ".".join(map(str, rng.integers(1, 256, 4))),
            str(rng.choice([53, 80, 443, 445, 8443])), ("tcp", "udp")[i % 2], str(services[i]),
            f"{rng.exponential(2):.6f}" if answered else "-", str(low) if answered else "-",
            str(high) if answered else "-",
            state, "T", "TF"[i % 2], "0", histories[state], str(1 + low // 700), str(60 + low),
            str(high // 700), str(high), "-",
        ])  # fmt: skip
    return made


def as_json(row: list[str]) -> str:
    """Write a row as Zeek's JSON writer does: unset columns left out."""
    record: dict[str, object] = {}
    for name, field in zip(COLUMNS, row, strict=True):
        if field == "-":
            continue
        if name in {"ts", "duration"}:
            record[name] = float(field)
        elif name in {"local_orig", "local_resp"}:
            record[name] = field == "T"
        elif name.endswith(("_p", "bytes", "pkts")):
            record[name] = int(field)
        else:
            record[name] = field
    return json.dumps(record, separators=(",", ":"))


def write(folder: Path, n: int) -> tuple[Path, Path]:
    """Write both logs, of n rows each."""
    folder.mkdir(parents=True, exist_ok=True)
    tsv, jsonl = folder / f"conn-{n}.log", folder / f"conn-{n}.json"
    if not (tsv.exists() and jsonl.exists()):
        made = rows(min(n, DISTINCT))
        for path, lines, head in ((tsv, ["\t".join(r) for r in made], HEADER), (jsonl, list(map(as_json, made)), "")):
            with path.open("w") as file:
                file.write(head)
                for start in range(0, n, len(lines)):
                    file.write("\n".join(lines[: n - start]) + "\n")
    return tsv, jsonl


class EmptyLedger:
    """A ledger that knows nothing yet, so that every block's digest is computed."""

    key = bytes(16)

    def lengths(self, site: str, offset: int) -> list[int]:
        return []

    def records(self, site: str, offset: int, digest: bytes) -> int | None:
        return None

    def remember(self, site: str, offset: int, digest: bytes, length: int, records: int) -> None:
        assert len(digest) == 16


def read_ours(path: Path) -> int:
    from sensor.sources.zeek import ZeekSource

    return sum(len(batch.flows) for batch in ZeekSource(path, "bench", 0).batches())


def read_ours_with_ledger(path: Path) -> int:
    from sensor.sources.zeek import ZeekSource

    return sum(len(batch.flows) for batch in ZeekSource(path, "bench", 0, EmptyLedger()).batches())


def read_polars(path: Path) -> int:
    import polars as pl

    if path.suffix == ".json":
        return pl.scan_ndjson(path, infer_schema_length=100).collect().height
    scan = pl.scan_csv(
        path, separator="\t", has_header=False, new_columns=COLUMNS, comment_prefix="#", null_values=["-"],
        quote_char=None, infer_schema_length=1000,
    )  # fmt: skip
    return scan.collect().height


def read_pandas(path: Path) -> int:
    import pandas as pd

    if path.suffix == ".json":
        return 0
    return len(pd.read_csv(path, sep="\t", names=COLUMNS, comment="#", na_values=["-"], engine="c", quoting=3))


def read_msgspec(path: Path) -> int:
    """Decode into a struct of conn's columns, which makes objects, not columns yet."""
    import msgspec

    names = {name: name.replace(".", "_") for name in COLUMNS}
    fields = [(python, object, None) for python in names.values()]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Conn", fields, rename={v: k for k, v in names.items()}))
    with path.open("rb") as file:
        return sum(1 for line in file if decoder.decode(line) is not None)


def read_pyarrow(path: Path) -> int:
    if path.suffix == ".json":
        from pyarrow import json as arrow_json

        return arrow_json.read_json(path).num_rows
    from pyarrow import csv

    return csv.read_csv(
        path, csv.ReadOptions(column_names=COLUMNS, skip_rows=HEADER.count("\n")),
        csv.ParseOptions(delimiter="\t", quote_char=False), csv.ConvertOptions(null_values=["-"]),
    ).num_rows  # fmt: skip


def read_duckdb(path: Path) -> int:
    import duckdb

    if path.suffix == ".json":
        duckdb.sql(f"CREATE OR REPLACE TABLE conn AS FROM read_json('{path}', format='newline_delimited')")
    else:
        duckdb.sql(
            f"CREATE OR REPLACE TABLE conn AS FROM read_csv('{path}', delim='\\t', header=false, "
            f"skip={HEADER.count(chr(10))}, quote='', nullstr='-', names={COLUMNS})"
        )
    return int(duckdb.sql("SELECT count(*) FROM conn").fetchall()[0][0])


def read_zat(path: Path) -> int:
    from zat.log_to_dataframe import LogToDataFrame

    return len(LogToDataFrame().create_dataframe(str(path), ts_index=False))


READERS: dict[str, dict[str, Callable[[Path], int]]] = {
    "tsv": {
        "ours": read_ours,
        "ours, ledger": read_ours_with_ledger,
        "polars": read_polars,
        "pandas": read_pandas,
        "pyarrow": read_pyarrow,
        "DuckDB": read_duckdb,
        "zat": read_zat,
    },
    "json": {
        "ours": read_ours,
        "ours, ledger": read_ours_with_ledger,
        "polars": read_polars,
        "msgspec": read_msgspec,
        "pyarrow": read_pyarrow,
        "DuckDB": read_duckdb,
    },
}
"""DuckDB is no dependency of ours: it is measured where it is installed."""


def measure(form: str, path: Path, small: Path, n: int, rounds: int) -> None:
    """Time all readers of one form, alternated, and print rows per CPU second."""
    readers = dict(READERS[form])
    if importlib.util.find_spec("duckdb") is None:
        del readers["DuckDB"]
    spent: dict[str, list[float]] = {name: [] for name in readers}
    for reader in readers.values():
        reader(small)
    for _ in range(rounds):
        for name, reader in readers.items():
            start = time.process_time()
            count = reader(path)
            spent[name].append(time.process_time() - start)
            assert n == count, (name, count)
    for name, times in spent.items():
        rate = n / statistics.median(times)
        spread = f"{n / max(times) / 1e6:.2f}–{n / min(times) / 1e6:.2f}"
        print(f"{form:5} {name:14} {rate / 1e6:6.2f} M rows/CPU s  ({spread})")


def peak(path: Path) -> float:
    """Return the peak resident memory, MB, of a process that only reads this file."""
    code = "from pathlib import Path; from tests.bench.zeek_logs import read_ours, memory; "
    code += f"read_ours(Path({str(path)!r})); memory()"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def memory() -> None:
    """Print this process's peak resident memory, MB."""
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(".bench/zeek"))
    options = parser.parse_args()
    small = write(options.folder, 1000)
    large = write(options.folder, options.rows)
    for form, path, warm in zip(("tsv", "json"), large, small, strict=True):
        measure(form, path, warm, options.rows, options.rounds)
        print(f"{form:5} peak memory {peak(path):.0f} MB, file {path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
