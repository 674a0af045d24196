"""Made stories (pcaps/make_story.py): told into a folder, replayed in two parts by the command line, and judged.

The parts are cut by the time of the events, three quarters of an hour after the intruder's first success: what the
state knows then is what somebody on shift could have known. Run by hand, `python -m tests.evaluation.stories FOLDER
[words of make_story.py]` prints what is not as it should be.
"""

import gzip
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KNOWN_S = 45 * 60
"""A contradiction is known within 30 minutes of traffic on both sides, and a record may be some minutes late."""
LEARNED_DAYS = 4
"""A strong link needs three days; verdicts before are not held against truth."""
PROGRAM = "import sys; from sensor.cli.main import main; sys.exit(main())"


@dataclass
class Told:
    """One story and what the program made of it."""

    truth: dict
    early: list[dict] = field(default_factory=list)
    """Page and triage incidents right after the first success."""
    incidents: list[dict] = field(default_factory=list)
    """Page and triage incidents at the end."""
    digest: list[dict] = field(default_factory=list)
    signins: list[dict] = field(default_factory=list)
    replay: dict = field(default_factory=dict)

    @property
    def account(self) -> str:
        return self.truth["attack"]["account"]

    def of_account(self, incidents: list[dict]) -> list[dict]:
        return [one for one in incidents if any(party["name"] == self.account for party in one["entities"])]

    def others(self) -> list[dict]:
        return [one for one in self.incidents if one not in self.of_account(self.incidents)]


