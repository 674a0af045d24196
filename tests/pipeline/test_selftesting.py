"""The shipped cases: complete, honest about where they come from, and passing; what fails is said."""

import importlib.util
import sys

import pytest

from sensor import registry
from sensor.cli.samples import samples_dir
from sensor.errors import ConfigError
from sensor.model.evidence import Entity, Evidence
from sensor.pipeline.selftesting import Case, judge, levels, load_cases, run_cases

SIZE_MAX = 1_500_000


def case(**fields):
    """One case in memory."""
    given = {"name": "c", "shows": "s", "kind": "crafted", "made": "m", "inputs": ("x",)}
    return Case(**{**given, **fields})


def evidence(detector):
    """One row of a detector."""
    return Evidence(
        id=f"EV-{detector}", ts="t", site="local", entity=Entity(kind="site", id="local"), detector=detector,
        family="scan", source="network", observed=1.0, expected=None, range=None, reference="own", reference_n=1, p=0.5,
        db=0.0, text="",
    )  # fmt: skip


def test_every_detector_has_a_case():
    """None is left out: what is found by name must be shown to fire."""
    expected = {name for one in load_cases(samples_dir()) for name in one.expect}
    found = {
        name for name in registry.names("sensor.detectors")
        if hasattr(registry.load("sensor.detectors", name), "detector")
    }  # fmt: skip
    assert set() == found - expected
    assert {"sequence"} == expected - found  # made of others' evidence by the incidents


def test_half_of_the_cases_are_captures_and_some_are_clean():
    """A detector that fires at everything would pass without clean traffic."""
    cases = load_cases(samples_dir())
    captured = [one for one in cases if one.kind == "captured"]
    assert 2 * len(captured) >= len(cases)
    assert sum(not one.expect for one in captured) >= 5
    assert len({one.name for one in cases}) == len(cases)


def test_what_is_shipped_is_small_and_used():
    """The wheel carries it: no file without a case."""
    folder = samples_dir() / "selftest"
    files = {f"selftest/{path.name}" for path in folder.glob("*.gz")}
    used = {name for one in load_cases(samples_dir()) for name in (*one.inputs, *one.history)}
    assert set() == files - used
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < SIZE_MAX


def test_crafted_inputs_are_what_the_script_writes(tmp_path, monkeypatch):
    """Byte by byte."""
    folder = samples_dir() / "selftest"
    monkeypatch.syspath_prepend(str(folder))
    made = importlib.import_module("make")
    monkeypatch.setattr(made, "FOLDER", tmp_path)
    made.main()
    for name in ("make", "identity", "rows", "packed"):
        sys.modules.pop(name)

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {name: (folder / name).read_bytes() for name in written}
    assert {path.name for path in folder.glob("*.jsonl.gz")} == set(written)


def test_all_cases_pass():
    """Every detector tells of its own, and clean traffic is silent."""
    outcomes = run_cases(load_cases(samples_dir()), samples_dir())
    assert [] == [one for one in outcomes if not one.ok]


def test_too_little_too_much_and_unread_inputs_fail():
    """A detector below its level, one that was not named, a file that is not read whole."""
    expecting = case(expect={"scan": "incident"}, may=("dga",))
    assert judge(expecting, {"scan": "incident", "dga": "incident", "unusual": "listed"}, None, 1.0).ok
    assert ("scan",) == judge(expecting, {"scan": "digest"}, None, 1.0).missing
    assert ("tor",) == judge(expecting, {"scan": "incident", "tor": "digest"}, None, 1.0).unexpected
    assert not judge(case(), {}, "x: cannot be read", 1.0).ok
    assert judge(case(), {"tor": "listed"}, None, 1.0).ok


def test_an_input_that_cannot_be_read_fails_its_case(tmp_path):
    """It is told, and the others go on."""
    (tmp_path / "x").write_bytes(b"nothing that anybody reads\n")
    (one,) = run_cases([case()], tmp_path)
    assert "not recognised" in (one.error or "")


def test_levels_are_the_furthest_that_a_detector_came():
    """Of listed, digest and incident."""

    class Answer:
        unusual = (evidence("scan"), evidence("unusual"))
        digest = ()
        incidents = (type("I", (), {"evidence": (evidence("scan"),)}),)

    assert {"scan": "incident", "unusual": "listed", "dga": "listed"} == levels(Answer(), [evidence("dga")])


@pytest.mark.parametrize(
    "text", ["", "[[case]]\nname = 1\n", '[[case]]\nname="a"\nshows=""\nkind="x"\nmade=""\ninputs=[]']
)
def test_a_damaged_manifest_is_told(tmp_path, text):
    """As the installation that it means."""
    (tmp_path / "selftest").mkdir()
    (tmp_path / "selftest" / "cases.toml").write_text(text)
    with pytest.raises(ConfigError, match="reinstall"):
        load_cases(tmp_path)
