"""Syslog that is sent to us: any product's records, as in a file of them (RFC 5424, RFC 3164, or bare lines and JSON).

What receives is `sensor.wire.syslog_server`, what is made of a message `sensor.sources.records`; the two are put
together in `sensor.pipeline.listeners`. Here is only what a table of this type may say. Syslog in files needs no source
of its own.
"""

from collections.abc import Mapping

from sensor.wire.syslog_server import PROTOCOLS

LISTENS = True
"""Needs an address to listen at, not a path."""
OPTIONS: dict[str, type] = {"listen": str, "protocol": str, "cert": str, "key": str, "ca": str}


def problem(options: Mapping[str, object]) -> str | None:
    """Say what is wrong with a table's options, beyond their types; None where nothing is."""
    protocol = options.get("protocol", PROTOCOLS[0])
    if protocol not in PROTOCOLS:
        return f"protocol = {protocol!r}: must be one of {', '.join(PROTOCOLS)}"
    files = [key for key in ("cert", "key", "ca") if key in options]
    if protocol != "tls":
        return f'{files[0]} is for protocol = "tls" alone' if files else None
    if not options.get("cert") or not options.get("key"):
        return 'protocol = "tls" needs cert and key, the files of a certificate and its key'
    return None
