"""The one door to the parsers: what it answers for whole, cut and foreign payloads, called as kernels call it."""

import base64

import pytest

from sensor.model import metadata as m
from sensor.packets import reading
from tests.naive import identify as twin
from tests.packets import samples
from tests.packets.door import Door
from tests.packets.payloads import gathered
from tests.packets.samples import TCP, UDP

SAMPLES = samples.all_samples()
LOGIN = b"NTLMSSP\0" + samples.ntlm_authenticate("CORP", "ben", "HOST")[8:]


def read(content, proto, **options):
    """Call the entry: (result words by name, fields, main name)."""
    door = Door()
    words, blob = door.read(content, proto, **options)
    text = door.arena[words["name"] : words["name"] + words["name_bytes"]].tobytes()
    return words, gathered(blob), text


def ports_of(kind, content):
    """A port that the kind needs to be known by: multicast DNS answers hold no question."""
    return (40000, 5353) if kind == m.K_DNS and content[4:6] == b"\0\0" else (40000, 40001)


@pytest.mark.parametrize(("kind", "proto", "content"), SAMPLES, ids=[str(k) for k in range(len(SAMPLES))])
def test_a_payload_is_recognised_and_read_in_one_call(kind, proto, content):
    """Kind, wholeness, fields and main name are the twins'."""
    if kind == m.K_NTLM:
        carried = content if content.startswith(b"NTLMSSP") else b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM " + content
        words, _, _ = read(carried, proto, mode=reading.READ_LOGIN)
        assert (1, m.K_NTLM) == (words["whole"], words["kind"])
        return
    ports = ports_of(kind, content)
    words, fields, name = read(content, proto, ports=ports)
    guess = twin.identify(content, len(content), proto, *ports)
    whole, found, expected = twin.parse(guess, content, len(content), proto)
    assert (whole, found, expected) == (words["whole"], words["kind"], fields)
    main = {
        m.K_DNS: m.F_QUERY, m.K_TLS_CLIENT: m.F_SERVER_NAME, m.K_HTTP_REQUEST: m.F_HOST,
        m.K_DHCP: m.F_HOST_NAME, m.K_KERBEROS: m.F_CNAME,
    }.get(found)  # fmt: skip
    assert fields.get(main, [b""])[0] == name


@pytest.mark.parametrize("content", [b"", b"\0", b"hello there, this is no protocol", bytes(64), b"\xff" * 64])
def test_what_no_parser_knows_is_none_of_theirs(content):
    """The answer is NOT_THIS, and nothing is written."""
    for proto in (TCP, UDP, 1, 132):
        assert m.NOT_THIS == read(content, proto)[0]["end"]


def test_a_message_that_goes_on_asks_for_more_over_tcp_alone():
    """Half a request: NEED_MORE; what was not captured is not waited for; a datagram never goes on."""
    half = b"GET /index.html HTTP/1.1\r\nHost: www.exam"
    assert m.NEED_MORE == read(half, TCP)[0]["end"]
    words, fields, _ = read(half, TCP, wire=len(half) + 100)
    assert (0, m.K_HTTP_REQUEST, [b"GET"]) == (words["whole"], words["kind"], fields[m.F_METHOD])
    assert m.NOT_THIS == read(half, UDP)[0]["end"]


@pytest.mark.parametrize(("code", "login"), [(200, 0), (401, 1), (407, 1), (404, 0), (400, 0)])
def test_only_answers_that_ask_for_a_login_may_carry_one(code, login):
    """401 and 407 (RFC 9110 §11.6.1, §11.7.1)."""
    words, _, _ = read(b"HTTP/1.1 %d Text\r\nServer: x\r\n\r\n" % code, TCP)
    assert login == words["again"]
    assert reading.READ_LOGIN == read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", TCP)[0]["again"]


