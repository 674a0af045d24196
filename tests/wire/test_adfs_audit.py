"""What AD FS writes into a Windows event."""

import html

import pytest

from sensor.wire.adfs_audit import read_audit
from sensor.wire.fields import Fields
from sensor.wire.windows_events import events

XML = (
    '<?xml version="1.0" encoding="utf-16"?><AuditBase xmlns:xsi="x" xsi:type="FreshCredentialAudit">'
    "<AuditType>FreshCredentials</AuditType><AuditResult>Failure</AuditResult>"
    "<FailureType>CredentialValidationError</FailureType><ErrorCode>N/A</ErrorCode><ContextComponents>"
    '<Component xsi:type="ResourceAuditComponent"><RelyingParty>urn:federation:MicrosoftOnline</RelyingParty>'
    "<ClaimsProvider>N/A</ClaimsProvider><UserId>EXAMPLE\\Ann</UserId></Component>"
    '<Component xsi:type="AuthNAuditComponent"><PrimaryAuth>N/A</PrimaryAuth><DeviceAuth>false</DeviceAuth>'
    "<DeviceId>N/A</DeviceId><MfaPerformed>false</MfaPerformed><MfaMethod>N/A</MfaMethod></Component>"
    '<Component xsi:type="RequestAuditComponent"><Server>http://adfs.example.com/adfs/services/trust</Server>'
    "<AuthProtocol>WSFederation</AuthProtocol><NetworkLocation>Extranet</NetworkLocation>"
    "<IpAddress>203.0.113.5,10.0.0.7</IpAddress><ForwardedIpAddress>203.0.113.5</ForwardedIpAddress>"
    "<ProxyServer>WAP01</ProxyServer><UserAgentString>Mozilla/5.0 &amp; more</UserAgentString>"
    "<Endpoint>/adfs/ls/</Endpoint></Component></ContextComponents></AuditBase>"
)
"""The document of event 1203; elements as in the AD FS logging page cited in the module."""
ACTIVITY = "00000000-0000-0000-4b00-0080000000e3"


def event(number, *values, message=None):
    """An AD FS event with plain values, as Winlogbeat writes it."""
    data = {f"param{index}": value for index, value in enumerate(values, 1)}
    record = {
        "@timestamp": "2024-05-01T10:00:00.000Z",
        "winlog": {"event_id": number, "provider_name": "AD FS Auditing", "channel": "Security", "event_data": data},
        "message": message,
    }
    return next(events(Fields(record)))


def test_the_xml_of_an_audit_is_searched_by_element():
    """`N/A` is nothing, entities are resolved, the first address is the client's."""
    audit = read_audit(event(1203, ACTIVITY, XML))
    assert ("ann@example", "203.0.113.5", "Mozilla/5.0 & more", ACTIVITY) == (
        audit.account(),
        audit.address(),
        audit.agent(),
        audit.activity(),
    )
    assert ("CredentialValidationError", None, None) == (
        audit.text("failuretype"),
        audit.text("errorcode"),
        audit.text("deviceid"),
    )
    assert audit.flag("mfaperformed") is False


def test_xml_that_was_escaped_once_more_is_the_same():
    """Log Analytics and XML renderings keep the document as text inside XML."""
    assert (
        read_audit(event(1203, ACTIVITY, XML)).said
        == read_audit(event(1203, ACTIVITY, html.escape(XML, quote=False))).said
    )


@pytest.mark.parametrize(
    ("number", "values", "message", "account", "address"),
    [
        (
            411,
            (ACTIVITY, "UserName", "192.0.2.1,10.0.0.1", "example\\ann-The user name is incorrect", "System.X"),
            None,
            "ann@example",
            "192.0.2.1",
        ),
        (
            411,
            (),
            "Token validation failed.\r\n\r\nAdditional Data\r\nActivity ID: " + ACTIVITY + "\r\nToken Type: t\r\n"
            "Client IP: 2001:db8::1,10.0.0.1\r\nError message: Ann@Example.com-The user name is incorrect\r\n",
            "ann@example.com",
            "2001:db8::1",
        ),
        (516, (ACTIVITY, "ann@example.com", "192.0.2.9", "5", "5/1/2024"), None, "ann@example.com", "192.0.2.9"),
        (403, (ACTIVITY, "2024-05-01", "192.0.2.3", "POST", "/adfs/ls/", "443", "10.0.0.5"), None, None, "192.0.2.3"),
        (
            501,
            (ACTIVITY, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "EXAMPLE\\Ann",
             "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "Ann@Example.com"),
            None,
            "ann@example.com",
            None,
        ),
        (
            410,
            (ACTIVITY, "X-MS-Client-User-Agent", "Outlook", "X-MS-Forwarded-Client-IP", "192.0.2.4"),
            None,
            None,
            "192.0.2.4",
        ),
        (412, (ACTIVITY, ACTIVITY, "http://schemas.microsoft.com/ws/SecureConversation", "-"), None, None, None),
        (100, (), None, None, None),
    ],
)  # fmt: skip
def test_plain_values_labels_and_claims_are_read(number, values, message, account, address):
    """Older events, with or without their rendered text."""
    audit = read_audit(event(number, *values, message=message))
    assert (account, address) == (audit.account(), audit.address())
    assert (ACTIVITY if values or message else None) == audit.activity()


def test_agents_come_from_headers_too():
    """Event 410 lists the request's headers as pairs."""
    assert "Outlook" == read_audit(event(410, ACTIVITY, "X-MS-Client-User-Agent", "Outlook")).agent()


def test_long_hostile_text_is_searched_in_bounded_work():
    """Newlines, open elements and near misses, a megabyte of each."""
    for text in ("\n" * 1_000_000, "<Abc>" * 200_000, "A" * 1_000_000, "a-" * 500_000, "\\" * 1_000_000):
        audit = read_audit(event(411, text, text[:100], message=text))
        assert (None, None) == (audit.account(), audit.address())


def test_events_of_one_text_do_not_borrow_from_each_other():
    """What stands beside an event in the text it came in is another's: the second names nobody."""
    head = "<Event><System><Provider Name='AD FS Auditing'/><EventID>1202</EventID>"
    head += "<TimeCreated SystemTime='2024-05-01T10:00:00Z'/></System>"
    named = f"<EventData><Data>{html.escape(XML)}</Data></EventData>"
    found = events(Fields({"message": f"{head}{named}</Event>{head}</Event>"}))
    assert ["ann@example", None] == [read_audit(one).account() for one in found]
