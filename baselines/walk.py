"""Threshold random walk over the outcomes of first contacts, for hosts and for ports of one host, and sliding sweeps.

The walk is Jung, Paxson, Berger, Balakrishnan 2004, "Fast Portscan Detection Using Sequential Hypothesis Testing",
section 4: with P(success | benign) = .8 and P(success | scanner) = .2 (their table 3) a failure multiplies the
likelihood ratio by 4 and a success divides it by 4, so the ratio is 4^net and the state is one integer. By Ville's
inequality the ratio exceeds x with probability at most 1/x under the benign hypothesis, so p = walks · 4^−net, a union
over the walks a subject has started that day.

We depart from it in two points. A walk that reached the benign verdict starts anew (and is counted). Outcomes count
only where a subject's traffic is seen both ways (share of two-way flows among its last 200 ≥ .05), or where the caller
trusts the flow: on a one-way capture everything looks like a failure.

Not here: what a subject, a target or a failure is. Subjects are rows, targets three-word keys.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import I32, I64, KEYS, Ints, Rows, Words, find_slot

NET_LOW = -4
"""4^−4 < β / (1 − α) with α = β = .01: Jung's benign verdict; the walk starts anew."""
NET_HOSTS = 4
"""4^4 > (1 − β) / α: Jung's scanner verdict, where events begin."""
NET_PORTS = 8
"""Net failures for new ports of one host: the method in force."""
NET_MAX = 30_000
"""The walk stops growing here: the largest thousand that int16 holds."""
DEAD_TRIES = 20
"""Attempts at one service with never an answer: the method in force."""
P_MIN = 1e-300
"""A p is never 0."""
WINDOW = 200
"""Flows over which the two-way share is taken."""
TWO_WAY_SHARE = 0.05

HOSTS, PORTS, DEAD = 0, 1, 2
"""Kinds of event."""
PROTOS = 3
"""Walks a subject: by protocol class 0, 1, 2."""

Bytes = NDArray[np.uint8]
I8, U8, I16, U16 = rows(np.int8), rows(np.uint8), rows(np.int16), rows(np.uint16)
U64_2D = rows(np.uint64, 2)
I32_2D = rows(np.int32, 2)
I64_2D = rows(np.int64, 2)
U64 = rows(np.uint64)


@kernel()
def push_bit(window: Words, seen: Ints, row: int | np.int64, bit: bool) -> None:
    """Put a bit into a subject's ring of WINDOW bits and count it."""
    at = seen[row] % WINDOW
    word, mask = at >> 6, np.uint64(1) << np.uint64(at & 63)
    if bit:
        window[row, word] |= mask
    else:
        window[row, word] &= ~mask
    seen[row] += 1


@kernel()
def share_of(window: Words, seen: Ints, row: int | np.int64) -> float:
    """Return the share of ones among the last WINDOW bits, 0 where there are none."""
    n = min(seen[row], WINDOW)
    if n == 0:
        return 0.0
    ones = 0
    for word in range(4):
        bits = window[row, word]
        while bits:
            bits &= bits - np.uint64(1)
            ones += 1
    return float(ones / n)


