"""Metadata rows become Structs: null where a field is absent, formatted and hashed where it is there."""

import numpy as np

from sensor.flows.export import write_uid
from sensor.model import addresses
from sensor.model import metadata as m
from sensor.packets.identify import parse
from sensor.packets.messages import decode, ja3_hash, ja4_hash, uid_text
from tests.packets import samples
from tests.packets.samples import TCP, UDP, dns, name, record


def rows_of(*messages):
    """META rows and their arena, as the flow table leaves them: each message with its is_orig."""
    rows = np.zeros(len(messages), m.META)
    arena = np.zeros((len(messages) + 1) * m.META_MAX_BYTES, np.uint8)
    at = 5
    for number, (kind, proto, content, is_orig) in enumerate(messages):
        buf = np.frombuffer(bytearray(content), np.uint8)
        end, whole, found = parse(kind, buf, 0, len(content), len(content), is_orig, proto, arena, at)
        assert end > at
        row = rows[number]
        row["ts"], row["uid"], row["offset"] = 1_000 + number, 2**63 + number, number
        row["orig_hi"], row["orig_lo"] = addresses.parse("192.0.2.7")
        row["resp_hi"], row["resp_lo"] = addresses.parse("2001:db8::1")
        row["at"], row["len"] = at, end - at
        row["orig_p"], row["resp_p"], row["proto"] = 40000, 53, proto
        row["kind"], row["is_orig"], row["whole"] = found, is_orig, whole
        at = end
    return rows, arena


def one(kind, proto, content, is_orig=1):
    return decode(*rows_of((kind, proto, content, is_orig)))[0]


def test_every_sample_becomes_the_struct_of_its_kind():
    """Rows keep their order, each with endpoints, time, flow and place in its input."""
    tries = samples.all_samples()
    found = decode(*rows_of(*[(*item, 1) for item in tries]), source=3)
    kinds = {
        m.K_DNS: m.Dns,
        m.K_TLS_CLIENT: m.Tls,
        m.K_TLS_SERVER: m.Tls,
        m.K_HTTP_REQUEST: m.Http,
        m.K_HTTP_RESPONSE: m.Http,
        m.K_DHCP: m.Dhcp,
        m.K_KERBEROS: m.Kerberos,
        m.K_NTLM: m.Ntlm,
        m.K_SSH: m.Ssh,
    }
    assert [kinds[kind] for kind, _, _ in tries] == [type(item) for item in found]
    first = found[0]
    assert (1_000, "192.0.2.7", 40000, "2001:db8::1", 53, UDP, 3, 0) == (
        first.ts,
        first.orig_h,
        first.orig_p,
        first.resp_h,
        first.resp_p,
        first.proto,
        first.input,
        first.offset,
    )
    assert uid_text(2**63) == first.uid
    assert list(range(len(tries))) == [item.offset for item in found]


def test_no_rows_are_no_messages_and_unknown_kinds_are_left_out():
    """An empty batch, and a row of a kind that a later release may write."""
    assert [] == decode(np.zeros(0, m.META), np.zeros(0, np.uint8))
    rows, arena = rows_of((m.K_SSH, TCP, b"SSH-2.0-x\n", 1))
    rows["kind"] = 200
    assert [] == decode(rows, arena)


def test_flow_numbers_are_written_in_base_32():
    """C and thirteen digits, which give the number back; the flow table writes the same."""
    for number in (0, 31, 32, 0x0123_4567_89AB_CDEF, 2**64 - 1):
        text = uid_text(number)
        raw = np.zeros(14, np.uint8)
        write_uid(raw, 0, np.uint64(number))
        assert (14, "C", number) == (len(text), text[0], int(text[1:], 32))
        assert text.encode() == raw.tobytes()


def test_dns_answers_are_addresses_names_and_texts():
    """Both address families in Zeek's form; a query has no rcode and no answers."""
    answers = (
        record(b"\xc0\x0c", 1, bytes([192, 0, 2, 1]), ttl=5),
        record(b"\xc0\x0c", 28, bytes(15) + b"\1", ttl=6),
        record(b"\xc0\x0c", 5, name("b.example")),
        record(b"\xc0\x0c", 16, b"\2\xff!"),
    )
    found = one(m.K_DNS, UDP, dns(name("a.example"), answers=answers))
    assert ("a.example", 1, 0, True, 7) == (found.query, found.qtype, found.rcode, found.is_response, found.trans_id)
    assert (("192.0.2.1", "::1"), ("b.example",), ("\\xff!",)) == (found.addresses, found.names, found.texts)
    assert (5, 6, 60, 60) == found.ttls
    query = one(m.K_DNS, UDP, dns(name("a.example")))
    assert (None, False, ()) == (query.rcode, query.is_response, query.addresses)


def test_tls_versions_have_zeeks_names_and_fingerprints_are_hashed():
    """Client and server; what a message does not say is null."""
    client = one(m.K_TLS_CLIENT, TCP, samples.records(samples.chrome_hello()))
    assert ("TLSv13", "www.example.com", ("h2", "http/1.1"), True, False) == (
        client.version,
        client.server_name,
        client.alpn,
        client.is_client,
        client.encrypted_client_hello,
    )
    assert ("t13d1516h2_8daaf6152771_e5627efa2ab1", None, None) == (client.ja4, client.ja3s, client.cipher)
    server = one(m.K_TLS_SERVER, TCP, samples.records(samples.server_hello(0x2F, [], version=0x0301)))
    assert ("TLSv10", 0x2F, None, None, False) == (
        server.version,
        server.cipher,
        server.ja3,
        server.ja4,
        server.is_client,
    )
    assert ja3_hash(b"769,47,") == server.ja3s
    odd = one(m.K_TLS_SERVER, TCP, samples.records(samples.server_hello(1, [samples.extension(43, b"\x7f\x1c")])))
    assert "unknown-32540" == odd.version


