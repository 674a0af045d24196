"""Twin of baselines/alike.py over plain Python objects."""

BUCKET_NS = 600 * 10**9


def near(size, reference):
    """Within 15 % or 64 bytes."""
    return abs(size - reference) <= max(64, int(0.15 * reference))


def alike(state, sessions):
    """Return (session, row, run before it) of the odd ones; `state` maps a row to what is kept of it."""
    events = []
    for number, (row, ts, out, back) in enumerate(sessions):
        fresh = {"sizes": None, "run": 0, "misses": 0, "times": [], "best": 0, "total": 0}
        mine = state.setdefault(row, fresh)
        if mine["run"] and not (near(out, mine["sizes"][0]) and near(back, mine["sizes"][1])):
            mine["misses"] += 1
            if mine["run"] >= 20 and mine["misses"] < 20:
                if back >= 3 * mine["sizes"][1] and back - mine["sizes"][1] >= 4096:
                    events.append((number, row, mine["run"]))
                continue
            mine.update(run=0, times=[])
        if not mine["run"]:
            mine["sizes"] = (out, back)
        mine["run"] += 1
        mine["misses"] = 0
        mine["total"] += 1
        mine["times"] = [at for at in mine["times"] if at == ts // BUCKET_NS] + [ts // BUCKET_NS]
        mine["best"] = max(mine["best"], len(mine["times"]))
    return events