def test_a_login_in_a_header_is_found_in_its_own_mode():
    """NTLM in base64 behind `Authorization:` (MS-NTHT), and none where there is none."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: NTLM " + base64.b64encode(LOGIN) + b"\r\n\r\n"
    words, fields, name = read(request, TCP, mode=reading.READ_LOGIN)
    assert (m.K_NTLM, [b"ben"], b"ben") == (words["kind"], fields[m.F_USERNAME], name)
    assert m.NOT_THIS == read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", TCP, mode=reading.READ_LOGIN)[0]["end"]


SMB2 = b"\0\0\0\0\xfeSMB" + bytes(8)
CARRIERS = {
    "smb2 session set-up": (SMB2 + b"\1\0" + bytes(50), True),
    "smb2 negotiate": (SMB2 + b"\0\0" + bytes(50), False),
    "smb1 session set-up": (b"\0\0\0\0\xffSMB\x73" + bytes(40), True),
    "smb1 negotiate": (b"\0\0\0\0\xffSMB\x72" + bytes(40), False),
    "dce-rpc bind": (b"\5\0\x0b\3" + bytes(40), True),
    "dce-rpc auth3": (b"\5\0\x10\3" + bytes(40), True),
    "dce-rpc request": (b"\5\0\0\3" + bytes(40), False),
    "ldap bind": (b"\x30\x84\0\0\0\x60" + bytes(40), True),
    "anything else": (bytes(64), False),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_logins_are_looked_for_where_they_are_carried(name):
    """SMB session set-up, DCE-RPC with authentication and LDAP binds; not in other messages of those."""
    head, carries = CARRIERS[name]
    words, _, _ = read(head + LOGIN, TCP)
    assert (reading.READ_LOGIN if carries else 0) == words["again"]
    assert 0 == read(head + LOGIN, UDP)[0]["again"]
    words, fields, _ = read(head + LOGIN, TCP, mode=reading.READ_LOGIN)
    assert (m.K_NTLM, [b"ben"]) == (words["kind"], fields[m.F_USERNAME])


def test_what_a_kernel_does_not_parse_is_handed_over_as_it_is():
    """Up to 2 KiB of it; whether anything was left out is noted."""
    radius = b"\1\7\0\x22" + bytes(16) + b"\1\x0ebob@example."
    words, fields, _ = read(radius, UDP, ports=(40000, 1812))
    assert (m.K_RADIUS, 1, {m.F_PAYLOAD: [radius]}) == (words["kind"], words["whole"], fields)
    mail = b"MAIL FROM:<" + b"a" * 3000
    words, fields, _ = read(mail, TCP, known=m.K_SMTP)
    assert (m.K_SMTP, 0, [mail[: reading.PAYLOAD_MAX]]) == (words["kind"], words["whole"], fields[m.F_PAYLOAD])
    assert 0 == read(radius[:30], UDP, ports=(40000, 1812), wire=34)[0]["whole"]


@pytest.mark.parametrize("known", [m.K_LDAP, m.K_SMTP, m.K_SMB])
def test_a_conversation_that_goes_on_is_not_taken_for_the_web(known):
    """A directory's schema in capitals, without an end of line, is not waited for; TLS may still follow."""
    schema = b"E 'groupOfUniqueNames' AUX ( mailRecipient $ posixGroup )" * 20
    assert m.NEED_MORE == read(schema, TCP)[0]["end"]
    assert m.NEED_MORE != read(schema, TCP, known=known)[0]["end"]
    hello = next(content for kind, _, content in SAMPLES if kind == m.K_TLS_CLIENT)
    assert m.K_TLS_CLIENT == read(hello, TCP, known=known)[0]["kind"]


def test_a_payload_that_says_nothing_still_names_its_protocol():
    """An encrypted SMB message: the kind is known, and no row is written."""
    words, fields, _ = read(b"\0\0\0\x40\xfdSMB" + bytes(60), TCP)
    assert (m.K_SMB, 7, {}) == (words["kind"], words["end"], fields)


def test_a_name_that_is_announced_is_read_once_more():
    """A multicast DNS answer is a DNS message, and perhaps tells its sender's name; a question is not."""
    answer = samples.dns(None, answers=[samples.record(samples.name("host.local"), 1, bytes(4))])
    assert reading.READ_NAME == read(answer, UDP, ports=(5353, 5353))[0]["again"]
    assert 0 == read(samples.dns(samples.name("host.local")), UDP, ports=(5353, 5353))[0]["again"]
    words, fields, _ = read(answer, UDP, ports=(5353, 5353), mode=reading.READ_NAME)
    assert (m.K_NAME, [answer]) == (words["kind"], fields[m.F_PAYLOAD])
