"""What a parser's record and tshark say of the same frame, side by side, in tshark's form."""

import ipaddress

from sensor.model import metadata as m

PROTOCOLS = {
    m.K_DNS: "dns",
    m.K_TLS_CLIENT: "tls",
    m.K_TLS_SERVER: "tls",
    m.K_HTTP_REQUEST: "http",
    m.K_HTTP_RESPONSE: "http",
    m.K_DHCP: "dhcp",
    m.K_KERBEROS: "kerberos",
    m.K_NTLM: "ntlm",
    m.K_SSH: "ssh",
}


def first_number(values):
    return int(values[0], 0) if values else None


def number(record, field):
    return int.from_bytes(record.fields[field][0], "little") if field in record.fields else None


def text(record, field):
    return record.fields[field][0].decode("utf-8", "backslashreplace") if field in record.fields else None


def texts(record, field):
    return [value.decode("utf-8", "backslashreplace") for value in record.fields.get(field, ())]


def first(values):
    return values[0] if values else None


def pairs(record, frame):
    """Yield (what is compared, ours, tshark's)."""
    return COMPARE[PROTOCOLS[record.kind]](record, frame.get)


def dns(record, get):
    if get("nbns.name"):
        theirs = get("nbns.name")[0].rpartition("<")[0].rstrip().lower()
        yield "netbios name", text(record, m.F_QUERY), theirs
        return
    if not get("dns.id"):
        return
    yield "id", number(record, m.F_TRANS_ID), first_number(get("dns.id"))
    name = first(get("dns.qry.name"))
    yield "query", text(record, m.F_QUERY), name and {"<Root>": "."}.get(name, name.lower())
    yield "qtype", number(record, m.F_QTYPE), first_number(get("dns.qry.type"))
    response = first(get("dns.flags.response"))
    yield "response", (number(record, m.F_FLAGS) or 0) >> 15, int(response) if response else None
    yield "rcode", number(record, m.F_RCODE), first_number(get("dns.flags.rcode"))
    if get("dns.count.auth_rr") == ["0"] and get("dns.count.add_rr") == ["0"]:
        ours = [str(ipaddress.ip_address(value)) for value in record.fields.get(m.F_ANSWER_A, ())]
        yield "addresses", sorted(ours), sorted((get("dns.a") or []) + (get("dns.aaaa") or []))
        kinds = ("dns.cname", "dns.ptr.domain_name", "dns.ns", "dns.mx.mail_exchange", "dns.srv.target")
        theirs = [name.lower() for kind in kinds for name in get(kind) or []]
        yield "names", sorted(texts(record, m.F_ANSWER_NAME)), sorted(theirs)
        yield "texts", "".join(texts(record, m.F_ANSWER_TEXT)), "".join(get("dns.txt") or [])
        read = {"1", "28", "5", "12", "2", "15", "33", "16"}
        if get("dns.count.answers") != [str(len(get("dns.resp.type") or []))]:
            return  # tshark lists the types inside an NSEC record as if they were answers
        ttls = [
            int(ttl)
            for ttl, kind in zip(get("dns.resp.ttl") or [], get("dns.resp.type") or [], strict=False)
            if kind in read
        ]
        yield "ttls", [int.from_bytes(value, "little") for value in record.fields.get(m.F_TTL, ())], ttls


def tls(record, get):
    client = record.kind == m.K_TLS_CLIENT
    yield "type", "1" if client else "2", first(get("tls.handshake.type"))
    yield "version", number(record, m.F_VERSION), first_number(get("tls.handshake.version"))
    if client:
        yield "sni", text(record, m.F_SERVER_NAME), first(get("tls.handshake.extensions_server_name"))
        yield "ja3 text", text(record, m.F_JA3_TEXT), first(get("tls.handshake.ja3_full"))
        yield "alpn", texts(record, m.F_ALPN), get("tls.handshake.extensions_alpn_str") or []
    else:
        yield "cipher", number(record, m.F_CIPHER), first_number(get("tls.handshake.ciphersuite"))
        yield "ja3s text", text(record, m.F_JA3S_TEXT), first(get("tls.handshake.ja3s_full"))


