"""Who a certificate names, and how envelopes are put into requests."""

import pytest

from sensor.wire.site_https import ENVELOPES_MAX, POST_MAX, batches, client_context, site_of, times_of
from tests.wire.certificates import Authority


def shown(*names, common="CN"):
    """Return a certificate as `ssl` shows one."""
    return {"subject": ((("organizationName", "x"),), (("commonName", common),)), "subjectAltName": names}


@pytest.mark.parametrize(
    ("certificate", "site"),
    [
        (shown(common="SYD"), "SYD"), (shown(("DNS", "x"), ("URI", "spanline:site:PER"), common="SYD"), "PER"),
        (shown(("URI", "https://spanline:site:PER"), common="SYD"), "SYD"),
        (shown(("URI", "spanline:site:Z%C3%BCrich%202")), "Zürich 2"), (None, None), ({}, None),
        (shown(("URI", "spanline:site:A"), ("URI", "spanline:site:B")), None), (shown(("URI", "spanline:site:")), None),
        (shown(("URI", "spanline:site:a%2Fb")), None), (shown(common="a=b"), None), (shown(common="x" * 65), None),
        ({"subject": ((("commonName", "A"),), (("commonName", "B"),))}, None),
    ],
)  # fmt: skip
def test_a_certificate_names_one_site_or_none(certificate, site):
    """The URI goes before the common name; two of either, and names that no site may have, are none."""
    assert site == site_of(certificate)


def test_envelopes_are_joined_as_far_as_a_request_goes():
    """None is cut, none is left out, and their order stays."""
    written = [bytes([k % 251]) * size for k, size in enumerate([400_000] * 5 + [1] * 600 + [POST_MAX])]
    joined = batches(written)

    assert b"".join(written) == b"".join(joined)
    assert max(map(len, joined)) <= POST_MAX
    assert [2, 2, 1 + ENVELOPES_MAX - 1] == [len(one) // 400_000 or 1 for one in joined[:2]] + [ENVELOPES_MAX]
    assert [] == batches([])


def test_files_that_are_no_certificates_are_told(tmp_path):
    """What cannot be read, or is something else, is an OSError; no password is asked for."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("SYD")
    assert client_context(authority.file, cert, key).check_hostname
    locked = authority.issue("PER", b"secret")
    for ca, pair in (
        (authority.file, locked),
        (authority.file, (cert, cert)),
        (key, (cert, key)),
        ("/no", (cert, key)),
    ):
        with pytest.raises(OSError):  # noqa: PT011 - of ssl, or of the file
            client_context(ca, *pair)


@pytest.mark.parametrize(
    ("headers", "times"),
    [
        ([(b"spanline-sent", b"5")], (5, 0, 0)), ([(b"Spanline-Sent", b"5"), (b"Spanline-Heard", b"7 8")], (5, 7, 8)),
        ([], None), ([(b"spanline-heard", b"7 8")], None), ([(b"spanline-sent", b"x")], None),
        ([(b"spanline-sent", b"5"), (b"spanline-heard", b"7")], None), ([(b"spanline-sent", b"-5")], None),
        ([(b"spanline-sent", b"9" * 20)], None), ([(b"spanline-sent", b"5 6")], None),
        ([(b"spanline-sent", b"")], None),
        ([(b"spanline-sent", b"5 6"), (b"spanline-heard", b"7")], None),
    ],
)  # fmt: skip
def test_times_of_a_request(headers, times):
    """What is no time, or too much of it, is none."""
    assert times == times_of(headers)
