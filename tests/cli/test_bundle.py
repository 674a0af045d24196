"""`spanline bundle`: keys, export at a site, import at a hub, and what each says when it cannot."""

import json
import re

import pytest

from sensor.model.site_packet import Packet
from sensor.store.inbox import Inbox
from sensor.store.state import State
from tests.cli.runs import spanline


class Ends:
    """A site and a hub with their keys and configurations, and the folder between them."""

    def __init__(self, folder, run):
        self.folder, self.run = folder, run
        self.out = folder / "out"
        self.keys = {}
        for name, extra in (("SYD", []), ("PER", []), ("hub", ["--open"])):
            said = run("bundle", "keys", folder / f"{name}.key", *extra)
            assert 0 == said[0], said
            self.keys[name] = said[1].strip()
        self.site, self.hub = folder / "site.toml", folder / "hub.toml"
        self.configure()

    def configure(self, encrypt=False, key="SYD"):
        """Write both configurations."""
        self.site.write_text(
            f'site = "SYD"\nstate = "{self.folder}/site"\n[sinks.hub]\ntype = "site"\nfolder = "{self.out}"\n'
            f'sign_key = {{ file = "{self.folder}/{key}.key" }}\n'
            + (f'encrypt_to = "{self.keys["hub"]}"\n' if encrypt else "")
        )
        self.hub.write_text(
            f'site = "HUB"\nstate = "{self.folder}/hub"\n[sources.sites]\ntype = "site"\nfolder = "{self.out}"\n'
            f'open_keys = [{{ file = "{self.folder}/hub.key" }}]\n'
            f'[sites.SYD]\nbundle_keys = ["{self.keys["SYD"]}"]\n[sites.PER]\nbundle_keys = ["{self.keys["PER"]}"]\n'
        )

    def fill(self, count, first=1):
        """Give the site so much to tell."""
        with State(self.folder / "site", exclusive=True) as state, state._connection:
            state.spool.put([Packet("signals", k, k, f"{k}".encode()) for k in range(first, first + count)])

    def export(self, *args):
        """Export; return the code and what `--json` says."""
        code, out, err = self.run("bundle", "export", "--config", self.site, "--json", *args)
        return code, json.loads(out)["exported"] if out else err

    def take(self, *args):
        """Import; return the code and what `--json` says."""
        code, out, err = self.run("bundle", "import", "--config", self.hub, "--json", *args)
        return code, json.loads(out) if out else err

    def held(self):
        """Return the sequences that the hub has of SYD, in their order."""
        inbox = Inbox(self.folder / "hub")
        try:
            return [one.head.sequence for one in inbox.waiting("SYD", 0, 1000)]
        finally:
            inbox.close()


@pytest.fixture
def ends(monkeypatch, capsys, tmp_path):
    """Both ends."""
    return Ends(tmp_path, lambda *args: spanline(monkeypatch, capsys, *args))


@pytest.mark.parametrize("encrypt", [False, True], ids=["signed", "encrypted"])
def test_what_a_site_exports_a_hub_imports_once(ends, encrypt):
    """A folder at a time; a second time nothing is new; the files stay."""
    ends.configure(encrypt)
    ends.fill(5)
    code, exported = ends.export()
    assert (0, [(1, 5, 5, encrypt)]) == (
        code, [(one["first"], one["last"], one["envelopes"], one["is_encrypted"]) for one in exported],
    )  # fmt: skip
    first, second = ends.take(ends.out), ends.take(ends.out)

    assert [(0, "taken", 5), (0, "known", 0)] == [
        (code, said["files"][0]["outcome"], said["files"][0]["fresh"]) for code, said in (first, second)
    ]
    assert [1, 2, 3, 4, 5] == ends.held()
    assert 1 == len(list(ends.out.iterdir()))


def test_a_gap_is_reported_with_the_command_that_fills_it(ends):
    """Typed at the site as it is printed, it does."""
    for first in (1, 4, 7):
        ends.fill(3, first=first)
        ends.export()
    lost = sorted(ends.out.iterdir())[1]
    lost.unlink()
    code, said = ends.take(ends.out, "--fail-on", "gap")
    assert (3, [("SYD", 4, 6)]) == (code, [(one["site"], one["first"], one["last"]) for one in said["missing"]])
    code, _, err = ends.run("bundle", "import", "--config", ends.hub, ends.out)
    [told] = re.findall(r"SYD: 4–6 missing. At SYD: spanline (.*)", err)
    assert 0 == code
    ends.run(*told.replace("site.toml", str(ends.site)).split())
    code, said = ends.take(ends.out, "--fail-on", "gap")

    assert (0, []) == (code, said["missing"])
    assert [1, 2, 3, 7, 8, 9, 4, 5, 6] == ends.held()