def spanline(*words: object) -> str:
    """Run the program in a process of its own; return what it printed."""
    command = [sys.executable, "-c", PROGRAM, *(str(word) for word in words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 3}, f"spanline {' '.join(command[3:])}: {done.stderr[-2000:]}"
    return done.stdout


def tell(folder: Path, *words: object) -> Told:
    """Make a story, replay its two parts, and collect what the program says.

    Args:
        folder: An empty folder.
        words: Options of make_story.py.
    """
    whole = folder / "whole"
    script = [sys.executable, str(ROOT / "pcaps" / "make_story.py"), str(whole), *(str(word) for word in words)]
    subprocess.run(script, check=True, capture_output=True)
    told = Told(json.loads((whole / "truth.json").read_text()))
    first = next(step["ts"] for step in told.truth["attack"]["steps"] if step["what"] == "accepted prompt")
    cut(whole, folder / "early", folder / "late", first + KNOWN_S)
    state, config = folder / "state", whole / "site.toml"
    spanline("replay", "--fresh", "--state", state, "--config", config, "--json", *inputs(folder / "early"))
    told.early = json.loads(spanline("incidents", "--state", state, "--json"))
    told.replay = json.loads(
        spanline("replay", "--state", state, "--config", config, "--json", *inputs(folder / "late"))
    )
    told.incidents = json.loads(spanline("incidents", "--state", state, "--json"))
    every = json.loads(spanline("incidents", "--state", state, "--json", "--digest"))
    told.digest = [one for one in every if one["tier"] == "digest"]
    told.signins = json.loads(spanline("signins", "--state", state, "--json"))
    return told


def inputs(folder: Path) -> list[str]:
    """Return each site's logs with its name, and the identity logs, which are of the first site's process."""
    sites = [path for path in sorted(folder.iterdir()) if path.name != "identity"]
    return [*(f"{path.name}={path}" for path in sites), str(folder / "identity")]


def cut(whole: Path, early: Path, late: Path, ts: float) -> None:
    """Split every log of a story into what happened before a time and the rest."""
    for path in sorted(whole.glob("*/*.gz")):
        with gzip.open(path, "rt") as lines:
            held = list(lines)
        head = [line for line in held if line.startswith("#")]
        parts: tuple[list[str], list[str]] = ([], [])
        for line in held[len(head) :]:
            parts[when(path.name, line) >= ts].append(line)
        for folder, rows in zip((early, late), parts, strict=True):
            if rows:
                out = folder / path.parent.name / path.name
                out.parent.mkdir(parents=True, exist_ok=True)
                with gzip.open(out, "wt", compresslevel=1) as written:
                    written.writelines([*head, *rows])


def when(name: str, line: str) -> float:
    """Return the time of a line's event, by the log it is of."""
    if name.startswith("globalprotect"):
        return datetime.strptime(line.split(",")[1], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    if not line.startswith("{"):
        return float(line.partition("\t")[0])
    record = json.loads(line)
    text = next(
        record[key] for key in ("createdDateTime", "activityDateTime", "CreationTime", "published") if key in record
    )
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp()


def seconds(text: str) -> float:
    """Return the time that the program wrote, in s."""
    return datetime.fromisoformat(text).timestamp()


def wrong_incident(told: Told) -> list[str]:
    """Say what is wrong with the attack's incident at the end."""
    found = told.of_account(told.incidents)
    if len(found) != 1:
        return [
            f"{len(found)} incidents of {told.account}: {[(one['id'], one['tier'], one['title']) for one in found]}"
        ]
    (one,) = found
    attack, wrong = told.truth["attack"], []
    delay = seconds(one["opened"]) - attack["begins"]
    if not 0 <= delay <= 900:
        wrong.append(f"opened {delay / 60:.1f} minutes after the first denied prompt")
    if one["tier"] != "page":
        wrong.append(f"tier {one['tier']} at {one['score_db']:.1f} dB")
    if not any(item["source"] == "network" for item in one["evidence"]):
        wrong.append("nothing from the network contradicts the sign-ins")
    verbs = {action["verb"] for action in one["actions"]}
    wrong += [f"does not propose {verb}" for verb in attack["actions"] if verb not in verbs]
    return wrong + missing_steps(told, one)


TOLD_BY = {
    "denied prompt": ("pressure",),
    "accepted prompt": ("place", "corroboration"),
    "sign-in": ("place", "corroboration"),
    "files": ("files",),
    "mail folders": ("mailbox",),
    "attachment changed": ("mailbox", "files"),
    "rule": ("hides", "forwards"),
}
"""Families of the evidence that tells a step."""


def missing_steps(told: Told, incident: dict) -> list[str]:
    """Say which steps its timeline does not tell: at the step's time, of its kind, with its address."""
    family = {row["id"]: row["family"] for row in [*incident["evidence"], *incident["context"]]}
    lines = [one for one in incident["timeline"] if one["evidence"]]
    attack, wrong = told.truth["attack"], []
    for step in attack["steps"]:
        near = [one for one in lines if -1800 <= seconds(one["ts"]) - step["ts"] <= 3600 and step["ip"] in one["text"]]
        seen = sorted({family.get(one["evidence"], "?") for one in near})
        if not set(seen) & set(TOLD_BY[step["what"]]):
            wrong.append(
                f"day {step['day']} {step['what']} from {step['ip']} ({step['country']}) is not told, but {seen}"
            )
    texts = " ".join(one["text"] for one in lines)
    wrong += [] if f'"{attack["rule"]}"' in texts else ["no text names the rule"]
    wrong += [] if attack["laptop"] in texts else [f"no text names {attack['laptop']}"]
    return wrong


def wrong_early(told: Told) -> list[str]:
    """Say what is wrong three quarters of an hour after the first success."""
    found = told.of_account(told.early)
    if len(found) != 1:
        return [f"{len(found)} incidents of {told.account} on day 0"]
    (one,) = found
    wrong = [] if one["tier"] == "page" else [f"day 0: tier {one['tier']} at {one['score_db']:.1f} dB"]
    at_the_end = {item["id"] for item in told.of_account(told.incidents)}
    return wrong + ([] if one["id"] in at_the_end else ["the incident of day 0 is another at the end"])


def wrong_elsewhere(told: Told) -> list[str]:
    """Say which incidents there are besides the attack's: no page and one triage are allowed in all the weeks."""
    others = told.others()
    pages = [one for one in others if one["tier"] == "page"]
    triage = [one for one in others if one["tier"] == "triage"]
    named = [
        f"{one['tier']} {one['id']} {one['score_db']:.1f} dB: {one['title']} ({scene_of(told, one)})" for one in others
    ]
    return named if pages or len(triage) > 1 else []


def scene_of(told: Told, incident: dict) -> str:
    """Name the planted scene that an incident is about."""
    names = {party["name"] for party in incident["entities"]}
    opened = seconds(incident["opened"])
    scenes = [
        scene["scene"]
        for scene in told.truth["scenes"]
        if names & {*scene["accounts"], *scene["laptops"]} and scene["from"] <= opened < scene["to"]
    ]
    return ", ".join(scenes) or "no scene"


def verdicts(told: Told) -> Counter[tuple[str, str, str]]:
    """Count sign-ins by (scene, what was expected, what was said), after the first days."""
    said = {raw: one for one in told.signins for raw in one["raw_ids"]}
    begins = told.truth["start"] + LEARNED_DAYS * 86_400
    found: Counter[tuple[str, str, str]] = Counter()
    for one in told.truth["signins"]:
        if one["ts"] >= begins:
            row = next((said[raw] for raw in one["raw_ids"] if raw in said), None)
            verdict = "missing" if row is None else row["corroboration"]
            found[one["scene"] or "everyday", "/".join(one["expected"]), verdict] += 1
    return found


def wrong_verdicts(told: Told) -> list[str]:
    """Say which bars of the verdicts are missed: coverage, those that are right, contradictions found and invented."""
    counted = verdicts(told)
    wrong = [f"missing: {key} × {n}" for key, n in counted.items() if key[2] == "missing"]
    wrong += [
        f"contradicted wrongly: {key} × {n}"
        for key, n in counted.items()
        if key[2] == "contradicted" and "contradicted" not in key[1]
    ]
    planted = sum(n for key, n in counted.items() if key[1] == "contradicted")
    found = sum(n for key, n in counted.items() if key[1] == key[2] == "contradicted")
    if found < 0.8 * planted:
        wrong.append(f"{found} of {planted} contradictions found")
    covered = sum(n for key, n in counted.items() if key[1] == "supported")
    judged = sum(n for key, n in counted.items() if key[1] == "supported" and key[2] != "unknown")
    right = sum(n for key, n in counted.items() if key[1] == key[2] == "supported")
    if judged < 0.9 * covered:
        wrong.append(f"{judged} of {covered} covered sign-ins are judged")
    if right < 0.99 * judged:
        wrong.append(f"{right} of {judged} judged sign-ins are right: {unlike(counted)}")
    return wrong


def unlike(counted: Counter[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    """Return what was said that was not expected."""
    return {key: n for key, n in counted.items() if key[2] not in key[1].split("/")}


def by_hand(folder: Path, words: list[str]) -> None:
    """Print everything that is not as it should be."""
    told = tell(folder, *words)
    for name, wrong in (
        ("day 0", wrong_early(told)), ("incident", wrong_incident(told)), ("elsewhere", wrong_elsewhere(told)),
        ("verdicts", wrong_verdicts(told)),
    ):  # fmt: skip
        print(f"{name}: {'as expected' if not wrong else ''}", *wrong, sep="\n  ")  # noqa: T201
    for key, count in sorted(verdicts(told).items()):
        print(*key, count, sep="\t")  # noqa: T201


if __name__ == "__main__":
    by_hand(Path(sys.argv[1]), sys.argv[2:])
