"""The public keys by which sites sign bundles, as a hub's configuration lists them."""

import re
from collections.abc import Mapping, Sequence

_KEY = re.compile("ed25519:[0-9a-fA-F]{64}")


def problem(keys: Mapping[str, Sequence[str]]) -> str | None:
    """Say what is wrong with the keys of sites; None where nothing is.

    A key of two sites is refused: either could sign as the other.
    """
    whose: dict[str, str] = {}
    for site, key in ((site, key) for site, those in keys.items() for key in those):
        if not _KEY.fullmatch(key):
            return (
                f"[sites.{site}] bundle_keys: {key!r} is no key that signs bundles: expected ed25519: and 64 "
                "hexadecimal digits, as `spanline bundle keys` prints them at the site"
            )
        if whose.setdefault(key.lower(), site) != site:
            return f"[sites.{site}] bundle_keys: {key} is a key of site {whose[key.lower()]!r} too; each needs its own"
    return None