def test_a_cut_hello_has_no_version():
    """The legacy version is no guess at the one that was offered behind the cut."""
    content = samples.records(samples.chrome_hello())
    rows, arena = np.zeros(1, m.META), np.zeros(m.META_MAX_BYTES, np.uint8)
    buf = np.frombuffer(bytearray(content[:160]), np.uint8)
    rows["len"], _, rows["kind"] = parse(m.K_TLS_CLIENT, buf, 0, 160, len(content), 1, TCP, arena, 0)
    found = decode(rows, arena)[0]
    assert (None, None, None, "www.example.com") == (found.version, found.ja3, found.ja4, found.server_name)


def test_a_dhcp_client_shows_how_it_asks():
    """The client identifier in hex, the options asked for in their order."""
    content = samples.dhcp(
        samples.option(53, b"\3"), samples.option(61, b"\xff\0\1"), samples.option(55, b"\1\3\x06")
    )  # fmt: skip
    asked = one(m.K_DHCP, UDP, content)

    assert ("ff0001", "1,3,6") == (asked.client_id, asked.param_list)


def test_http_dhcp_and_ssh():
    """Requests and responses; hardware address, lease and addresses; which side announced itself."""
    by_kind = {kind: (kind, proto, content) for kind, proto, content in samples.all_samples()}
    request, response = one(*by_kind[m.K_HTTP_REQUEST]), one(*by_kind[m.K_HTTP_RESPONSE], is_orig=0)
    assert ("POST", "www.example.com", "/a/b?c=d", "curl/8.5.0", "http://x/", "text/plain") == (
        request.method,
        request.host,
        request.uri,
        request.user_agent,
        request.referrer,
        request.mime_type,
    )
    assert (None, 404, "Not Found", "nginx") == (
        response.method,
        response.status_code,
        response.status_msg,
        response.server,
    )
    lease = one(*by_kind[m.K_DHCP])
    assert ("02:00:00:ab:cd:ef", 5, "10.0.0.5", "10.0.0.1", 3600, "example.com", None) == (
        lease.mac,
        lease.msg_type,
        lease.assigned_addr,
        lease.server_addr,
        lease.lease_time_s,
        lease.domain,
        lease.host_name,
    )
    line = (m.K_SSH, TCP, b"SSH-2.0-OpenSSH_9.6\r\n")
    assert ("SSH-2.0-OpenSSH_9.6", None) == (one(*line).client, one(*line).server)
    assert (None, "SSH-2.0-OpenSSH_9.6") == (one(*line, is_orig=0).client, one(*line, is_orig=0).server)


def test_kerberos_clients_have_zeeks_form():
    """name/REALM; replies succeeded, errors did not, and a request says neither."""
    user, service = samples.principal(1, "mpl"), samples.principal(2, "krbtgt", "R")
    ask = one(m.K_KERBEROS, UDP, samples.kdc_request(10, user, "R", service))
    reply = one(m.K_KERBEROS, UDP, samples.kdc_reply(13, user, "R", service))
    error = one(m.K_KERBEROS, UDP, samples.kerberos_error(24, user, "R", service))
    anonymous = one(m.K_KERBEROS, UDP, samples.kdc_request(12, b"", "R", service))
    assert [
        ("AS", "mpl/R", "krbtgt/R", None, None),
        ("TGS", "mpl/R", "krbtgt/R", True, None),
        (None, "mpl/R", "krbtgt/R", False, 24),
        ("TGS", None, "krbtgt/R", None, None),
    ] == [
        (item.request_type, item.client, item.service, item.success, item.error_code)
        for item in (ask, reply, error, anonymous)
    ]


def test_ntlm_names():
    """Both messages; OEM bytes that are no UTF-8 are escaped."""
    who = one(m.K_NTLM, TCP, samples.ntlm_authenticate("D", "Grüße", "H"))
    assert ("D", "Grüße", "H", None) == (who.domainname, who.username, who.hostname, who.server_nb_computer_name)
    server = one(m.K_NTLM, TCP, samples.ntlm_challenge(id1="S", id3="s.d", id5="d"))
    assert ("S", "s.d", "d", None) == (
        server.server_nb_computer_name,
        server.server_dns_computer_name,
        server.server_tree_name,
        server.username,
    )
    assert "us\\xe9r" == one(m.K_NTLM, TCP, samples.ntlm_authenticate(b"D", b"us\xe9r", b"H", flags=2)).username


def test_ja4_hashes_its_two_lists():
    """The published example, and zeros for lists that are empty."""
    assert "t12i000000_000000000000_000000000000" == ja4_hash(b"t12i000000__")
    assert "t13d1516h2_8daaf6152771_d8a2da3f94cd" == ja4_hash(
        b"t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        b"0005,000a,000b,000d,0012,0017,001b,0023,002b,002d,0033,44cd,fe0d,ff01_0403,0804,0401,0503,0805,0501,0806,0601"
    )
