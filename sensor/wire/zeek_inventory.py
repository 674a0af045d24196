"""Read records of Zeek's x509, files, notice, weird, software and known_* logs: what is there, not who spoke.

Columns as in https://docs.zeek.org/en/master/script-reference/log-files.html. Stores that know no dots in names write
`certificate_subject`; both are read. A notice or weird without a connection has the addresses that it names.
"""

from collections.abc import Callable
from typing import Any

from sensor.errors import Malformed
from sensor.model import addresses, protocols
from sensor.model.protocols import AnyMessage
from sensor.wire import zeek_values as values
from sensor.wire.zeek_columns import address, count, first_text, hosts, text, texts, transport
from sensor.wire.zeek_rows import Get, uid

_VERSION = ("major", "minor", "minor2", "minor3")


def x509(get: Get, input: int, offset: int) -> protocols.X509:
    """Read a certificate. Since Zeek 5 it is named by its fingerprint, before by its file's id."""
    names = texts(get, "san.dns") or texts(get, "san_dns")
    return protocols.X509(
        **hosts(get, 0), fingerprint=text(get, "fingerprint"), fuid=_file(get), subject=_of(get, "subject"),
        issuer=_of(get, "issuer"), serial=_of(get, "serial"), not_before=_moment(get, "not_valid_before"),
        not_after=_moment(get, "not_valid_after"), dns=names, input=input, offset=offset,
    )  # fmt: skip


def _file(get: Get) -> str | None:
    """Return the file's id: the column `id`, which in nested JSON of other logs is the connection."""
    return None if isinstance(get("id"), dict) else text(get, "id")


def _of(get: Get, part: str) -> str | None:
    return first_text(get, f"certificate.{part}", f"certificate_{part}")


def _moment(get: Get, part: str) -> int | None:
    """Read a date of a certificate; one that ns since 1970 cannot say (9999-12-31, -62135596800) is None."""
    column = f"certificate.{part}"
    value = get(column)
    value = get(f"certificate_{part}") if value is None else value
    written = str(value).partition(".")[0]
    if written.startswith("-") or (written.isdecimal() and int(written[:20]) >= values.LAST_SECOND):
        return None
    return values.time_ns(value, column)


def files(get: Get, input: int, offset: int) -> protocols.File:
    """Read a file that was carried. Before Zeek 6 the log says who sent and who got it, not whose connection it was."""
    is_orig = values.boolean(get("is_orig"), "is_orig")
    sent, got = ("tx_hosts", "rx_hosts") if is_orig else ("rx_hosts", "tx_hosts")
    shared = hosts(get, 0, sent, got)
    carried = texts(get, "conn_uids")
    shared["uid"] = shared["uid"] or uid(carried[0] if carried else None)
    return protocols.File(
        **shared, fuid=text(get, "fuid"), source=text(get, "source"), filename=text(get, "filename"),
        mime_type=text(get, "mime_type"), size=_size(get), md5=text(get, "md5"), sha1=text(get, "sha1"),
        sha256=text(get, "sha256"), is_orig=is_orig, input=input, offset=offset,
    )  # fmt: skip


def _size(get: Get) -> int | None:
    """Return the size it should have, else what was seen of it."""
    total = count(get, "total_bytes")
    return count(get, "seen_bytes") if total is None else total


def notice(get: Get, input: int, offset: int) -> protocols.Notice:
    """Read a notice."""
    note = text(get, "note")
    if note is None:
        raise Malformed("missing_note")
    return protocols.Notice(
        **hosts(get, transport(get), "src", "dst", resp_p="p"), kind="notice", note=note, msg=text(get, "msg"),
        sub=text(get, "sub"), input=input, offset=offset,
    )  # fmt: skip


def weird(get: Get, input: int, offset: int) -> protocols.Notice:
    """Read something that traffic should not hold."""
    name = text(get, "name")
    if name is None:
        raise Malformed("missing_name")
    return protocols.Notice(
        **hosts(get, 0), kind="weird", note=name, msg=text(get, "addl"), sub=text(get, "source"), input=input,
        offset=offset,
    )  # fmt: skip


def software(get: Get, input: int, offset: int) -> protocols.Known:
    """Read a program that a host showed: name and version as Zeek takes them apart, else as the host wrote them."""
    parts = [text(get, f"version.{part}") or text(get, f"version_{part}") for part in _VERSION]
    version = ".".join(part for part in parts if part is not None)
    more = first_text(get, "version.addl", "version_addl")
    return protocols.Known(
        **hosts(get, 0, "host", orig_p="host_p"), kind="software", service=text(get, "software_type"),
        software=text(get, "name"), version=f"{version}-{more}" if version and more else version or more,
        input=input, offset=offset,
    )  # fmt: skip


def known_hosts(get: Get, input: int, offset: int) -> protocols.Known:
    """Read a host that completed a connection."""
    return protocols.Known(**_host(get), kind="known_hosts", input=input, offset=offset)


def known_services(get: Get, input: int, offset: int) -> protocols.Known:
    """Read a port that a host answers on; the port is `orig_p`, as the host is `orig_h`."""
    return protocols.Known(
        **_host(get), kind="known_services", service=",".join(texts(get, "service")) or None, input=input,
        offset=offset,
    )  # fmt: skip


def known_certs(get: Get, input: int, offset: int) -> protocols.Known:
    """Read a certificate that a host serves."""
    return protocols.Known(**_host(get), kind="known_certs", subject=text(get, "subject"), input=input, offset=offset)


def known_devices(get: Get, input: int, offset: int) -> protocols.Known:
    """Read a link-layer address, with the name its owner gave in DHCP."""
    number = values.mac(get("mac"), "mac")
    if number is None:
        raise Malformed("missing_mac")
    return protocols.Known(
        **hosts(get, 0), kind="known_devices", mac=addresses.mac(number), name=text(get, "dhcp_host_name"),
        input=input, offset=offset,
    )  # fmt: skip


def _host(get: Get) -> dict[str, Any]:
    if address(get, "host") is None:
        raise Malformed("missing_host")
    return hosts(get, transport(get, "port_proto"), "host", orig_p="port_num")


INVENTORY: dict[str, Callable[[Get, int, int], AnyMessage]] = {
    "x509": x509, "files": files, "notice": notice, "weird": weird, "software": software, "known_hosts": known_hosts,
    "known_services": known_services, "known_certs": known_certs, "known_devices": known_devices,
}  # fmt: skip
"""What reads a record of each log: (record, input, row) to the message. Raises Malformed with the reason."""
