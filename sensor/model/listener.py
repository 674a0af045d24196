"""Where the metrics are served and to whom, as the configuration says it."""

import msgspec

from sensor.model.sink import SecretPlace


class MetricsListener(msgspec.Struct, frozen=True):
    """The listener of the metrics: off loopback only with cert, key and a password or token."""

    listen: str = "127.0.0.1:9477"
    cert: str = ""
    """File of the certificate and what it was signed by, PEM; it is read again when it changes."""
    key: str = ""
    user: str = "prometheus"
    password: SecretPlace | None = None
    token: SecretPlace | None = None
    """A bearer token, in place of user and password or beside them."""
    top: int = 0
    """Series of so many of the riskiest devices of each site and accounts, under pseudonyms; 50 at most."""


TOP_MAX = 50
"""Of devices and of accounts: beside all else a site stays below its bound of series."""


def problem(listener: MetricsListener, *, is_loopback: bool) -> str | None:
    """Say what would serve the metrics in the clear, or to anybody, where others can reach them; None where nothing."""
    if not 0 <= listener.top <= TOP_MAX:
        return f"top = {listener.top}: from 0 to {TOP_MAX}"
    if bool(listener.cert) != bool(listener.key):
        return "needs cert and key together"
    for name, secret in (("password", listener.password), ("token", listener.token)):
        if secret is not None and (secret.env is None) == (secret.file is None):
            return f'{name}: expected {{ env = "NAME" }} or {{ file = "PATH" }}'
    if ":" in listener.user or not listener.user:
        return f"user = {listener.user!r}: must not be empty nor contain ':' (RFC 7617 §2)"
    missing = [] if listener.cert else ["TLS (cert and key)"]
    missing += [] if listener.password or listener.token else ["authentication (password or token)"]
    if missing and not is_loopback:
        return f"listen = {listener.listen!r} is off loopback, which needs {' and '.join(missing)}"
    return None
