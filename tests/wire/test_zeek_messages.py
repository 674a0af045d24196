"""Records of the logs that are messages."""

import pytest

from sensor.errors import Malformed
from sensor.model import metadata
from sensor.wire.zeek_messages import NO_ADDRESS, READERS

ID = {
    "ts": "1.5",
    "uid": "C1",
    "id.orig_h": "10.0.0.1",
    "id.orig_p": "4000",
    "id.resp_h": "10.0.0.2",
    "id.resp_p": "53",
}
SHARED = {"ts": 1_500_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 4000, "resp_h": "10.0.0.2", "resp_p": 53}


def read(kind, **columns):
    """Read one record of a log."""
    return READERS[kind]((ID | columns).get, 3, 7)


def test_dns():
    """Answers are sorted into addresses, names and texts; TTLs are whole seconds."""
    found = read(
        "dns", proto="udp", query="x.test", qtype="1", rcode="0", trans_id="9",
        answers=["cdn.test", "192.0.2.1", "2001:DB8::1", "TXT 5 hello"], TTLs=["60.000000", "3600.4", "0.0", None],
    )  # fmt: skip
    assert metadata.Dns(
        **SHARED, proto=17, input=3, offset=7, query="x.test", qtype=1, rcode=0, is_response=True, trans_id=9,
        addresses=("192.0.2.1", "2001:db8::1"), names=("cdn.test",), texts=("TXT 5 hello",), ttls=(60, 3600, 0),
    ) == found  # fmt: skip


def test_a_hostile_set_of_answers_is_cut():
    """A line of a hundred thousand answers, half of them text, is read in one pass, and 256 are kept."""
    found = read("dns", proto="udp", query="x.test", qtype="1", answers=["TXT 1 a", "b"] * 50_000, TTLs=["1"] * 100_000)
    assert (128, 128, 256) == (len(found.texts), len(found.names), len(found.ttls))


def test_dns_without_an_answer():
    """A query that nobody answered is no response; what is unset is None."""
    found = read("dns", proto="udp", query="x.test")
    assert (False, None, ()) == (found.is_response, found.rcode, found.addresses)


def test_ssl():
    """The cipher's name becomes its number, the protocol chosen the only one."""
    found = read("ssl", version="TLSv12", cipher="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", server_name="x.test",
                 next_protocol="h2", ja3="a", ja3s="b")  # fmt: skip
    assert metadata.Tls(
        **SHARED, proto=6, input=3, offset=7, version="TLSv12", cipher=0xC030, server_name="x.test", alpn=("h2",),
        ja3="a", ja3s="b",
    ) == found  # fmt: skip
    assert (17, None) == (read("ssl", version="DTLSv12").proto, read("ssl", cipher="unknown-1").cipher)


def test_http():
    """Both the columns of today and the older mime_type."""
    found = read("http", method="GET", host="x.test", uri="/", user_agent="a", status_code="200", status_msg="OK",
                 resp_mime_types=["text/html"])  # fmt: skip
    assert ("GET", "x.test", "/", "a", 200, "OK", "text/html", 6) == (
        found.method, found.host, found.uri, found.user_agent, found.status_code, found.status_msg, found.mime_type,
        found.proto,
    )  # fmt: skip
    assert "text/plain" == read("http", mime_type="text/plain").mime_type


def test_dhcp_of_today():
    """A record over an exchange has no connection; its client's and server's addresses stand for it."""
    columns = {"ts": "1.5", "uids": ["C1", "C2"], "mac": "AA:bb:cc:dd:ee:ff", "host_name": "pc",
               "client_addr": "10.0.0.9",
               "assigned_addr": "10.0.0.9", "lease_time": "600.000000", "msg_types": ["REQUEST", "ACK"]}  # fmt: skip
    found = READERS["dhcp"](columns.get, 0, 0)
    assert ("C1", "10.0.0.9", 68, "255.255.255.255", 67, 17) == (
        found.uid, found.orig_h, found.orig_p, found.resp_h, found.resp_p, found.proto,
    )  # fmt: skip
    assert ("aa:bb:cc:dd:ee:ff", "pc", "10.0.0.9", 600, 5) == (
        found.mac, found.host_name, found.assigned_addr, found.lease_time_s, found.msg_type,
    )  # fmt: skip
    del columns["client_addr"]
    assert NO_ADDRESS == READERS["dhcp"](columns.get, 0, 0).orig_h


def test_dhcp_of_old():
    """A lease with a connection's columns, whose time may be written with an exponent."""
    found = read("dhcp", mac="00:20:18:eb:ca:21", assigned_ip="192.168.33.101", lease_time="4.294967e+09")
    assert ("10.0.0.1", "192.168.33.101", 4_294_967_000) == (found.orig_h, found.assigned_addr, found.lease_time_s)


def test_kerberos():
    """The error's name becomes its code; which transport is not said."""
    found = read(
        "kerberos",
        request_type="AS",
        client="u/R",
        service="krbtgt/R",
        success="F",
        error_msg="KDC_ERR_PREAUTH_REQUIRED",
    )
    assert ("AS", "u/R", "krbtgt/R", False, 25, 0) == (
        found.request_type, found.client, found.service, found.success, found.error_code, found.proto,
    )  # fmt: skip


def test_ntlm_and_ssh():
    """Names and banners as they stand."""
    ntlm = read("ntlm", username="u", hostname="PC", domainname="D", success="T")
    ssh = read("ssh", client="SSH-2.0-a")
    assert ("u", "PC", "D", True) == (ntlm.username, ntlm.hostname, ntlm.domainname, ntlm.success)
    assert ("SSH-2.0-a", None) == (ssh.client, ssh.server)


@pytest.mark.parametrize(
    ("kind", "columns", "reason"),
    [
        ("dns", {}, "missing_proto"),
        ("dns", {"proto": "udp", "qtype": "x"}, "bad_qtype"),
        ("dns", {"proto": "udp", "TTLs": ["x"]}, "bad_TTLs"),
        ("http", {"ts": None}, "missing_ts"),
        ("http", {"status_code": "-1"}, "bad_status_code"),
        ("ssl", {"id.orig_h": "x"}, "bad_orig_h"),
        ("dhcp", {"mac": "x"}, "bad_mac"),
        ("ntlm", {"success": "maybe"}, "bad_success"),
        ("ssh", {"id.resp_p": "99999"}, "bad_resp_p"),
        ("kerberos", {"uid": "C" * 25}, "bad_uid"),
    ],
)
def test_a_value_that_does_not_parse_refuses_the_record(kind, columns, reason):
    """The reason names the column."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        read(kind, **columns)
