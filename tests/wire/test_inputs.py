"""Inputs named on a command line or in a configuration."""

from sensor.wire.inputs import find_inputs, match_pattern


def test_folders_are_walked_sorted_and_sites_are_split_off(tmp_path):
    """Files of a folder come sorted, hidden ones not; SITE=PATH names the site; a missing file is passed on."""
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name in ("d/b.log", "d/a.log", "d/.hidden", "d/sub/c.log"):
        (tmp_path / name).write_text("x")
    found = find_inputs([f"PER={tmp_path / 'd'}", str(tmp_path / "none"), "-"], "SYD")

    assert [("a.log", "PER"), ("b.log", "PER"), ("c.log", "PER"), ("none", "SYD"), ("-", "SYD")] == [
        (path.rsplit("/", 1)[-1], site) for path, site in found
    ]


def test_a_file_with_an_equals_sign_is_itself(tmp_path, monkeypatch):
    """A file whose whole name exists is no SITE=PATH, nor is one with = behind a slash."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b.pcap").write_text("x")

    assert [("a=b.pcap", "local"), ("dt/x=1.log", "local")] == find_inputs(["a=b.pcap", "dt/x=1.log"], "local")


def test_patterns_are_expanded_sorted(tmp_path):
    """A shell pattern stands for its files; one that matches none for nothing."""
    for name in ("b.jsonl", "a.jsonl", "c.txt"):
        (tmp_path / name).write_text("x")

    assert ["a.jsonl", "b.jsonl"] == [path.rsplit("/", 1)[-1] for path, _ in match_pattern(f"{tmp_path}/*.jsonl", "S")]
    assert [] == match_pattern(f"{tmp_path}/*.none", "S")