def http(record, get):
    if record.kind == m.K_HTTP_REQUEST:
        yield "method", text(record, m.F_METHOD), first(get("http.request.method"))
        yield "uri", text(record, m.F_URI), first(get("http.request.uri"))
        yield "host", text(record, m.F_HOST), first(get("http.host"))
        yield "agent", text(record, m.F_USER_AGENT), first(get("http.user_agent"))
        yield "referer", text(record, m.F_REFERRER), first(get("http.referer"))
        return
    yield "code", number(record, m.F_STATUS_CODE), first_number(get("http.response.code"))
    yield "phrase", text(record, m.F_STATUS_MSG), first(get("http.response.phrase"))
    yield "server", text(record, m.F_SERVER), first(get("http.server"))
    kind = first(get("http.content_type"))
    yield "type", text(record, m.F_MIME), kind and kind.partition(";")[0].strip()


def dhcp(record, get):
    mac = record.fields.get(m.F_MAC)
    yield "mac", mac and mac[0].hex(":"), first(get("dhcp.hw.mac_addr"))
    yield "id", number(record, m.F_TRANS_ID), first_number(get("dhcp.id"))
    yield "type", number(record, m.F_MSG_TYPE), first_number(get("dhcp.option.dhcp"))
    yield "host", text(record, m.F_HOST_NAME), first(get("dhcp.option.hostname"))
    yield "fqdn", text(record, m.F_FQDN), first(get("dhcp.fqdn.name"))
    yield "domain", text(record, m.F_DOMAIN), first(get("dhcp.option.domain_name"))
    yield "vendor", text(record, m.F_VENDOR_CLASS), first(get("dhcp.option.vendor_class_id"))
    for name, field, theirs in (
        ("client", m.F_CLIENT_ADDR, "dhcp.ip.client"),
        ("assigned", m.F_ASSIGNED_ADDR, "dhcp.ip.your"),
        ("requested", m.F_REQUESTED_ADDR, "dhcp.option.requested_ip_address"),
        ("server", m.F_SERVER_ADDR, "dhcp.option.dhcp_server_id"),
    ):
        ours = record.fields.get(field)
        value = first(get(theirs))
        yield (
            name,
            ours and str(ipaddress.ip_address(ours[0])),
            None if value == str(ipaddress.ip_address(0)) else value,
        )
    lease = first(get("dhcp.option.ip_address_lease_time"))
    yield "lease", number(record, m.F_LEASE_TIME), lease and int(lease)


def kerberos(record, get):
    yield "type", number(record, m.F_REQUEST_TYPE), first_number(get("kerberos.msg_type"))
    client = get("kerberos.CNameString")
    yield "client", text(record, m.F_CNAME), client and "/".join(client)
    service = get("kerberos.SNameString")
    ours = text(record, m.F_SNAME)
    # tshark lists every name of a frame: a TGS-REQ also holds, in its padata, the ticket that pays for it
    wanted = ours.split("/") if ours else None
    inside = wanted and any(service[k : k + len(wanted)] == wanted for k in range(len(service or ())))
    yield "service", wanted, wanted if inside else service
    kind = number(record, m.F_REQUEST_TYPE)
    reply = kind in (11, 13, 30)
    yield "realm", text(record, m.F_REALM), first(get("kerberos.crealm" if reply else "kerberos.realm"))
    yield "error", number(record, m.F_ERROR_CODE), first_number(get("kerberos.error_code"))


def ntlm(record, get):
    yield "type", number(record, m.F_MSG_TYPE), first_number(get("ntlmssp.messagetype"))
    if number(record, m.F_MSG_TYPE) == 3:
        for name, field, theirs in (
            ("user", m.F_USERNAME, "ntlmssp.auth.username"),
            ("domain", m.F_DOMAINNAME, "ntlmssp.auth.domain"),
            ("host", m.F_HOSTNAME, "ntlmssp.auth.hostname"),
        ):
            value = first(get(theirs))
            yield name, text(record, field), None if value == "NULL" else value
        return
    start = "ntlmssp.challenge.target_info."
    yield "nb", text(record, m.F_SERVER_NB_NAME), first(get(start + "nb_computer_name"))
    yield "dns", text(record, m.F_SERVER_DNS_NAME), first(get(start + "dns_computer_name"))
    yield "tree", text(record, m.F_SERVER_TREE_NAME), first(get(start + "dns_tree_name"))


def ssh(record, get):
    yield "banner", text(record, m.F_BANNER), first(get("ssh.protocol"))


COMPARE = {"dns": dns, "tls": tls, "http": http, "dhcp": dhcp, "kerberos": kerberos, "ntlm": ntlm, "ssh": ssh}
