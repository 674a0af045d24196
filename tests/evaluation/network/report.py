"""The results as Markdown and SVG, each figure saying whether its background is simulated or real."""

import math
from pathlib import Path

import numpy as np

from sensor.console.plots import Series, bars, lines
from sensor.incidents.rank import ceiling
from tests.evaluation.network import attacks
from tests.evaluation.network.protocol import RATES
from tests.evaluation.network.simulator import DAY_NS, START

LOUD_S = 15 * 60
BLOCK_DAYS = 2
LARGE_SITE = 1_000
"""Devices from which on the triage volume has a floor too."""
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}.tick{font-size:10px}.axis,.lane{stroke:#999;stroke-width:.5}</style>"
)


def recall(outcomes, results, rate, name="program"):
    """Return the share of attacks above what so many false ones reach; the program's only where they are incidents."""
    if not outcomes:
        return math.nan
    limit = results.thresholds[rate][name]
    if name == "program":
        return float(np.mean([one.rank > limit and one.tier not in ("", "digest") for one in outcomes]))
    return float(np.mean([one.baselines.get(name, -np.inf) > limit for one in outcomes]))


def opened(outcomes):
    """Return the share of attacks that opened an incident, whatever the day has of false ones."""
    return float(np.mean([one.tier not in ("", "digest") for one in outcomes])) if outcomes else math.nan


def families(results):
    """Return the outcomes by (family, intensity), in order."""
    found = {}
    for one in results.outcomes:
        found.setdefault((one.family, one.intensity), []).append(one)
    return found


def by_family(results):
    """Return the outcomes by family."""
    found = {}
    for one in results.outcomes:
        found.setdefault(one.family, []).append(one)
    return found


