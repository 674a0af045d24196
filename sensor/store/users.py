"""The console's local users: one file in the state's folder, readable by its owner only, without any password in it.

What is kept of a password is Argon2id (RFC 9106) at the library's parameters. Written whole to a file beside it and
renamed; the console reads it at each sign-in and, of who is signed in, each minute, so that a removed user stays out.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.model.person import Person

FILE = "console-users.json"
PASSWORD_MIN = 12
"""Characters; NIST SP 800-63B-4 §3.1.1.2 asks for 15 where a password is all there is, and 8 beside another factor."""
PASSWORD_MAX = 1024
"""What a form may send to be hashed."""
USERS_MAX = 10_000


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One local user."""

    name: str
    grants: dict[str, str]
    password: str
    """As Argon2 encodes it."""

    def person(self) -> Person:
        """Return who it is once signed in."""
        return Person(name=self.name, grants=self.grants)


class Users:
    """The users of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def all(self) -> list[User]:
        """Return every user by name. Raises ValueError where the file is damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[User])
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise ValueError(f"{self._path} is damaged: {error}") from error

    def put(self, name: str, grants: dict[str, str], password: str) -> bool:
        """Add a user, or give one other grants and another password; tell whether it is new.

        Raises:
            ValueError: The name or the password is not fit for one.
        """
        name = name.strip().lower()
        wrong = problem(name, password)
        if wrong is not None:
            raise ValueError(wrong)
        made = User(name=name, grants=grants, password=hashed(password))
        with self._changing():
            others = [one for one in self.all() if one.name != name]
            known = len(others) < len(self.all())
            if len(others) >= USERS_MAX:
                raise ValueError(f"there are {USERS_MAX} users already")
            self._write([*others, made])
        return not known

    def remove(self, name: str) -> bool:
        """Remove a user; False where there is none of that name."""
        with self._changing():
            every = self.all()
            left = [one for one in every if one.name != name.strip().lower()]
            if len(left) < len(every):
                self._write(left)
        return len(left) < len(every)

    def check(self, name: str, password: str) -> Person | None:
        """Return who signs in, None where name or password is wrong; both take as long."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerifyMismatchError

        hasher = PasswordHasher()
        user = next((one for one in self.all() if one.name == name.strip().lower()), None)
        try:
            hasher.verify(user.password if user is not None else _NOBODY, password[:PASSWORD_MAX])
        except (VerifyMismatchError, InvalidHashError):
            return None
        return user.person() if user is not None else None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold off others who change the file."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, users: list[User]) -> None:
        beside = self._path.with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if os.geteuid() == 0:  # added by root for a sensor that runs as another
            owner = self._path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(sorted(users, key=lambda one: one.name)))
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._path)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def problem(name: str, password: str) -> str | None:
    """Say what is wrong with a new user's name or password, None if nothing is."""
    if not name or len(name) > 200 or not name.isprintable() or " " in name:
        return f"{name!r}: a name has 1 to 200 printable characters and no space"
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return f"a password has {PASSWORD_MIN} to {PASSWORD_MAX:,} characters"
    return "a password must not contain the user's name" if name in password.lower() else None


_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
"""A hash of no password (an example of the library's documentation): an unknown name takes as long as a known one."""