@kernel(
    I32, I32, U8, I8, U8, U8, U64, U64, U16, I64,  # the flows
    U64_2D, I64,  # two-way ring
    I32_2D, I32_2D, I32_2D, I32_2D, I64_2D, I64_2D,  # walks
    I32, KEYS, I64, I64, I16, I32, I32, I64, "uint64",  # hosts
    I32, KEYS, I64, I64, I32, U8, I64,  # services
    I64_2D,  # events
)  # fmt: skip
def walk(
    subject: Rows, other: Rows, proto: Bytes, outcome: NDArray[np.int8], two_way: Bytes, trusted: Bytes, hi: Words,
    lo: Words, port: NDArray[np.uint16], ts: Ints,
    window: Words, seen: Ints,
    net: Rows, walks: Rows, targets: Rows, fails: Rows, since: Ints, day: Ints,
    host_index: Rows, host_keys: Words, host_used: Ints, host_last: Ints, host_net: NDArray[np.int16],
    host_ports: Rows, host_fails: Rows, host_since: Ints, secret: np.uint64,
    service_index: Rows, service_keys: Words, service_used: Ints, service_last: Ints, service_tries: Rows,
    service_answered: Bytes, service_since: Ints,
    events: Ints,
) -> int:  # fmt: skip
    """Take n flows in, in order; return how many events were written.

    Args:
        subject: Row of who opened the flow, −1 none, int32, shape (n,).
        other: Row of the responder, −1 none, int32; only for the two-way ring.
        proto: Walk class, uint8, below PROTOS; 255 takes no part at all.
        outcome: 1 failed, 0 answered, −1 says nothing, int8.
        two_way: Both sides were seen sending, uint8.
        trusted: Its outcome counts whatever the subject's two-way share is, uint8.
        hi: Target key, first word, uint64; `lo` second; `port` uint16.
        ts: ns, int64.
        window: uint64, shape (subjects, 4); `seen` int64, shape (subjects,).
        net: Net failures of the present walk, int32, shape (subjects, PROTOS); `walks` walks started on `day`;
            `targets` first contacts and `fails` failed ones in this walk; `since` its first failure, ns; `day`.
        host_index: Keyed table of (subject, proto, target): ports walk `host_net`, `host_ports` new ports tried,
            `host_fails` of them failed, `host_since` ns. The caller made room for n more rows.
        secret: Hash key of both tables.
        service_index: Keyed table of (subject, port, proto, target): `service_tries`, `service_answered`.
        events: Out, int64, shape (≥ 2 n, 8): flow, kind, subject, net, count, fails, since, proto. For HOSTS count
            and fails are of targets, for PORTS of ports, for DEAD both are the tries.
    """
    written = 0
    for i in range(len(subject)):
        kind = np.int64(proto[i])
        if kind >= PROTOS:
            continue
        if other[i] >= 0:
            push_bit(window, seen, other[i], two_way[i])
        who = np.int64(subject[i])
        if who < 0:
            continue
        visible = share_of(window, seen, who) >= TWO_WAY_SHARE
        push_bit(window, seen, who, two_way[i])
        visible = visible or share_of(window, seen, who) >= TWO_WAY_SHARE or trusted[i] == 1
        if outcome[i] < 0:
            continue
        failed = outcome[i] == 1
        today = ts[i] // 86_400_000_000_000
        if day[who, kind] != today:
            day[who, kind] = today
            walks[who, kind] = 1
        a = np.uint64((who << 8) | kind)
        slot = find_slot(host_index, host_keys, a, hi[i], lo[i], secret)
        host = np.int64(host_index[slot])
        new_host = host < 0
        if new_host:
            host = host_used[0]
            host_used[0] += 1
            host_keys[host, 0], host_keys[host, 1], host_keys[host, 2] = a, hi[i], lo[i]
            host_index[slot] = np.int32(host)
            host_net[host], host_ports[host], host_fails[host], host_since[host] = 0, 0, 0, ts[i]
        host_last[host] = ts[i]
        b = np.uint64((who << 24) | (np.int64(port[i]) << 8) | kind)
        slot = find_slot(service_index, service_keys, b, hi[i], lo[i], secret)
        service = np.int64(service_index[slot])
        new_service = service < 0
        if new_service:
            service = service_used[0]
            service_used[0] += 1
            service_keys[service, 0], service_keys[service, 1], service_keys[service, 2] = b, hi[i], lo[i]
            service_index[slot] = np.int32(service)
            service_tries[service], service_answered[service], service_since[service] = 0, 0, ts[i]
        service_last[service] = ts[i]
        service_tries[service] += 1
        if not failed:
            service_answered[service] = 1
        if failed and not service_answered[service] and service_tries[service] >= DEAD_TRIES and visible:
            events[written, 0], events[written, 1], events[written, 2], events[written, 3] = i, DEAD, who, 0
            events[written, 4], events[written, 5] = service_tries[service], service_tries[service]
            events[written, 6], events[written, 7] = service_since[service], kind
            written += 1
        active = net[who, kind] >= NET_HOSTS
        if new_host and (visible or active):
            if net[who, kind] <= NET_LOW:
                net[who, kind], targets[who, kind], fails[who, kind] = 0, 0, 0
                walks[who, kind] += 1
            targets[who, kind] += 1
            net[who, kind] = min(NET_MAX, net[who, kind] + (1 if failed else -1))
            if failed:
                if fails[who, kind] == 0:
                    since[who, kind] = ts[i]
                fails[who, kind] += 1
                if net[who, kind] >= NET_HOSTS:
                    events[written, 0], events[written, 1], events[written, 2] = i, HOSTS, who
                    events[written, 3], events[written, 4] = net[who, kind], targets[who, kind]
                    events[written, 5], events[written, 6] = fails[who, kind], since[who, kind]
                    events[written, 7] = kind
                    written += 1
        if new_service and (visible or host_net[host] >= NET_PORTS):
            if host_net[host] <= NET_LOW:
                host_net[host], host_ports[host], host_fails[host] = 0, 0, 0
            host_ports[host] += 1
            host_net[host] = np.int16(min(NET_MAX, host_net[host] + (1 if failed else -1)))
            if failed:
                if host_fails[host] == 0:
                    host_since[host] = ts[i]
                host_fails[host] += 1
                if host_net[host] >= NET_PORTS:
                    events[written, 0], events[written, 1], events[written, 2] = i, PORTS, who
                    events[written, 3], events[written, 4] = host_net[host], host_ports[host]
                    events[written, 5], events[written, 6] = host_fails[host], host_since[host]
                    events[written, 7] = kind
                    written += 1
    return written


