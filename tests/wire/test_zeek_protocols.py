"""Records of smb, dce_rpc, rdp, radius, ldap, quic, smtp, ftp and tunnel logs."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model import protocols
from sensor.wire.zeek_messages import READERS

ID = {"ts": "1.5", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "4000", "id.resp_h": "10.0.0.2", "id.resp_p": "5"}
SHARED = {"ts": 1_500_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 4000, "resp_h": "10.0.0.2", "resp_p": 5,
          "input": 3, "offset": 7}  # fmt: skip
TCP, UDP = 6, 17
SHARE = "\\\\SRV\\sysvol"


def read(kind, **columns):
    """Read one record of a log."""
    return READERS[kind]((ID | columns).get, 3, 7)


def test_smb():
    """Mappings, files and commands are one kind of message."""
    assert protocols.Smb(**SHARED, proto=TCP, action="mapping", path=SHARE, share_type="DISK", service="A:") == read(
        "smb_mapping", path=SHARE, share_type="DISK", service="A:"
    )
    assert protocols.Smb(
        **SHARED, proto=TCP, action="SMB::FILE_RENAME", path=SHARE, name="b", prev_name="a", size=22
    ) == read("smb_files", action="SMB::FILE_RENAME", path=SHARE, name="b", prev_name="a", size="22")
    assert protocols.Smb(
        **SHARED, proto=TCP, action="NT_CREATE_ANDX", path=SHARE, name="\\browser", service="IPC", status="SUCCESS",
        username="u",
    ) == read(
        "smb_cmd", command="NT_CREATE_ANDX", argument="\\browser", status="SUCCESS", tree=SHARE, tree_service="IPC",
        username="u",
    )  # fmt: skip


def test_dce_rpc_and_rdp():
    """Names as they stand."""
    call = {"named_pipe": "135", "endpoint": "epmapper", "operation": "ept_map"}
    assert protocols.DceRpc(**SHARED, proto=TCP, **call) == read("dce_rpc", **call)
    session = {"cookie": "adm", "result": "encrypted", "security_protocol": "HYBRID", "client_name": "PC",
               "client_build": "RDP 10.0", "keyboard_layout": "English"}  # fmt: skip
    assert protocols.Rdp(**SHARED, proto=TCP, **session) == read("rdp", **session)


def test_radius():
    """The station's link-layer address is written in one form; another kind of name stays."""
    found = read("radius", username="John", mac="00-14-22-E9-54-5E", framed_addr="10.9.0.3", connect_info="CONNECT",
                 tunnel_client="203.0.113.9", reply_msg="code?", result="success")  # fmt: skip
    assert protocols.Radius(
        **SHARED, proto=UDP, username="John", mac="00:14:22:e9:54:5e", framed_addr="10.9.0.3", connect_info="CONNECT",
        tunnel_client="203.0.113.9", reply_msg="code?", result="success",
    ) == found  # fmt: skip
    assert "+61 2 9999" == read("radius", mac="+61 2 9999").mac


def test_ldap_of_today_and_before():
    """Sets of the older log give their first member; a search's base is the object."""
    today = read("ldap", opcode="bind simple", object="CN=x", argument="pw", result="success")
    assert (
        protocols.Ldap(**SHARED, proto=0, opcode="bind simple", object="CN=x", argument="pw", result="success") == today
    )
    before = read("ldap", proto="tcp", opcodes=["bind simple"], objects=["CN=x"])
    assert ("bind simple", "CN=x", TCP) == (before.opcode, before.object, before.proto)
    assert protocols.Ldap(
        **SHARED, proto=0, opcode="search", object="DC=x", argument="(uid=a)", result="success"
    ) == read("ldap_search", base_object="DC=x", filter="(uid=a)", result="success")


def test_quic():
    """The protocol that the client asked for is the only one named."""
    assert protocols.Quic(**SHARED, proto=UDP, version="1", server_name="x.test", alpn=("h3",)) == read(
        "quic", version="1", server_name="x.test", client_protocol="h3"
    )


def test_smtp():
    """Envelope and headers."""
    found = read("smtp", helo="pc", mailfrom="a@x.test", rcptto=["b@x.test", "c@x.test"], subject="s", tls="T",
                 msg_id="<1@x>", user_agent="m", last_reply="250 ok", **{"from": "A <a@x.test>"})  # fmt: skip
    assert protocols.Smtp(
        **SHARED, proto=TCP, helo="pc", mailfrom="a@x.test", rcptto=("b@x.test", "c@x.test"), sender="A <a@x.test>",
        subject="s", msg_id="<1@x>", user_agent="m", last_reply="250 ok", tls=True,
    ) == found  # fmt: skip


def test_ftp():
    """Each column that is read; others are passed over."""
    found = read("ftp", user="u", command="RETR", arg="f", file_size="9", reply_code="226",
                 reply_msg="ok", mime_type="text/plain", mode="x")  # fmt: skip
    assert protocols.Ftp(
        **SHARED, proto=TCP, user="u", command="RETR", argument="f", file_size=9, reply_code=226, reply_msg="ok",
        mime_type="text/plain",
    ) == found  # fmt: skip


def test_tunnel():
    """Its ports may be 0, and its uid unset."""
    found = read("tunnel", tunnel_type="Tunnel::TEREDO", action="Tunnel::DISCOVER", uid=None)
    assert ("", "Tunnel::TEREDO", "Tunnel::DISCOVER") == (found.uid, found.tunnel_type, found.action)


@pytest.mark.parametrize(
    ("kind", "columns", "reason"),
    [
        ("smb_files", {"size": "x"}, "bad_size"),
        ("radius", {"framed_addr": "x"}, "bad_framed_addr"),
        ("smtp", {"tls": "maybe"}, "bad_tls"),
        ("ftp", {"reply_code": "-1"}, "bad_reply_code"),
        ("rdp", {"cookie": True}, "bad_cookie"),
        ("quic", {"id.orig_h": None}, "missing_orig_h"),
        ("dce_rpc", {"ts": "x"}, "bad_ts"),
    ],
)
def test_a_value_that_does_not_parse_refuses_the_record(kind, columns, reason):
    """The reason names the column."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        read(kind, **columns)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("1.5") | st.just("10.0.0.1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(READERS)), st.data())
def test_any_values_give_a_message_or_a_reason(kind, data):
    """Whatever stands under the columns that a reader asks for, only Malformed comes out."""

    def get(column):
        return data.draw(anything) if data.draw(st.booleans()) else ID.get(column)

    with contextlib.suppress(Malformed):
        assert 3 == READERS[kind](get, 3, 7).input
