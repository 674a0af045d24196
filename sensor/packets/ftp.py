"""FTP's control connection: who logs in, and which files are fetched, stored or deleted (RFC 959).

A command waits for its final reply (not 1yz) and is written with it. Passwords are never kept. Only commands that name
an account or a file are written; data connections are flows of their own.
"""

from sensor.model.protocols import AnyMessage, Ftp
from sensor.packets.payload import Payload

FILES = frozenset({"RETR", "STOR", "STOU", "APPE", "DELE", "MKD", "RMD", "RNTO"})
LOGINS = frozenset({"USER", "PASS", "AUTH"})
"""Commands that are written: RFC 959 §4.1, RFC 2228 §3."""
LINE_MAX = 1024
"""What a line exceeds this by is cut; RFC 959 sets no limit, servers take 512 to 4,096."""
LINES_MAX = 100
"""Lines of one payload that are looked at."""
WAITING_MAX = 16
"""Commands that wait for replies: hardly any client sends a second one before the reply."""


class Session:
    """One control connection."""

    def __init__(self) -> None:
        """Begin before the login."""
        self._partial = {True: b"", False: b""}
        self._user: str | None = None
        self._waiting: list[tuple[Payload, str, str | None]] = []
        self._silent = False

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take the next segment of either side."""
        if self._silent:
            return []
        lines = (self._partial[payload.is_orig] + payload.data).split(b"\n")
        self._partial[payload.is_orig] = lines.pop()[:LINE_MAX] if payload.whole else b""
        found: list[AnyMessage] = []
        for line in lines[:LINES_MAX]:
            text = line.rstrip(b"\r")[:LINE_MAX].decode("utf-8", "backslashreplace")
            if payload.is_orig:
                self._command(payload, text)
            else:
                found += self._reply(text)
        return found

    def flush(self) -> list[AnyMessage]:
        """Write the commands that nobody answered."""
        waiting, self._waiting = self._waiting, []
        return [self._message(*asked, None, None) for asked in waiting if self._is_written(asked)]

    def _command(self, payload: Payload, text: str) -> None:
        verb, _, rest = text.strip().partition(" ")
        verb = verb.upper()
        if not verb.isalpha() or len(self._waiting) >= WAITING_MAX:
            return
        if verb == "USER":
            self._user = rest.strip() or None
        self._waiting.append((payload, verb, rest.strip() if verb in FILES or verb == "AUTH" else None))

    def _reply(self, text: str) -> list[AnyMessage]:
        code = text[:3]
        if not (code.isascii() and code.isdigit()) or text[3:4] == "-" or code.startswith("1") or not self._waiting:
            return []
        asked = self._waiting.pop(0)
        self._silent = asked[1] == "AUTH" and code == "234"  # RFC 4217: TLS follows
        # 331 asks for the password: the login is written with the reply to that.
        if not self._is_written(asked) or (asked[1] == "USER" and code == "331"):
            return []
        return [self._message(*asked, int(code), text[4:].strip() or None)]

    @staticmethod
    def _is_written(asked: tuple[Payload, str, str | None]) -> bool:
        return asked[1] in FILES or asked[1] in LOGINS

    def _message(
        self, payload: Payload, verb: str, argument: str | None, code: int | None, said: str | None
    ) -> AnyMessage:
        return Ftp(
            **payload.common,  # type: ignore[arg-type]
            user=self._user,
            command=verb,
            argument=argument or None,
            reply_code=code,
            reply_msg=said,
        )
