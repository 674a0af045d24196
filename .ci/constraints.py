"""Write the versions that uv.lock holds as pip constraints, to stdout.

pip then installs exactly these, from whatever index this machine is set up for; the lock's own addresses are not used.
A package that the lock holds in several versions is written once a version, each with its condition.
"""

import sys
import tomllib
from pathlib import Path


def constraints(lock: Path) -> list[str]:
    """Return one `name==version [; condition]` a locked package that comes from an index."""
    lines = []
    for package in tomllib.loads(lock.read_text())["package"]:
        if "registry" not in package["source"]:
            continue
        when = " or ".join(f"({marker})" for marker in package.get("resolution-markers", ()))
        lines.append(f"{package['name']}=={package['version']}" + (f" ; {when}" if when else ""))
    return lines


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in constraints(Path(__file__).resolve().parent.parent / "uv.lock"))
