"""Which components there are: one module of a package is one component, and its file's name is its `type` in TOML.

Nothing is registered by hand, and a component is imported when it is first asked for: adding one is adding one file.
A module that its package needs beside its components is named here, so that it is not taken for one.
"""

import importlib
import pkgutil
from difflib import get_close_matches
from functools import cache
from types import ModuleType

from sensor.errors import ConfigError

NOT_COMPONENTS = {"sensor.sources": frozenset({"detect"}), "sensor.responses": frozenset({"executor"})}
"""Modules of a package that serve its components."""


@cache
def names(package: str) -> tuple[str, ...]:
    """List the components of a package, sorted, without importing them.

    Args:
        package: Its full name, e.g. `sensor.sources`.
    """
    folder = importlib.import_module(package).__path__
    found = {module.name for module in pkgutil.iter_modules(folder) if not module.name.startswith("_")}
    return tuple(sorted(found - NOT_COMPONENTS.get(package, frozenset())))


def load(package: str, name: str) -> ModuleType:
    """Import one component.

    Raises:
        ConfigError: The package has no such component; names the closest one.
    """
    known = names(package)
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f", did you mean {close[0]!r}?" if close else f": there are {', '.join(known) or 'none'}"
        raise ConfigError(f"{package.rpartition('.')[2]} has no type {name!r}{hint}")
    return importlib.import_module(f"{package}.{name}")
