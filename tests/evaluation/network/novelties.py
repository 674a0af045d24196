"""Benign novelties: what is new and harmless. An incident on one is false."""

import numpy as np

from sensor.model.metadata import Dhcp
from tests.evaluation.network.attacks import HOUR, MINUTE, Injection, asked, fresh, scan
from tests.evaluation.network.simulator import DAY_NS, START, S, rows


def backup_job(world, site, begin, rng):
    """A server begins to send its data to the site's backups, and 2 GB to a cloud that has a name."""
    device = _of(world, site, "server")[2]
    n = 20
    at = begin + np.arange(n) * 3 * MINUTE
    made = rows(at, device.address, world.server(site, 3), port=873, out=int(rng.uniform(1e8, 1e9)), back=9_000,
                duration_s=120.0, site=site)  # fmt: skip
    return [Injection("backup job", "", world.devices.index(device), begin, made, [])]


def patch_wave(world, site, begin, rng):
    """Every workstation fetches a release from a place that is new."""
    lo, name = fresh(world, rng, True)
    made = []
    for device in _of(world, site, "workstation"):
        at = begin + np.sort(rng.uniform(0, 2 * HOUR, 3)).astype(np.int64)
        flows = rows(at, device.address, lo, port=443, service="ssl", out=40_000, back=int(rng.uniform(1e7, 3e8)),
                     duration_s=60.0, site=site)  # fmt: skip
        made.append(
            Injection("patch wave", "", world.devices.index(device), begin, flows, asked(world, device, at, name, lo))
        )
    return made


def new_saas(world, site, begin, rng):
    """Half of the workstations begin to use a service that calls home every five minutes."""
    lo, name = fresh(world, rng, True)
    made = []
    for device in _of(world, site, "workstation")[::2]:
        at = begin + int(rng.uniform(0, 3_600)) * S + np.arange(70) * 5 * MINUTE + rng.integers(0, 3, 70) * S
        flows = rows(at, device.address, lo, port=443, service="ssl", out=1_500, back=4_000, site=site)
        made.append(
            Injection("new SaaS", "", world.devices.index(device), begin, flows, asked(world, device, at, name, lo))
        )
    return made


def vpn_change(world, site, begin, rng):
    """A worker's traffic goes through a new gateway that has no name."""
    device = _one(world, site, rng)
    lo, _ = fresh(world, rng, False)
    n = 16
    at = begin + np.arange(n) * 15 * MINUTE
    flows = rows(at, device.address, lo, port=4500, proto=17, out=rng.integers(100_000, 3_000_000, n),
                 back=rng.integers(1_000_000, 30_000_000, n), duration_s=880.0, history="Dd", site=site)  # fmt: skip
    return [Injection("VPN change", "", world.devices.index(device), begin, flows, [])]


def scanner(world, site, begin, rng):
    """A scanner of the site's looks for printers: 60 addresses in 10 minutes. Unlisted it is a scan as any other."""
    device = _one(world, site, rng)
    flows, said = scan(world, device, begin, rng, 60, 10 * MINUTE)
    return [Injection("scanner", "", world.devices.index(device), begin, flows, said)]


def new_laptops(world, site, begin, rng):
    """Five laptops come, each with another's habits and an address of its own."""
    made = []
    for number, device in enumerate(_of(world, site, "workstation")[:5]):
        k = world.devices.index(device)
        day = (begin - START) // DAY_NS
        flows, said = world.device_day(k, int(day), draw=77)
        address = device.address & ~0xFFFF | 0xF000 + number
        flows["orig_lo"] = address
        text = ".".join(str(int(address) >> shift & 255) for shift in (24, 16, 8, 0))
        messages = [m for m in said if not isinstance(m, Dhcp)]
        messages = [_with(m, orig_h=text) for m in messages]
        made.append(Injection("new laptops", "", k, begin, flows, messages))
    return made


def _with(message, **changes):
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    return type(message)(**{**fields, **changes})


def _of(world, site, kind):
    return [one for one in world.devices if one.site == site and one.kind == kind]


def _one(world, site, rng):
    near = _of(world, site, "workstation")
    return near[int(rng.integers(len(near)))]


KINDS = {
    "backup job": backup_job, "patch wave": patch_wave, "new SaaS": new_saas, "VPN change": vpn_change,
    "scanner": scanner, "new laptops": new_laptops,
}  # fmt: skip
