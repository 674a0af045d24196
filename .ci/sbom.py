"""Write what an environment holds as a CycloneDX 1.5 bill of materials (JSON), to stdout.

    python .ci/sbom.py SITE_PACKAGES [DPKG_LIST]

SITE_PACKAGES is the folder of an environment's Python packages; DPKG_LIST holds lines of `name version`, of Debian's
(`dpkg-query -W` with that format). Nothing is looked up: names, versions and licences are those
the packages state of themselves. Packages in order of their names, no time and no random number: the same environment
has the same bill.
"""

import json
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path


def components(site: Path, listed: str = "") -> list[dict[str, object]]:
    """Return one component a package, Python's and Debian's."""
    found = [_python(one) for one in distributions(path=[str(site)])]
    for line in listed.splitlines():
        name, _, version = line.partition(" ")
        found.append(_component(name, version, f"pkg:deb/debian/{name}@{version}"))
    return sorted(found, key=lambda one: str(one["bom-ref"]))


def _python(one: Distribution) -> dict[str, object]:
    name = one.metadata["Name"]
    made = _component(name, one.version, f"pkg:pypi/{name.lower().replace('_', '-')}@{one.version}")
    licence = one.metadata.get("License-Expression") or one.metadata.get("License") or ""
    if licence and "\n" not in licence and len(licence) < 100:
        made["licenses"] = [{"license": {"name": licence}}]
    return made


def _component(name: str, version: str, purl: str) -> dict[str, object]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    bill = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "components": components(Path(sys.argv[1]), Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else ""),
    }  # fmt: skip
    sys.stdout.write(json.dumps(bill, indent=1, sort_keys=True) + "\n")
