"""Twins of baselines/walk.py, from Jung et al. 2004 section 4 and the module's rules, over plain Python objects."""

DAY_NS = 86_400 * 10**9


def push_bit(bits, bit):
    """Append a bit to the list of all bits."""
    bits.append(bool(bit))


def share_of(bits):
    """Share of ones among the last 200."""
    last = bits[-200:]
    return sum(last) / len(last) if last else 0.0


class State:
    """Walks, hosts and services as dictionaries of plain lists."""

    def __init__(self):
        self.bits = {}
        self.walks = {}
        self.hosts = {}
        self.services = {}


def walk(state, flows):
    """Return the events of flows (subject, other, proto, outcome, two_way, trusted, target, port, ts)."""
    events = []
    for number, (who, other, proto, outcome, two_way, trusted, target, port, ts) in enumerate(flows):
        if proto > 2:
            continue
        if other >= 0:
            push_bit(state.bits.setdefault(other, []), two_way)
        if who < 0:
            continue
        bits = state.bits.setdefault(who, [])
        before = share_of(bits)
        push_bit(bits, two_way)
        visible = max(before, share_of(bits)) >= 0.05 or trusted == 1
        if outcome == -1:
            continue
        fresh = {"net": 0, "walks": 0, "targets": 0, "fails": 0, "since": 0, "day": -1}
        mine = state.walks.setdefault((who, proto), fresh)
        if mine["day"] != ts // DAY_NS:
            mine["day"], mine["walks"] = ts // DAY_NS, 1
        new_host = (who, proto, target) not in state.hosts
        host = state.hosts.setdefault((who, proto, target), {"net": 0, "ports": 0, "fails": 0, "since": ts})
        new_service = (who, proto, target, port) not in state.services
        service = state.services.setdefault((who, proto, target, port), {"tries": 0, "answered": False, "since": ts})
        service["tries"] += 1
        service["answered"] = service["answered"] or outcome == 0
        if outcome == 1 and not service["answered"] and service["tries"] >= 20 and visible:
            events.append((number, 2, who, 0, service["tries"], service["tries"], service["since"], proto))
        if new_host and (visible or mine["net"] >= 4):
            if mine["net"] <= -4:
                mine.update(net=0, targets=0, fails=0)
                mine["walks"] += 1
            mine["targets"] += 1
            mine["net"] = min(30_000, mine["net"] + (1 if outcome == 1 else -1))
            if outcome == 1:
                if mine["fails"] == 0:
                    mine["since"] = ts
                mine["fails"] += 1
                if mine["net"] >= 4:
                    events.append((number, 0, who, mine["net"], mine["targets"], mine["fails"], mine["since"], proto))
        if new_service and (visible or host["net"] >= 8):
            if host["net"] <= -4:
                host.update(net=0, ports=0, fails=0)
            host["ports"] += 1
            host["net"] = min(30_000, host["net"] + (1 if outcome == 1 else -1))
            if outcome == 1:
                if host["fails"] == 0:
                    host["since"] = ts
                host["fails"] += 1
                if host["net"] >= 8:
                    events.append((number, 1, who, host["net"], host["ports"], host["fails"], host["since"], proto))
    return events


def sweep(history, messages, k, span_ns):
    """Return (message, subject) wherever k distinct touches of a subject lie within span_ns.

    `history` maps subject to its list of (time, target) touches that counted.
    """
    events = []
    last = history.setdefault("last", {})
    for number, (who, target, ts) in enumerate(messages):
        if who < 0:
            continue
        fresh = (who, target) not in last or ts - last[who, target] > span_ns
        last[who, target] = ts
        if not fresh:
            continue
        touches = history.setdefault(who, [])
        if touches and ts - touches[-1] > span_ns:
            touches.clear()
        touches.append(ts)
        if len(touches) >= k and ts - touches[-k] <= span_ns:
            events.append((number, who))
    return events
