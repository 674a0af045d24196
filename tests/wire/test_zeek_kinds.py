"""Which log a record belongs to."""

import pytest

from sensor.wire.zeek_kinds import _SHOWN_BY, KINDS, OTHER_KINDS, kind_of

ID = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p"


@pytest.mark.parametrize(
    ("path", "columns", "kind"),
    [
        ("conn", "ts", "conn"),
        ("conn_long", "ts", "conn"),
        ("", ID + "\tproto\tconn_state", "conn"),
        ("internal", ID + "\tproto\tconn_state", "conn"),
        ("", ID + "\tquery\tqtype", "dns"),
        ("", ID + "\tmethod\thost\turi", "http"),
        ("", ID + "\tversion\tcipher", "ssl"),
        ("", "ts\tuids\tmac\tassigned_addr", "dhcp"),
        ("", ID + "\trequest_type\tclient", "kerberos"),
        ("", ID + "\tusername\thostname\tdomainname", "ntlm"),
        ("", ID + "\tauth_attempts", "ssh"),
        ("stats", "ts\tfuid", None),
        ("files", "ts\tfuid", "files"),
        ("irc", ID + "\tuser\tcommand\tpassword", None),
        ("", ID + "\taction\tpath\tname", "smb_files"),
        ("", ID + "\tcommand\tuser\tpassword\treply_code", "ftp"),
        ("", ID + "\tfunc", "modbus"),
        ("", ID + "\tfunc\tmatched", "modbus_detailed"),
        ("", "ts\thost", "known_hosts"),
        ("", "ts\thost\tport_num\tport_proto", "known_services"),
        ("", "ts\thost\tother", None),
        ("", ID + "\tname\taddl", None),
    ],
)
def test_the_kind_of_a_log(path, columns, kind):
    """The path says it, else the columns that only this log has together."""
    assert kind == kind_of(path, frozenset(columns.split("\t")))


def test_every_rule_names_a_log_that_is_read_and_can_be_reached():
    """A rule's own columns lead to its own log: none before it takes them away."""
    for kind, columns in _SHOWN_BY:
        assert kind in KINDS
        assert kind == kind_of("", columns | {"ts"})


def test_a_log_is_read_or_not():
    """No name is in both lists."""
    assert frozenset() == KINDS & OTHER_KINDS
