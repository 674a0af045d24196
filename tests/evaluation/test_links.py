"""Accounts and addresses found in real captures against the links that are known of them (OTRF's recordings)."""

import json
import zipfile

import pytest

from tests.cli.runs import spanline


@pytest.fixture(scope="module")
def cases(data_dir):
    folder = data_dir / "identity"
    return folder, json.loads((folder / "otrf-pairs" / "expected_links.json").read_text())


def found(monkeypatch, capsys, tmp_path, archive, *options):
    """Replay a zipped capture; return {(user, address)} of every link."""
    with zipfile.ZipFile(archive) as held:
        held.extractall(tmp_path / "in")
    spanline(monkeypatch, capsys, "replay", tmp_path / "in", "--state", tmp_path / "state", "--fresh", *options)
    accounts = json.loads(spanline(monkeypatch, capsys, "accounts", "--state", tmp_path / "state", "--json")[1])
    return {
        (one["name"].partition("@")[0], link["address"]) for one in accounts for link in one["links"] if link["address"]
    }


@pytest.mark.parametrize("options", [(), ("--ignore-checksums",)])
def test_every_link_that_a_capture_shows_is_found_and_no_other(monkeypatch, capsys, tmp_path, cases, options):
    """By the command line, with the packets that a NIC's offload spoiled and without."""
    folder, expected = cases
    for number, one in enumerate(expected):
        shown = found(monkeypatch, capsys, tmp_path / str(number), folder / one["record_file"], *options)
        assert {(link["account"], link["ip"]) for link in one["expected"]["account_ip_links"]} == shown
