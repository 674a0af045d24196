"""The configuration: defaults, checks, errors that help."""

import pytest

from sensor import config
from sensor.config import Secret
from sensor.errors import ConfigError

FULL = """
site = "SYD"
state = "/var/lib/spanline"
local_networks = ["10.10.0.0/16"]
egress = ["203.0.113.10"]
timezone = "Australia/Sydney"
[budget]
incidents_per_day_per_1000 = 2
[tenants.example]
domains = ["example.com.au"]
sites = ["SYD", "PER"]
[archive]
keep_days = 30
[sites.PER]
local_networks = ["10.20.0.0/16"]
[sources.logs]
type = "zeek"
path = "/opt/zeek/logs/current"
[metrics]
listen = "127.0.0.1:9999"
"""


def load(tmp_path, text, **options):
    (tmp_path / "site.toml").write_text(text)
    return config.load(tmp_path / "site.toml", **options)


def test_log_odds_of_sequences_may_be_others(tmp_path):
    """Named as the program names them, and within what one evidence may weigh."""
    assert {"mass_access": 3.0} == load(tmp_path, "[sequences]\nmass_access = 3.0\n").sequences
    for wrong, told in (("mas_access = 3", "mass_access"), ("mass_access = 99", "from 0 to 60")):
        with pytest.raises(ConfigError, match=told):
            load(tmp_path, f"[sequences]\n{wrong}\n")


def test_a_whole_configuration_is_typed(tmp_path):
    """Values arrive where they belong, the rest is the default."""
    one = load(tmp_path, FULL)

    assert ("SYD", 2.0, 30, 200_000_000_000) == (
        one.site, one.budget.incidents_per_day_per_1000, one.archive.keep_days, one.archive.limit_bytes,
    )  # fmt: skip
    assert {"SYD": ("10.10.0.0/16",), "PER": ("10.20.0.0/16",)} == one.networks()
    assert ("zeek", {"path": "/opt/zeek/logs/current"}) == (one.sources["logs"].type, one.sources["logs"].options)
    assert config.default() == load(tmp_path, "")


OIDC = """[console.oidc]
issuer = 'https://login.example'
client_id = 'c'
client_secret = { file = '/x' }
roles = { g = 'viewer' }
"""


SITE_KEY = "ed25519:" + "a5" * 32


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('stat = "x"', r"top level: unknown key 'stat'; did you mean 'state'"),
        ("[budget]\nincidents = 1", r"\[budget\]: unknown key 'incidents'; did you mean 'incidents_per_day_per_1000'"),
        (
            "[sites.PER]\nlocal_network = []",
            r"\[sites.PER\]: unknown key 'local_network'; did you mean 'local_networks'",
        ),
        ('[sources.a]\ntype = "zek"\npath = "x"', r"\[sources.a\] type = 'zek': no such source.*did you mean 'zeek'"),
        ('[sources.a]\ntype = "zeek"\npaht = "x"', r"\[sources.a\]: unknown key 'paht'; did you mean 'path'"),
        ('[sources.a]\ntype = "zeek"', r"\[sources.a\] needs path"),
        ('[sources.a]\npath = "x"', r"\[sources.a\] needs type"),
        ('[sources.a]\ntype = "pcap"\npath = "x"\nthreads = "2"', r"\[sources.a\] threads must be of type int"),
        ('[sinks.a]\ntype = "webhok"', r"\[sinks.a\] type = 'webhok': no such sink.*did you mean 'webhook'"),
        ('[sinks.a]\ntype = "jsonl"\npaht = "x"', r"\[sinks.a\]: unknown key 'paht'; did you mean 'path'"),
        ('[sinks.a]\ntype = "jsonl"', r"\[sinks.a\] needs path"),
        ('[sinks.a]\ntype = "jsonl"\npath = "x"\nmin_tier = "red"', r"\[sinks.a\] Invalid enum value 'red'"),
        ('[sinks.a]\ntype = "webhook"\nurl = "http://h.example/x"', r"\[sinks.a\] url = .*plain HTTP is for loopback"),
        (
            '[sinks.a]\ntype = "webhook"\ntoken = "s3cret"',
            r"\[sinks.a\] Expected `object.*`, got `str` - at `\$.token`",
        ),
        ("local_networks = ['office']", r"local_networks: 'office'"),
        ("[sites.PER]\negress = ['x']", r"\[sites.PER\] egress"),
        ("[sites.PER]\nbundle_keys = ['x25519:" + "a" * 64 + "']", r"\[sites.PER\] bundle_keys: .*no key that signs"),
        (
            f"[sites.PER]\nbundle_keys = ['{SITE_KEY}']\n[sites.SYD]\nbundle_keys = ['{SITE_KEY}']",
            r"\[sites.SYD\] bundle_keys: .* is a key of site 'PER' too",
        ),
        ("timezone = 'Sydney'", r"no IANA time zone"),
        ("site = 'a=b'", r"site name 'a=b'"),
        (
            "[tenants.t]\nsites = ['PERT']\n[sites.PER]",
            r"\[tenants.t\] sites: there is no site 'PERT'; did you mean 'PER'",
        ),
        ("[budget]\nincidents_per_day_per_1000 = 0", r"must be above 0"),
        ("[sources.n]\ntype = 'netflow'\nlisten = '0.0.0.0:2055'", r"\[sources.n\].*off loopback, where anybody may"),
        ("[metrics]\nlisten = '0.0.0.0:9477'", r"\[metrics\].*off loopback"),
        ("[console]\nlisten = '8477'", r"\[console\].*expected address:port"),
        ("[console]\nlisten = '0.0.0.0:8477'", r"\[console\].*off loopback, which needs TLS"),
        ("[console]\ncert = 'a.pem'", r"\[console\] needs cert and key together"),
        ("[console]\nurl = 'http://console.example'", r"\[console\] url.*expected https"),
        ("[console.oidc]\nissuer = 'https://x'\nclient_id = 'c'", r"\[console\].*client_secret"),
        (OIDC.replace("https", "http"), r"issuer = .*expected https"),
        (OIDC.replace("file = '/x'", ""), r"client_secret: expected"),
        (OIDC.replace("'viewer'", "'king'"), r"roles: g = 'king'.*'king' is no role"),
        (OIDC.replace("roles = { g = 'viewer' }", ""), r"needs roles"),
        (OIDC + "grps = 'x'", r"\[console\].*grps"),
        ("[metrics]\nlisten = 'host:1'", r"is no address"),
        ("site = 3", r"Expected `str`"),
        ("budget = 3", r"\[budget\] must be a table"),
        ("site = ", r"not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(tmp_path, text, told):
    """Table, key, and the closest valid name."""
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, text)


