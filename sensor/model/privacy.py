"""What the configuration says of names that leave a site."""

import msgspec

from sensor.model.pseudonyms import KINDS
from sensor.model.sink import SecretPlace


class Privacy(msgspec.Struct, frozen=True):
    """What leaves for sinks and hub under keyed pseudonyms, and under which key."""

    pseudonyms: tuple[str, ...] = ()
    """Of accounts, hosts and addresses (inside ones, and MACs)."""
    keep_domains: bool = True
    """An account keeps its domain, and a host its own."""
    sentences: bool = True
    """False: nothing that is written in words leaves, for it may hold a name that nobody knows to be one."""
    key: SecretPlace | None = None
    """Of 64 hexadecimal digits, which several sites share; else each makes its own, in its state."""


def problem(privacy: Privacy) -> str | None:
    """Say what is wrong, None if nothing is."""
    unknown = [kind for kind in privacy.pseudonyms if kind not in KINDS]
    if unknown:
        return f"pseudonyms: {unknown[0]!r} is none of {', '.join(KINDS)}"
    if privacy.key is not None and (privacy.key.env is None) == (privacy.key.file is None):
        return 'key: expected { env = "NAME" } or { file = "PATH" }'
    return None
