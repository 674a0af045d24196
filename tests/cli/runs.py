"""Running the command line in the test's own process."""

import sys

import pytest

from sensor.cli.main import main

TSV = b"""#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tstring\tcount\tcount\tcount\tcount
"""


def spanline(monkeypatch, capsys, *args):
    """Run `spanline ARGS`; return (exit code, stdout, stderr)."""
    monkeypatch.setattr(sys, "argv", ["spanline", *(str(arg) for arg in args)])
    with pytest.raises(SystemExit) as done:
        main()
    out = capsys.readouterr()
    return int(done.value.code or 0), out.out, out.err


def conn_log(path, scanner="10.0.0.66", hosts=40):
    """Write a conn.log: a workstation at work, then its scan of many hosts."""
    rows = []
    for k in range(10):
        rows.append((1_700_000_000 + k, scanner, "10.0.0.2", 443, "SF", "ShADadfF", 5))
        rows.append((1_700_000_000 + k, "10.0.0.7", f"198.51.100.{k + 1}", 443, "SF", "ShADadfF", 5))
    rows += [(1_700_000_100 + k / 2, scanner, f"10.0.7.{k + 1}", 445, "REJ", "Sr", 1) for k in range(hosts)]
    lines = [
        f"{ts:.6f}\tC{n:06d}\t{orig}\t40000\t{resp}\t{port}\ttcp\t-\t0.5\t100\t200\t{state}\t{history}\t5\t300\t{back}\t300"
        for n, (ts, orig, resp, port, state, history, back) in enumerate(rows)
    ]
    path.write_bytes(TSV + "\n".join(lines).encode() + b"\n")
    return path
