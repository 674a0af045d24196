"""`spanline check`."""

import json
import tomllib

from sensor import config
from tests.cli.runs import spanline

TEXT = """
site = "SYD"
[tenants."example.com"]
domains = ["example.com.au"]
sites = ["SYD"]
[sources.zeek]
type = "zeek"
path = "/logs/x \\"y\\""
"""


def test_the_effective_configuration_is_toml_that_reads_back(monkeypatch, capsys, tmp_path):
    """What is printed means the same, defaults filled in."""
    (tmp_path / "a.toml").write_text(TEXT)
    code, out, _ = spanline(monkeypatch, capsys, "check", tmp_path / "a.toml")

    assert 0 == code
    assert config.build(tomllib.loads(out)) == config.load(tmp_path / "a.toml")
    shown = json.loads(spanline(monkeypatch, capsys, "check", tmp_path / "a.toml", "--json")[1])
    assert ("SYD", 90) == (shown["site"], shown["archive"]["keep_days"])


def test_a_wrong_configuration_is_exit_2_with_the_remedy(monkeypatch, capsys, tmp_path):
    """The key, its table and the closest valid one, on stderr."""
    (tmp_path / "a.toml").write_text("[budgt]\nx = 1\n")
    code, out, err = spanline(monkeypatch, capsys, "check", tmp_path / "a.toml")

    assert (2, "") == (code, out)
    assert "unknown key 'budgt'; did you mean 'budget'" in err
