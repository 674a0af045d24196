"""Flows, messages and sources made by hand, for tests of what stands behind the sources."""

import numpy as np

from sensor.model import addresses
from sensor.model.capture import ARP
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.source import Account, Batch

S = 10**9
DAY = 86_400 * S
START = 1_700_000_000 * S - 1_700_000_000 * S % DAY
SECRET = 0x5370616E6C696E65


def flow(
    orig="10.0.0.5", resp="10.0.0.9", *, at_s=0.0, duration_s=0.0, port=80, proto=6, state="SF", out=100, back=200,
    orig_mac=0, resp_mac=0, uid="", history=None, orig_port=40_000, local=(-1, -1), why=0,
):  # fmt: skip
    """One FLOW row, shape (1,); answered states get packets of both sides."""
    row = np.zeros(1, FLOW)
    both = state in {"S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR"}
    row["ts"], row["duration"] = START + int(at_s * S), int(duration_s * S)
    row["uid"] = (uid or f"C{orig}{resp}{port}{at_s}").encode()[:24]
    row["orig_hi"], row["orig_lo"] = addresses.parse(orig)
    row["resp_hi"], row["resp_lo"] = addresses.parse(resp)
    row["orig_p"], row["resp_p"], row["proto"] = orig_port, port, proto
    row["conn_state"] = CONN_STATES.index(state)
    row["local_orig"], row["local_resp"] = local
    row["orig_bytes"], row["resp_bytes"] = (out, back) if state == "SF" else (0, 0)
    row["orig_pkts"], row["resp_pkts"] = 0 if state in {"SHR", "RSTRH"} else 3, 3 if both or state[-2:] == "HR" else 0
    row["orig_ip_bytes"], row["resp_ip_bytes"] = 120, 120
    letters = {"SHR": "h", "RSTRH": "r", "OTH": "Cc"}.get(state, "ShR" if proto == 6 else "Dd")
    row["history"] = (letters if history is None else history).encode()
    row["orig_l2"], row["resp_l2"] = orig_mac, resp_mac
    row["size_sq"] = row["gap_sq"] = np.nan
    row["why"] = why
    return row


def flows(*rows):
    """Rows as one array in the order of completion, offsets counted."""
    whole = np.concatenate(rows) if rows else np.empty(0, FLOW)
    whole = whole[np.argsort(whole["ts"] + np.maximum(whole["duration"], 0), kind="stable")]
    whole["offset"] = np.arange(len(whole))
    return whole


def arp(sender="10.0.0.5", target="10.0.0.9", *, at_s=0.0, mac=0x00AABBCCDD01, op=1):
    """One ARP row, shape (1,)."""
    row = np.zeros(1, ARP)
    row["ts"] = START + int(at_s * S)
    row["sender_mac"], row["op"] = mac, op
    row["sender_ip"] = addresses.parse(sender)[1] & 0xFFFF_FFFF
    row["target_ip"] = addresses.parse(target)[1] & 0xFFFF_FFFF
    return row


def common(at_s=0.0, orig="10.0.0.5", resp="10.0.0.9"):
    """What every Message needs."""
    return {
        "ts": START + int(at_s * S), "uid": "C1", "orig_h": orig, "orig_p": 5000, "resp_h": resp, "resp_p": 53,
        "proto": 17,
    }  # fmt: skip


class Given:
    """A source in memory: gives its rows in pieces, shuffled if asked; knows what the ledger knows as one block."""

    def __init__(
        self, rows, *, path="given", site="local", messages=(), asks=None, piece=10_000, ledger=None, seed=None
    ):
        self.account = Account(path=path, site=site, format="given")
        self._rows, self._messages, self._arp = rows, list(messages), asks
        self._piece, self._ledger, self._seed = piece, ledger, seed

    def batches(self):
        """Yield the rows in pieces."""
        count = len(self._rows) + len(self._messages) + (0 if self._arp is None else len(self._arp))
        self.account.records = count
        digest = self._rows.tobytes()[:4096]
        if self._ledger is not None and self._ledger.records(self.account.site, 0, digest) is not None:
            self.account.duplicates = count
            return
        self.account.accepted = count
        if self._ledger is not None:
            self._ledger.remember(self.account.site, 0, digest, self._rows.nbytes, count)
        order = np.arange(len(self._rows))
        if self._seed is not None:
            np.random.default_rng(self._seed).shuffle(order)
        rows = self._rows[order]
        for start in range(0, len(rows), self._piece):
            yield Batch(flows=rows[start : start + self._piece])
        yield Batch(messages=self._messages)
        if self._arp is not None:
            yield Batch(arp=self._arp)


def office(seed=0, hosts=6, minutes=30, start_s=0.0):
    """Benign flows of a small office: web, DNS and file shares, a few refused connections."""
    rng = np.random.default_rng(seed)
    rows = []
    for host in range(hosts):
        for _ in range(minutes * 2):
            at = start_s + float(rng.uniform(0, minutes * 60))
            resp, port, proto = [
                ("10.0.0.1", 53, 17),
                ("10.0.0.2", 445, 6),
                (f"198.51.100.{rng.integers(1, 30)}", 443, 6),
            ][int(rng.integers(0, 3))]
            state = "REJ" if proto == 6 and rng.random() < 0.03 else "SF"
            rows.append(
                flow(
                    f"10.0.0.{10 + host}",
                    resp,
                    at_s=at,
                    duration_s=float(rng.exponential(2)),
                    port=port,
                    proto=proto,
                    state=state,
                    out=int(rng.lognormal(6, 1)),
                    back=int(rng.lognormal(8, 1)),
                )
            )
    return rows


def scan(orig="10.0.0.66", hosts=60, start_s=600.0, port=445):
    """A host that looks ordinary, then tries many addresses of which few answer."""
    rows = [flow(orig, "10.0.0.2", at_s=start_s - 60 + k, port=445) for k in range(5)]
    for k in range(hosts):
        state = "SF" if k % 15 == 14 else "REJ" if k % 3 == 0 else "S0"
        rows.append(flow(orig, f"10.0.7.{k + 1}", at_s=start_s + k * 0.5, port=port, state=state))
    return rows