def false_a_day(results, seed=0):
    """Return false incidents a day and 1,000 devices on quiet days, with the 95 % interval of a block bootstrap."""
    days = sorted(results.by_day)
    counts = np.array([sum(one.day == day and one.tier != "digest" for one in results.said) for day in days])
    devices = np.array([results.by_day[day] for day in days])
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(2_000):
        starts = rng.integers(0, len(days), -(-len(days) // BLOCK_DAYS))
        at = (starts[:, None] + np.arange(BLOCK_DAYS)).ravel()[: len(days)] % len(days)
        drawn.append(counts[at].sum() / devices[at].sum() * 1_000)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return counts.sum() / devices.sum() * 1_000, float(low), float(high)


def baselines(results):
    """Return the names of the baselines."""
    return [name for name in results.thresholds[RATES[1]] if name != "program"]


def beaten(results, name):
    """Return on how many families recall at 1 a day and 1,000 is above a baseline's, equal to it, and of how many."""
    pairs = [(recall(some, results, 1.0), recall(some, results, 1.0, name)) for some in by_family(results).values()]
    return sum(a > b for a, b in pairs), sum(a == b for a, b in pairs), len(pairs)


def markdown(results, asked):
    """Return the section for BENCHMARKS.md.

    Args:
        results: Of the protocol.
        asked: Of the probes, by name; empty where they were not run.
    """
    parts = [_head(results), _bars(results, asked), _recall(results), _baselines(results), _quiet(results),
             _rest(results, asked)]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results):
    plan = results.plan
    sites = list(plan.sites.values())
    return (
        f"Background of this section, unless a row says otherwise: **simulated**, from real host-days (M57's office "
        f"day and the taidoor capture's day without its command and control), each day thinned to 2 to 8 % of a real "
        f"day's connections and changed anew. {len(sites)} sites of {min(sites)} to {max(sites):,} devices, "
        f"{sum(sites):,} in all; {plan.warm} days of learning, {plan.test} quiet days that were counted "
        f"({results.flows:,} flows, {results.device_days:,} device-days), {len(results.outcomes)} attacks in copies "
        f"of the state, one a site and copy. {plan.note}"
    ).strip()


def _row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table(head, body):
    return "\n".join([_row(head), _row(["---"] * len(head)), *(_row(cells) for cells in body)])


def _percent(value):
    return "–" if math.isnan(value) else f"{value:.0%}"


def _bars(results, asked):
    groups = families(results)

    def of(*keys):
        return [one for key in keys for one in groups.get(key, [])]

    loud = of(*attacks.LOUD)
    seconds = [one.seconds for one in loud if not math.isnan(one.seconds)]
    p90 = float(np.quantile(seconds, 0.9)) if seconds else math.nan
    beacons = {name: of(("beacon", name)) for name in attacks.FAMILIES["beacon"]}
    ramps = [one for one in results.outcomes if one.family == "drip, ramp"]
    hops = of(("password hop", "5 hosts"))
    pages = sum(one.tier == "page" for one in results.said) / max(1, results.device_days) * 1_000
    wrong = sum(bool(titles) for _, _, titles in results.novelties)
    gates = {name: _share(some, lambda one: one.gated) for name, some in beacons.items()}
    medium = recall([*beacons["5 min ± 20 %"], *beacons["5 min ± 50 %"]], results, 1.0)
    body = [
        ("loud (scan ≥ 100 hosts/h, upload ≥ 100 MB, DNS tunnel ≥ 10 B/s): recall at 1/day/1,000", "≥ 90 %",
         f"{_percent(recall(loud, results, 1.0))} of {len(loud)}", recall(loud, results, 1.0) >= 0.9),
        ("… p90 of the time to detect", "≤ 15 min", f"{p90 / 60:.1f} min", p90 <= LOUD_S),
        ("beacon ± 50 %, 5 min: gate", "≥ 95 %", _percent(gates["5 min ± 50 %"]), gates["5 min ± 50 %"] >= 0.95),
        ("beacon ± 80 %: gate", "≥ 70 %", _percent(gates["5 min ± 80 %"]), gates["5 min ± 80 %"] >= 0.7),
        ("beacon ± 50 %, 30 % missed: gate", "≥ 75 %", _percent(gates["5 min ± 50 %, 30 % missed"]),
         gates["5 min ± 50 %, 30 % missed"] >= 0.75),
        ("beacon ± 20 and ± 50 %, half of them named: incident at 1/day/1,000", "≥ 60 %", _percent(medium),
         medium >= 0.6),
        ("password hop to 5 new hosts", "≥ 60 %", f"{_percent(opened(hops))} of {len(hops)}", opened(hops) >= 0.6),
        ("drip and poisoning ramps ≥ ×16 by their end", "≥ 90 %", f"{_percent(opened(ramps))} of {len(ramps)}",
         bool(ramps) and opened(ramps) >= 0.9),
        ("page tier, false a day and 1,000", "≤ .1", f"{pages:.2f}", pages <= 0.1),
        ("benign novelties with an incident", "≤ 2 of 20", f"{wrong} of {len(results.novelties)}",
         bool(results.novelties) and wrong <= 0.1 * len(results.novelties)),
        *_more_bars(results, asked),
    ]  # fmt: skip
    return _table(("bar", "asked", "measured", "met"), [(*row[:3], "yes" if row[3] else "**no**") for row in body])


def _more_bars(results, asked):
    rows = []
    inside = _calibration_rows(results)
    good = all(row[-1] == "yes" for row in inside if row[-1] != "–") and bool(inside)
    worst = ", ".join(f"{row[0]} {row[1]}: {row[2]}" for row in inside if row[-1] == "no") or "all"
    rows.append(
        (
            f"calibration ratio over {results.host_hours:,} host-hours",
            "[.5, 2]",
            f"outside: {worst}" if not good else "all inside",
            good,
        )
    )
    rows += _triage_rows(results)
    names = baselines(results)
    if names:
        fewest = min(beaten(results, name)[0] for name in names)
        of = beaten(results, names[0])[2]
        calls = [one for one in results.outcomes if one.family == "beacon"]
        rita = (recall(calls, results, 1.0, name) for name in names if name.startswith("RITA"))
        worse = recall(calls, results, 1.0) < max(rita, default=0.0)
        said = f"better on ≥ {fewest} of {of}; {'worse' if worse else 'not worse'}"
        rows.append(("against every baseline; RITA's formula on beacons", "≥ 8 of 12; never worse", said,
                     fewest >= 8 and not worse))  # fmt: skip
    broken = sum(one.floor_broken for one in results.said)
    rows.append(("p below its pool's floor", "never", str(broken), broken == 0))
    if results.artefact:
        native, injected = results.artefact
        ratio = injected / native if native else math.nan
        rows.append(("artefact test: cases on devices whose day was drawn anew against native", "±20 %",
                     f"{injected} against {native}", native > 0 and abs(ratio - 1) <= 0.2))  # fmt: skip
    if results.decoy:
        (alone, _), (noise, total), (scans, of) = results.decoy
        good = alone is not None and noise is not None and noise - alone <= 10
        said = f"{alone} → {noise} of {total}; behind 50 scanners, which are attacks themselves: {scans} of {of}"
        rows.append(("decoy flood, 50 noisy devices hide an upload: its place", "drops ≤ 10", said, good))
    if "half" in asked:
        quiet, found = asked["half"]
        hits = sum(hit for *_, hit in found)
        rows.append(("M57's second half after its first (**real**): incidents; loud attacks found in it",
                     "0; ≥ 8 of 10",
                     f"{len(quiet)}; {hits} of {len(found)}", not quiet and hits >= 8))  # fmt: skip
    if "speed" in asked:
        flows, cpu, _, peak, code = asked["speed"]
        rows.append((f"`replay` of a conn.log of {flows:,} rows (**real** rows): flows a CPU second; peak memory",
                     "≥ 50,000; ≤ 1 GiB", f"{flows / cpu:,.0f}; {peak:,.0f} MiB",
                     code == 0 and flows / cpu >= 50_000 and peak <= 1_024))  # fmt: skip
    if "flood" in asked:
        one = asked["flood"]
        memory = one["rss_mib"]
        grown = memory[-1] / memory[1] - 1 if len(memory) > 2 else math.nan
        what = f"flood of {one['sources']:,} spoofed sources: memory after 200,000 of them; devices kept; scan under it"
        said = (
            f"{grown:+.1%} ({memory[0]:,.0f} → {memory[-1]:,.0f} MiB); {'all' if one['kept'] else 'not all'}; "
            f"{'found' if one['found'] else 'missed'}"
        )
        rows.append((what, "± 5 %; all; found", said, abs(grown) <= 0.05 and one["kept"] and one["found"]))
    return rows


def _triage_rows(results):
    """Say whether each site's incidents are within what its size allows."""
    rows, over = [], []
    for name, size in results.plan.sites.items():
        count = sum(one.site == name and one.tier != "digest" for one in results.said)
        allowed = ceiling(size, 1.0) * results.plan.test
        if size >= LARGE_SITE:
            low, high = _poisson(allowed)
            what = f"triage volume of a site of {size:,} over {results.plan.test} days"
            rows.append((what, f"{low} to {high} (Poisson 95 %)", str(count), low <= count <= high))
        elif count > allowed:
            over.append(name)
    small = sum(size < LARGE_SITE for size in results.plan.sites.values())
    said = f"over it: {', '.join(over)}" if over else f"all {small} within"
    return [*rows, ("triage volume of smaller sites", "≤ the ceiling", said, not over)]


def _poisson(mean):
    """Return the 95 % interval of a Poisson count."""
    terms, total = [], 0.0
    for k in range(int(mean + 12 * math.sqrt(mean) + 12)):
        total += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        terms.append(total)
    return next(k for k, t in enumerate(terms) if t > 0.025), next(k for k, t in enumerate(terms) if t >= 0.975)


def _share(some, test):
    return float(np.mean([test(one) for one in some])) if some else math.nan


def _recall(results):
    body = []
    for (family, intensity), some in families(results).items():
        seconds = [one.seconds / 60 for one in some if not math.isnan(one.seconds)]
        median, p90 = np.quantile(seconds, [0.5, 0.9]) if seconds else (math.nan, math.nan)
        body.append((
            family, intensity, len(some), _percent(opened(some)),
            *(_percent(recall(some, results, rate)) for rate in RATES),
            "–" if math.isnan(median) else f"{median:.0f} / {p90:.0f}",
            ", ".join(sorted({name for one in some for name in one.detectors if one.tier != "digest"})) or "–",
        ))  # fmt: skip
    head = (
        "family",
        "intensity",
        "draws",
        "incident",
        "at .5",
        "at 1",
        "at 5",
        "minutes to detect, median / p90",
        "by",
    )
    return "Recall per incident at so many false ones a day and 1,000 devices (simulated):\n\n" + _table(head, body)


def _baselines(results):
    names = baselines(results)
    body = [
        (family, _percent(recall(some, results, 1.0)), *(_percent(recall(some, results, 1.0, name)) for name in names))
        for family, some in by_family(results).items()
    ]
    wins = []
    for name in names:
        won, same, of = beaten(results, name)
        wins.append(f"{won}/{same}/{of - won - same}")
    body.append(("better / equal / worse than it", "", *wins))
    return (
        "Against the baselines, recall at 1 false alarm a day and 1,000 devices (simulated; the baselines' alarms are "
        "device-days):\n\n" + _table(("family", "Spanline", *names), body)
    )


def _calibration_rows(results):
    rows = []
    for (name, alpha), (below, tried) in sorted(results.calibration.items()):
        if tried * alpha < 20:
            continue
        ratio = below / (tried * alpha)
        rows.append((name, f"{alpha:g}", f"{ratio:.2f}", f"{tried:,}", "yes" if 0.5 <= ratio <= 2 else "no"))
    return rows


def _quiet(results):
    mean, low, high = false_a_day(results)
    body = []
    for name, size in results.plan.sites.items():
        count = sum(one.site == name and one.tier != "digest" for one in results.said)
        allowed = ceiling(size, 1.0) * results.plan.test
        if size >= 200 or count:
            body.append((name, f"{size:,}", count, f"{allowed:.0f}", "yes" if count <= allowed else "no"))
    rows = _calibration_rows(results)
    said = (
        f"False incidents on quiet days (simulated): {mean:.2f} a day and 1,000 devices, 95 % interval {low:.2f} to "
        f"{high:.2f} (bootstrap of blocks of {BLOCK_DAYS} days, {len(results.by_day)} days). By what opened them: "
        f"{_openers(results)}."
    )
    return "\n\n".join([
        said,
        _table(("site", "devices", "incidents", "ceiling", "within"), body),
        "Calibration, p at or below alpha over expected, statistics with at least 20 expected (simulated):\n\n"
        + _table(("statistic", "alpha", "ratio", "p", "inside [.5, 2]"), rows),
    ])  # fmt: skip


def _openers(results):
    counts = {}
    for one in results.said:
        if one.tier != "digest":
            key = ", ".join(one.detectors) or one.family
            counts[key] = counts.get(key, 0) + 1
    return "; ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1])) or "none"


def _rest(results, asked):
    parts = []
    if results.novelties:
        body = [(kind, site, "; ".join(titles) or "none") for kind, site, titles in results.novelties]
        parts.append("Benign novelties (simulated):\n\n" + _table(("novelty", "site", "incidents"), body))
    if "half" in asked:
        found = ", ".join(
            f"{family} {intensity}{'' if hit else ' (missed)'}" for family, intensity, hit in asked["half"][1]
        )
        parts.append(f"M57's second half (real): {found}.")
    if results.errors:
        parts.append(
            "Copies that failed:\n\n" + "\n".join(f"- {text.strip().splitlines()[-1]}" for text in results.errors)
        )
    return "\n\n".join(parts)


def plots(results, folder):
    """Write the figures; each says what its background is."""
    folder = Path(folder)
    shown = [
        (f"{family}, {intensity}", recall(some, results, 1.0))
        for (family, intensity), some in families(results).items()
    ]
    for number, at in enumerate(range(0, len(shown), 20), 1):
        _write(
            folder / f"recall-{number}.svg", bars(shown[at : at + 20], "recall at 1/day/1,000, simulated background")
        )
    days = sorted(results.by_day)
    points = [
        (
            START + day * DAY_NS,
            sum(one.day == day and one.tier != "digest" for one in results.said) / results.by_day[day] * 1_000,
        )
        for day in days
    ]
    _write(folder / "quiet-days.svg", lines([Series("false incidents", points)], "a day and 1,000 devices, simulated"))
    versus = [(name, float(np.mean([recall(some, results, 1.0, name) for some in by_family(results).values()])))
              for name in ("program", *baselines(results))]  # fmt: skip
    _write(folder / "baselines.svg", bars(versus, "mean recall over families at 1/day/1,000, simulated"))


def _write(path, drawing):
    if drawing:
        head = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        path.write_text(head.replace(">", ">" + _STYLE, 1), encoding="utf-8")