def test_the_last_bundles_are_exported_again(ends):
    """With what is new; by itself where nothing is new."""
    ends.fill(2)
    ends.export()
    ends.fill(2, first=3)
    code, exported = ends.export("--repeat", 1)

    assert (0, [(1, 2, True), (3, 4, False)]) == (
        code, [(one["first"], one["last"], one["is_repeated"]) for one in exported],
    )  # fmt: skip
    assert (0, []) == ends.export()
    assert "nothing new" in ends.run("bundle", "export", "--config", ends.site)[2]


def test_a_bundle_of_another_s_key_is_refused(ends):
    """Exit 1; the others are taken."""
    ends.fill(2)
    ends.export()
    ends.configure(key="PER")
    ends.fill(2, first=3)
    ends.export()
    code, said = ends.take(ends.out)

    assert (1, {"taken", "refused"}) == (code, {one["outcome"] for one in said["files"]})
    assert [1, 2] == ends.held()
    assert "signed by the key of 'PER'" in ends.run("bundle", "import", "--config", ends.hub, ends.out)[2]


def test_a_look_takes_nothing(ends):
    """`--check` verifies; there is not even an inbox afterwards."""
    ends.fill(2)
    [one] = ends.export()[1]
    code, out, _ = ends.run("bundle", "import", "--config", ends.hub, "--check", one["path"])

    assert (0, True) == (code, "SYD 1–2, verified" in out)
    assert not (ends.folder / "hub").exists()


def test_a_damaged_and_a_cut_file_are_told_apart(ends):
    """One was changed, one may be being copied: both are exit 1, and nothing of them is taken."""
    ends.fill(2)
    [one] = ends.export()[1]
    whole = (ends.out / one["path"]).read_bytes()
    (ends.folder / "cut").write_bytes(whole[:-1])
    (ends.folder / "damaged").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, said = ends.take(ends.folder / "cut", ends.folder / "damaged")

    assert (1, ["incomplete", "refused"]) == (code, sorted(one["outcome"] for one in said["files"]))
    assert [] == ends.held()


def test_what_is_wrong_is_said_with_its_remedy(ends):
    """2 for usage and configuration, 4 for what is not there."""
    hub = ends.hub.read_text()
    code, _, err = ends.run("bundle", "export", "--config", ends.site)
    assert (4, True) == (code, "no state in" in err)
    ends.fill(2)
    assert (4, "spanline: there is no envelope 3: the last is 2\n") == ends.export("--from", 3)
    assert 2 == ends.export("--to", 3)[0]
    (ends.folder / "SYD.key").chmod(0o644)
    code, err = ends.export()
    assert (2, True) == (code, f"chmod 600 {ends.folder}/SYD.key" in err)
    assert (2, True) == ((said := ends.export("--key", ends.folder / "hub.key"))[0], "is no key that signs" in said[1])
    empty = ends.folder / "empty"
    empty.mkdir()
    assert (4, f"spanline: no bundle in {empty}\n") == ends.take(empty)
    ends.hub.write_text("\n".join(line for line in hub.splitlines() if "bundle_keys" not in line))
    assert (2, True) == ((said := ends.take(empty))[0], "lists no key of any site" in said[1])
    ends.site.write_text(f'site = "SYD"\nstate = "{ends.folder}/site"\n')
    assert (2, True) == ((said := ends.export())[0], "no hub is configured" in said[1])


def test_keys_are_made_shown_and_never_replaced(ends):
    """The public key alone is on stdout, for a script."""
    path = ends.folder / "SYD.key"
    assert (0, ends.keys["SYD"] + "\n") == ends.run("bundle", "keys", "--show", path)[:2]
    code, _, err = ends.run("bundle", "keys", path)
    assert (2, True) == (code, "never replaced" in err)
    assert 4 == ends.run("bundle", "keys", "--show", ends.folder / "none")[0]
    assert 4 == ends.run("bundle", "keys", ends.folder / "none" / "key")[0]
    code, out, _ = ends.run("bundle", "keys", "--json", ends.folder / "new.key")
    said = json.loads(out)

    assert (0, "ed25519", True) == (code, said["kind"], said["public"].startswith("ed25519:"))


def test_a_key_is_changed_without_a_gap(ends):
    """The hub lists both, the site takes the new one, the hub drops the old one."""
    ends.fill(2)
    ends.export()
    new = ends.run("bundle", "keys", ends.folder / "new.key")[1].strip()
    ends.hub.write_text(ends.hub.read_text().replace(ends.keys["SYD"], f'{ends.keys["SYD"]}", "{new}'))
    ends.site.write_text(ends.site.read_text().replace("SYD.key", "new.key"))
    ends.fill(2, first=3)
    ends.export()

    assert 0 == ends.take(ends.out)[0]
    assert [1, 2, 3, 4] == ends.held()


@pytest.mark.parametrize("command", [(), ("keys",), ("export",), ("import",)])
def test_help_has_an_example(ends, command):
    """On every command."""
    code, out, _ = ends.run("bundle", *command, "-h")

    assert (0, True) == (code, "Example" in out)
