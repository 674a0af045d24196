"""Our exceptions, by whose fault it is and what must happen next."""


class ConfigError(ValueError):
    """The configuration is wrong: the program refuses to start (exit 2). Names the table, the key, the closest name."""


class Malformed(ValueError):  # noqa: N818 - it is the input that is malformed
    """The input's fault: counted, sample-logged, and the program goes on."""


class Transient(OSError):  # noqa: N818
    """It may work later: retried with backoff and jitter."""


class Permanent(RuntimeError):  # noqa: N818
    """It will not work: the component stops and its status says so."""
