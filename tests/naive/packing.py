"""Messages from metadata rows, field by field."""

from sensor.model import addresses
from sensor.model import metadata as m
from sensor.packets.messages import collect, uid_text
from sensor.packets.octets import address

KERBEROS_REQUESTS = {10: "AS", 11: "AS", 12: "TGS", 13: "TGS", 14: "AP", 15: "AP"}
KERBEROS_REPLIES = (11, 13, 15)
KERBEROS_ERROR = 30
DNS_RESPONSE = 0x8000


def pack(rows, arena, source=0):
    """A Struct for each row of a kind that the kernel writes."""
    found = []
    for row in rows:
        make = MAKERS.get(int(row["kind"]))
        if make is None:
            continue
        common = {name: int(row[name]) for name in ("ts", "orig_p", "resp_p", "proto", "offset")}
        common |= {"uid": uid_text(int(row["uid"])), "input": source}
        common |= {f"{end}_h": addresses.text(row[f"{end}_hi"], row[f"{end}_lo"]) for end in ("orig", "resp")}
        start, size = int(row["at"]), int(row["len"])
        found.append(make(common, collect(arena[start : start + size].tobytes()), bool(row["is_orig"])))
    return found


def _number(fields, field):
    return int.from_bytes(fields[field][0], "little") if field in fields else None


def _decode(value):
    return value.decode("utf-8", "backslashreplace")


def _text(fields, field):
    return _decode(fields[field][0]) if field in fields else None


def _texts(fields, field):
    return tuple(_decode(value) for value in fields.get(field, ()))


def _hex(fields, field):
    return fields[field][0].hex() if field in fields else None


def _decimals(fields, field):
    """Write bytes as numbers with commas, the usual form of a parameter request list."""
    return ",".join(str(octet) for octet in fields[field][0]) if field in fields else None


def _first_address(fields, field):
    return address(fields[field][0]) if field in fields else None


def _dns(common, fields, is_orig):
    return m.Dns(
        **common,
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


def _http(common, fields, is_orig):
    return m.Http(
        **common,
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


def _dhcp(common, fields, is_orig):
    hardware = fields.get(m.F_MAC)
    return m.Dhcp(
        **common,
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


def _kerberos(common, fields, is_orig):
    kind = _number(fields, m.F_REQUEST_TYPE)
    name, realm = _text(fields, m.F_CNAME), _text(fields, m.F_REALM)
    success = True if kind in KERBEROS_REPLIES else False if kind == KERBEROS_ERROR else None
    return m.Kerberos(
        **common,
        request_type=KERBEROS_REQUESTS.get(kind) if kind is not None else None,
        client=f"{name}/{realm}" if name is not None and realm is not None else None,
        service=_text(fields, m.F_SNAME),
        success=success,
        error_code=_number(fields, m.F_ERROR_CODE),
    )


def _ntlm(common, fields, is_orig):
    return m.Ntlm(
        **common,
        username=_text(fields, m.F_USERNAME),
        hostname=_text(fields, m.F_HOSTNAME),
        domainname=_text(fields, m.F_DOMAINNAME),
        server_nb_computer_name=_text(fields, m.F_SERVER_NB_NAME),
        server_dns_computer_name=_text(fields, m.F_SERVER_DNS_NAME),
        server_tree_name=_text(fields, m.F_SERVER_TREE_NAME),
    )


def _ssh(common, fields, is_orig):
    banner = _text(fields, m.F_BANNER)
    return m.Ssh(
        **common,
        client=banner if is_orig else None,
        server=None if is_orig else banner,
    )


MAKERS = {
    m.K_DNS: _dns,
    m.K_HTTP_REQUEST: _http,
    m.K_HTTP_RESPONSE: _http,
    m.K_DHCP: _dhcp,
    m.K_KERBEROS: _kerberos,
    m.K_NTLM: _ntlm,
    m.K_SSH: _ssh,
}