def test_replay_leaves_edges_unread(tmp_path):
    """Sources and sinks of a later release do not stop a replay."""
    text = FULL + '[sinks.x]\ntype = "pager"\n[responses.y]\ntype = "entra"\n'

    assert {} == load(tmp_path, text, edges=False).sinks
    with pytest.raises(ConfigError, match="pager"):
        load(tmp_path, text)


def test_a_sink_is_held_with_its_defaults_and_where_its_secrets_are(tmp_path):
    """As `check` shows it: a secret's place, never its text; what is absent is left out."""
    one = load(tmp_path, '[sinks.x]\ntype = "webhook"\nurl = "https://h.example/x"\ntoken = { env = "T" }\n').sinks["x"]

    assert ("webhook", "https://h.example/x", {"env": "T"}, "triage", False) == (
        one.type, *(one.options[key] for key in ("url", "token", "min_tier", "plain_http")),
    )  # fmt: skip
    assert not {"proxy", "secret"} & one.options.keys()


def test_a_missing_file_is_named(tmp_path):
    """The path and the reason."""
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read: No such file"):
        config.load(tmp_path / "none.toml")


def test_secrets_are_read_where_they_are_and_never_shown(tmp_path, monkeypatch):
    """From the environment or a file; a missing one is a configuration error without its text."""
    monkeypatch.setenv("SPANLINE_TEST_SECRET", "hush")
    (tmp_path / "s").write_text("quiet\n")

    assert ["hush", "quiet"] == [Secret(env="SPANLINE_TEST_SECRET").read(), Secret(file=str(tmp_path / "s")).read()]
    for wrong in (Secret(env="SPANLINE_NO_SUCH"), Secret(file=str(tmp_path / "none"))):
        with pytest.raises(ConfigError, match="secret: "):
            wrong.read()


def test_loopback_is_taken_in_every_spelling():
    """IPv4, IPv6 and localhost."""
    assert [("127.0.0.1", 1), ("::1", 2), ("127.0.0.1", 3), ("127.9.9.9", 4)] == [
        config.loopback("metrics", text) for text in ("127.0.0.1:1", "[::1]:2", "localhost:3", "127.9.9.9:4")
    ]


def test_the_effective_configuration_shows_every_default(tmp_path):
    """All keys, and components flat as they are written."""
    shown = config.effective(load(tmp_path, FULL))

    assert {"type": "zeek", "path": "/opt/zeek/logs/current"} == shown["sources"]["logs"]
    assert ("127.0.0.1:8477", 30) == (shown["console"]["listen"], shown["archive"]["keep_days"])


def test_a_console_signs_in_by_a_provider(tmp_path):
    """Who may do what is said here, per group, at one site or at all."""
    path = tmp_path / "c.toml"
    path.write_text(OIDC.replace("{ g = 'viewer' }", "{ soc = 'responder', syd = 'analyst@SYD' }"))
    found = config.load(path).console
    assert ("127.0.0.1:8477", {"soc": "responder", "syd": "analyst@SYD"}) == (found.listen, found.oidc.roles)


def test_a_console_may_listen_elsewhere_by_tls(tmp_path):
    """Or on another port of loopback."""
    made = config.build({"console": {"listen": "0.0.0.0:8477", "cert": "a.pem", "key": "a.key"}})
    assert "127.0.0.1:9" == config.with_console(made, "127.0.0.1:9").console.listen
    with pytest.raises(ConfigError, match="off loopback"):
        config.with_console(config.default(), "0.0.0.0:1")
