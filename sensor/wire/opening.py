"""Open an input by its path: a file, or a member of a zip archive, as `logs.zip/day1/conn.log`.

Members are read as a stream, so that an archive's size, or a bomb's, is never in memory. Encrypted members, and
methods that the standard library does not know, are refused by name. An archive inside an archive is not opened.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Self, cast

from sensor.errors import Malformed

MEMBERS_MAX = 10_000
_MAGIC = b"PK\x03\x04"
"""A local file header (APPNOTE.TXT 4.3.7)."""
_ENCRYPTED = 0x1
"""General purpose bit 0 (APPNOTE.TXT 4.4.4)."""


def is_archive(path: Path) -> bool:
    """Tell whether a file is a zip archive, by its first and last bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC and zipfile.is_zipfile(file)
    except OSError:
        return False


def members(path: Path) -> Iterator[str]:
    """Yield the path of each member of an archive that is a file, sorted; at most MEMBERS_MAX."""
    with zipfile.ZipFile(path) as archive:
        names = sorted({one.filename for one in archive.infolist() if not one.is_dir()})
    for name in names[:MEMBERS_MAX]:
        if not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts):
            yield f"{path}/{name}"


def open_input(path: str) -> BinaryIO:
    """Open an input for reading bytes.

    Raises:
        OSError: There is no such file, or it cannot be read.
        Malformed: It is a member that cannot be read.
    """
    plain = Path(path)
    if plain.exists():
        return plain.open("rb", buffering=0)
    for folder in plain.parents:
        if folder.is_file():
            return cast("BinaryIO", _Member(folder, path[len(str(folder)) + 1 :]))
    return plain.open("rb", buffering=0)


def modified_ns(path: str) -> int:
    """Return when an input was written, ns since 1970: of a member, when its archive was. Raises OSError."""
    plain = Path(path)
    if plain.exists():
        return plain.stat().st_mtime_ns
    folder = next((one for one in plain.parents if one.is_file()), plain)
    return folder.stat().st_mtime_ns


class _Member:
    """A member's bytes; closing it closes the archive."""

    def __init__(self, archive: Path, name: str) -> None:
        try:
            self._archive = zipfile.ZipFile(archive)
        except zipfile.BadZipFile as error:
            raise Malformed(f"{archive}: damaged zip archive: {error}") from error
        try:
            if self._archive.getinfo(name).flag_bits & _ENCRYPTED:
                raise Malformed(f"{archive}: {name} is encrypted: unpack it first")
            self._file: IO[bytes] = self._archive.open(name)
        except KeyError as error:
            self._archive.close()
            raise FileNotFoundError(f"{archive} has no member {name}") from error
        except (NotImplementedError, zipfile.BadZipFile, RuntimeError) as error:
            self._archive.close()
            raise Malformed(f"{archive}: {name} cannot be unpacked: {error}") from error
        except Malformed:
            self._archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both."""
        self._file.close()
        self._archive.close()

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes. Raises OSError where the member is damaged."""
        try:
            return self._file.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise OSError(f"the zip archive is damaged: {error}") from error

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end. Raises OSError where the member is damaged."""
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)
