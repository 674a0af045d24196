"""Turn the metadata rows that kernels wrote into messages: META and its byte arena to the Structs of the model.

Here texts are decoded, addresses formatted and fingerprints hashed (JA3: MD5 of its text, JA4: two truncated SHA-256).
A field that is not there stays None. Runs once per message, not per packet; equal texts and fingerprints are memoised.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensor.model import addresses
from sensor.model import metadata as m
from sensor.model.protocols import AnyMessage
from sensor.packets.octets import address

MEMO_ENTRIES = 8192
"""Distinct fingerprints kept; a site of a thousand hosts shows a few hundred. Each costs under 2 KiB."""

TLS_VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv10",
    0x0302: "TLSv11",
    0x0303: "TLSv12",
    0x0304: "TLSv13",
}
"""Names as in Zeek's base/protocols/ssl/consts.zeek."""

KERBEROS_REQUESTS = {10: "AS", 11: "AS", 12: "TGS", 13: "TGS", 14: "AP", 15: "AP"}
KERBEROS_REPLIES = (11, 13, 15)
KERBEROS_ERROR = 30
DNS_RESPONSE = 0x8000
BASE32 = "0123456789ABCDEFGHIJKLMNOPQRSTUV"

Common = dict[str, int | str]
Fields = dict[int, list[bytes]]
_PAIRS = [first + second for first in BASE32 for second in BASE32]


class Handed(Protocol):
    """Reads the rows that hold payloads (`sensor.packets.conversations`)."""

    def read(self, number: int, kind: int, common: Common, fields: Fields, flags: int) -> list[AnyMessage]:
        """Return what one row tells, of flow `number`; flags: 1 the originator sent it, 2 whole."""
        ...