@kernel(I32, U64, U64, I64, I64_2D, I64, I64, "int64", I32, KEYS, I64, I64, "uint64", I64_2D)
def sweep(
    subject: Rows, hi: Words, lo: Words, ts: Ints, ring: Ints, pushed: Ints, since: Ints, span_ns: int,
    index: Rows, keys: Words, used: Ints, last: Ints, secret: np.uint64, events: Ints,
) -> int:  # fmt: skip
    """Find subjects that touch as many distinct targets within `span_ns` as their ring is long.

    A target counts again once it has not been touched for `span_ns`.

    Args:
        subject: Row, −1 none, int32, shape (n,).
        hi: Target key, uint64; `lo` likewise.
        ts: ns, int64, in order.
        ring: Times of the last distinct touches, int64, shape (subjects, k).
        pushed: Distinct touches of the present sweep, int64, shape (subjects,); 0 after a pause of `span_ns`.
        since: First touch of the present sweep, ns, int64, shape (subjects,).
        span_ns: Length of the window.
        index: Keyed table of (subject, target), with `last` the last touch.
        secret: Its hash key.
        events: Out, int64, shape (≥ n, 4): message, subject, distinct touches, since.

    Returns:
        How many events were written.
    """
    k = ring.shape[1]
    written = 0
    for i in range(len(subject)):
        who = np.int64(subject[i])
        if who < 0:
            continue
        a = np.uint64(who)
        slot = find_slot(index, keys, a, hi[i], lo[i], secret)
        row = np.int64(index[slot])
        if row < 0:
            row = used[0]
            used[0] += 1
            keys[row, 0], keys[row, 1], keys[row, 2] = a, hi[i], lo[i]
            index[slot] = np.int32(row)
        elif ts[i] - last[row] <= span_ns:
            last[row] = ts[i]
            continue
        last[row] = ts[i]
        if pushed[who] > 0 and ts[i] - ring[who, (pushed[who] - 1) % k] > span_ns:
            pushed[who] = 0
        if pushed[who] == 0:
            since[who] = ts[i]
        ring[who, pushed[who] % k] = ts[i]
        pushed[who] += 1
        if pushed[who] >= k and ts[i] - ring[who, pushed[who] % k] <= span_ns:
            events[written, 0], events[written, 1] = i, who
            events[written, 2], events[written, 3] = pushed[who], since[who]
            written += 1
    return written


def p_of_walk(net: int, walks: int) -> float:
    """Return the p of a walk at `net` failures, the `walks`-th of its day: min(1, walks · 4^−net)."""
    return min(1.0, max(P_MIN, max(1, walks) * 4.0 ** -min(500, max(0, net))))


def two_way_share(window: Words, seen: Ints) -> NDArray[np.float64]:
    """Return the two-way share of every subject.

    Args:
        window: uint64, shape (subjects, 4).
        seen: int64, shape (subjects,).

    Returns:
        float64, shape (subjects,); NaN where nothing was seen.
    """
    ones = np.bitwise_count(window).sum(axis=1)
    n = np.minimum(seen, WINDOW)
    return np.where(n > 0, ones / np.maximum(n, 1), np.nan)
