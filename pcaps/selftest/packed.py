"""gzip whose bytes depend on nothing but what is packed."""

import gzip
from pathlib import Path


def write_packed(path: Path, octets: bytes) -> None:
    """Write a packed file without a name or a time in it."""
    with path.open("wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        packed.write(octets)