def uid_text(number: int) -> str:
    """Write a flow's number as the flow table does: C and thirteen digits of base 32."""
    return "C" + BASE32[number >> 60] + "".join([_PAIRS[number >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])


@lru_cache(MEMO_ENTRIES)
def ja3_hash(text: bytes) -> str:
    """Return JA3 or JA3S: the MD5 of its text."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


@lru_cache(MEMO_ENTRIES)
def ja4_hash(text: bytes) -> str:
    """Return JA4 from its raw form: each list becomes twelve digits of its SHA-256, an empty one twelve zeros."""
    head, ciphers, rest = text.split(b"_", 2)
    return "_".join((head.decode("ascii", "backslashreplace"), _half(ciphers), _half(rest)))


def _half(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12] if text else "0" * 12


def decode(
    rows: NDArray[np.void],
    arena: NDArray[np.uint8],
    *,
    source: int = 0,
    uid: Callable[[int], str] = uid_text,
    handed: Handed | None = None,
) -> list[AnyMessage]:
    """Decode metadata rows, in their order.

    Args:
        rows: Messages, dtype META, shape (n,).
        arena: Bytes, uint8, shape (m,), into which the rows' `at` and `len` point.
        source: Number of the input they came from.
        uid: Writes a flow's number as text.
        handed: Reads rows from K_QUIC on; without it they are left out.

    Returns:
        One Struct a row that a kernel parsed; of payloads that were handed over what they tell by now.
    """
    orig = addresses.texts(rows["orig_hi"], rows["orig_lo"])
    resp = addresses.texts(rows["resp_hi"], rows["resp_lo"])
    content = arena.tobytes()
    names = ("ts", "uid", "offset", "at", "len", "orig_p", "resp_p", "proto", "kind", "is_orig", "whole")
    columns = zip(*(rows[name].tolist() for name in names), strict=True)
    found: list[AnyMessage] = []
    for (ts, number, offset, at, size, orig_p, resp_p, proto, kind, is_orig, whole), orig_h, resp_h in zip(
        columns, orig, resp, strict=True
    ):
        make = MAKERS.get(kind)
        if make is None and (handed is None or kind < m.K_QUIC):
            continue
        common: Common = {"ts": ts, "uid": uid(number), "orig_h": orig_h, "orig_p": orig_p, "resp_h": resp_h}
        common |= {"resp_p": resp_p, "proto": proto, "input": source, "offset": offset}
        fields = collect(content[at : at + size])
        if make is not None:
            found.append(make(common, fields, bool(is_orig)))
        elif handed is not None:
            found += handed.read(number, kind, common, fields, is_orig | whole << 1)
    return found


def collect(blob: bytes) -> Fields:
    """Gather the fields of one message by id, each with its values in order."""
    fields: Fields = {}
    at, end = 0, len(blob) - 3
    while at <= end:  # as `metadata.fields` walks, without a call for each
        field, following = blob[at], at + 3 + (blob[at + 1] | blob[at + 2] << 8)
        value = blob[at + 3 : following]
        if field in fields:
            fields[field].append(value)
        else:
            fields[field] = [value]
        at = following
    return fields


def _number(fields: Fields, field: int) -> int | None:
    return int.from_bytes(fields[field][0], "little") if field in fields else None


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _text(fields: Fields, field: int) -> str | None:
    return _decode(fields[field][0]) if field in fields else None


def _texts(fields: Fields, field: int) -> tuple[str, ...]:
    return tuple(_decode(value) for value in fields.get(field, ()))


def _hex(fields: Fields, field: int) -> str | None:
    return fields[field][0].hex() if field in fields else None


def _decimals(fields: Fields, field: int) -> str | None:
    """Write bytes as numbers with commas, the usual form of a parameter request list."""
    return ",".join(str(octet) for octet in fields[field][0]) if field in fields else None


def _first_address(fields: Fields, field: int) -> m.Address | None:
    return address(fields[field][0]) if field in fields else None


def _dns(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001 - one shape for all makers
    return m.Dns(
        **common,  # type: ignore[arg-type]
        query=_text(fields, m.F_QUERY),
        qtype=_number(fields, m.F_QTYPE),
        rcode=_number(fields, m.F_RCODE),
        is_response=bool((_number(fields, m.F_FLAGS) or 0) & DNS_RESPONSE),
        trans_id=_number(fields, m.F_TRANS_ID),
        addresses=tuple(address(value) for value in fields.get(m.F_ANSWER_A, ())),
        names=_texts(fields, m.F_ANSWER_NAME),
        texts=_texts(fields, m.F_ANSWER_TEXT),
        ttls=tuple(int.from_bytes(value, "little") for value in fields.get(m.F_TTL, ())),
    )


def _tls(common: Common, fields: Fields, *, is_client: bool) -> AnyMessage:
    version = _number(fields, m.F_SUPPORTED_VERSION)
    ja3, ja3s, ja4 = (fields.get(field) for field in (m.F_JA3_TEXT, m.F_JA3S_TEXT, m.F_JA4_TEXT))
    return m.Tls(
        **common,  # type: ignore[arg-type]
        version=None if version is None else TLS_VERSIONS.get(version, f"unknown-{version}"),
        cipher=_number(fields, m.F_CIPHER),
        server_name=_text(fields, m.F_SERVER_NAME),
        alpn=_texts(fields, m.F_ALPN),
        ja3=ja3_hash(ja3[0]) if ja3 else None,
        ja3s=ja3_hash(ja3s[0]) if ja3s else None,
        ja4=ja4_hash(ja4[0]) if ja4 else None,
        encrypted_client_hello=m.F_ECH in fields,
        is_client=is_client,
    )


def _tls_client(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    return _tls(common, fields, is_client=True)


def _tls_server(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    return _tls(common, fields, is_client=False)


def _http(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    return m.Http(
        **common,  # type: ignore[arg-type]
        method=_text(fields, m.F_METHOD),
        host=_text(fields, m.F_HOST),
        uri=_text(fields, m.F_URI),
        user_agent=_text(fields, m.F_USER_AGENT),
        referrer=_text(fields, m.F_REFERRER),
        status_code=_number(fields, m.F_STATUS_CODE),
        status_msg=_text(fields, m.F_STATUS_MSG),
        mime_type=_text(fields, m.F_MIME),
        server=_text(fields, m.F_SERVER),
    )


def _dhcp(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    hardware = fields.get(m.F_MAC)
    return m.Dhcp(
        **common,  # type: ignore[arg-type]
        mac=addresses.mac(int.from_bytes(hardware[0], "big")) if hardware else None,
        host_name=_text(fields, m.F_HOST_NAME),
        client_fqdn=_text(fields, m.F_FQDN),
        domain=_text(fields, m.F_DOMAIN),
        requested_addr=_first_address(fields, m.F_REQUESTED_ADDR),
        assigned_addr=_first_address(fields, m.F_ASSIGNED_ADDR),
        client_addr=_first_address(fields, m.F_CLIENT_ADDR),
        server_addr=_first_address(fields, m.F_SERVER_ADDR),
        lease_time_s=_number(fields, m.F_LEASE_TIME),
        msg_type=_number(fields, m.F_MSG_TYPE),
        vendor_class=_text(fields, m.F_VENDOR_CLASS),
        client_id=_hex(fields, m.F_CLIENT_ID),
        param_list=_decimals(fields, m.F_PARAM_LIST),
    )


def _kerberos(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    kind = _number(fields, m.F_REQUEST_TYPE)
    name, realm = _text(fields, m.F_CNAME), _text(fields, m.F_REALM)
    success = True if kind in KERBEROS_REPLIES else False if kind == KERBEROS_ERROR else None
    return m.Kerberos(
        **common,  # type: ignore[arg-type]
        request_type=KERBEROS_REQUESTS.get(kind) if kind is not None else None,
        client=f"{name}/{realm}" if name is not None and realm is not None else None,
        service=_text(fields, m.F_SNAME),
        success=success,
        error_code=_number(fields, m.F_ERROR_CODE),
    )


def _ntlm(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:  # noqa: ARG001
    return m.Ntlm(
        **common,  # type: ignore[arg-type]
        username=_text(fields, m.F_USERNAME),
        hostname=_text(fields, m.F_HOSTNAME),
        domainname=_text(fields, m.F_DOMAINNAME),
        server_nb_computer_name=_text(fields, m.F_SERVER_NB_NAME),
        server_dns_computer_name=_text(fields, m.F_SERVER_DNS_NAME),
        server_tree_name=_text(fields, m.F_SERVER_TREE_NAME),
    )


def _ssh(common: Common, fields: Fields, is_orig: bool) -> AnyMessage:
    banner = _text(fields, m.F_BANNER)
    return m.Ssh(
        **common,  # type: ignore[arg-type]
        client=banner if is_orig else None,
        server=None if is_orig else banner,
    )


MAKERS: dict[int, Callable[[Common, Fields, bool], AnyMessage]] = {
    m.K_DNS: _dns,
    m.K_TLS_CLIENT: _tls_client,
    m.K_TLS_SERVER: _tls_server,
    m.K_HTTP_REQUEST: _http,
    m.K_HTTP_RESPONSE: _http,
    m.K_DHCP: _dhcp,
    m.K_KERBEROS: _kerberos,
    m.K_NTLM: _ntlm,
    m.K_SSH: _ssh,
}
