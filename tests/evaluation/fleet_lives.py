"""Sensors of several sites and their hub, as processes of `run` that are killed, and what must hold in the end.

Each site has the same addresses (`killing.Story`), so what is mixed shows. `hold` asks nothing of how envelopes came,
so it serves any transport.
"""

import contextlib
import socket
import time

from sensor.model.report import Told, decode
from sensor.store.inbox import META, Inbox, read_position
from sensor.store.spool import SpoolReader
from sensor.store.state import State
from sensor.wire.site_envelope import unpack
from tests.evaluation.killing import Story, life
from tests.wire.certificates import Authority


class Fleet:
    """Configurations and stories of a hub and its sites."""

    def __init__(self, folder, *names):
        self.folder, self.names, self.stories = folder, names, {}
        (folder / "keys").mkdir(parents=True)
        authority = Authority(folder / "keys")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        cert, key = authority.issue("hub")
        common = '[metrics]\nlisten = "127.0.0.1:0"\n[budget]\nincidents_per_day_per_1000 = 100000\n'
        self._write(
            "hub",
            f'site = "HUB"\nstate = "{folder}/hub/state"\n{common}' + "".join(f"[sites.{name}]\n" for name in names)
            + f'[sources.sites]\ntype = "site"\nlisten = "127.0.0.1:{port}"\ncert = "{cert}"\nkey = "{key}"\n'
            f'ca = "{authority.file}"\n',
        )  # fmt: skip
        for name in names:
            cert, key = authority.issue(name)
            self._write(
                name,
                f'site = "{name}"\nstate = "{folder}/{name}/state"\n{common}'
                f'[sources.zeek]\ntype = "zeek"\npath = "{folder}/{name}/conn.log"\n'
                f'[sources.idp]\ntype = "okta"\npath = "{folder}/{name}/okta.jsonl"\n'
                f'[sinks.hub]\ntype = "site"\nurl = "https://127.0.0.1:{port}"\nca_file = "{authority.file}"\n'
                f'cert = "{cert}"\nkey = "{key}"\n',
            )
            self.stories[name] = Story(folder / name)

    def _write(self, name, text):
        (self.folder / name).mkdir()
        self.config(name).write_text(text)

    def config(self, name):
        return self.folder / name / "config.toml"

    def state(self, name):
        return self.folder / name / "state"

    @contextlib.contextmanager
    def all(self, **how):
        """Run the hub and every site; `how` says at which place one dies: NAME=(place, number)."""
        with contextlib.ExitStack() as held:
            yield {
                name: held.enter_context(life(self.config(name), *how.get(name, ("never", 0))))
                for name in ("hub", *self.names)
            }  # fmt: skip

    def tell(self, rng):
        """Write a round of each site's story."""
        for parts in zip(*(story.parts() for story in self.stories.values()), strict=True):
            for story, part in zip(self.stories.values(), parts, strict=True):
                story.write(part)
            time.sleep(rng.uniform(0, 0.3))

    def is_told(self):
        """Tell whether every site has read its logs, and the hub has all that it told."""
        for name, story in self.stories.items():
            with State(self.state(name), readonly=True) as state:
                read = state._connection.execute("SELECT coalesce(sum(accepted), 0) FROM inputs").fetchone()[0]
            spool = SpoolReader(self.state(name), name, readonly=True)
            last = spool.bounds()[1]
            spool.close()
            if read != story.flows + story.signins or _position(self.state("hub")).sites.get(name, (0,))[0] < last:
                return False
        return True


def _position(folder):
    """Return what the state of a hub is made of."""
    if not (folder / "state.sqlite").exists():
        return read_position(None)
    with State(folder, readonly=True) as state:
        found = [text for text in state.metas(META).values() if text.startswith('{"inbox"')]
    return read_position(found[0] if found else None)


def hold(hub, sites):
    """Hold what a hub has against what its sites told, of whom it has heard everything.

    Args:
        hub: The folder of the hub's state.
        sites: Those of the sites, by name; their spools still hold everything.

    Returns:
        (envelopes, reports, findings) in all.
    """
    position, reports, evidence, told = _position(hub), 0, {}, 0
    inbox = Inbox(hub, durable=False)
    links = inbox.links()
    inbox.close()
    for name, folder in sites.items():
        spool = SpoolReader(folder, name, readonly=True)
        envelopes = spool.read(0, 1 << 30, 1 << 60)
        spool.close()
        assert [one.sequence for one in envelopes] == list(range(1, len(envelopes) + 1))
        handed, order = position.sites[name]
        assert (len(envelopes), len(envelopes), 0, []) == (handed, order.have, order.lost, order.missing)
        assert (0, 0, ()) == (links[name].waiting, links[name].lost, links[name].missing)
        told += handed
        for one in envelopes:
            found = decode(unpack(one), name)
            reports += len(found)
            evidence |= {it.finding.evidence.id: name for it in found if isinstance(it, Told)}
    with State(hub, readonly=True) as state:
        ask = lambda sql: state._connection.execute(sql).fetchone()  # noqa: E731
        counts = ask("SELECT sum(records), sum(accepted), sum(duplicates) FROM inputs WHERE format = 'site'")
        assert ((reports, reports, 0), reports) == (counts, position.reports)
        held = dict(state._connection.execute("SELECT id, site FROM evidence").fetchall())
        assert evidence == {key: site for key, site in held.items() if site in sites}
        assert set(sites) == {one.site for one in state.devices()} - {"HUB"}
    return told, reports, len(evidence)


def evidence_of(folder, site):
    """Return the ids of a site's evidence in a state: the hub may have joined incidents of several sites."""
    with State(folder, readonly=True) as state:
        return {key for (key,) in state._connection.execute("SELECT id FROM evidence WHERE site = ?", (site,))}
