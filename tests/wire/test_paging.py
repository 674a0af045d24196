"""The way from page to page, and its end."""

import pytest

from sensor.errors import Transient
from sensor.wire.http_client import Client, Reply
from sensor.wire.paging import body_link, body_token, follow, header_uri, link_header
from tests.wire.api_server import START_NS, FakeClock, serving

BASE = "https://example.com/logs?x=1"


def reply(value=None, **headers):
    return Reply(BASE, 200, headers, value)


def test_a_link_in_the_body_is_found():
    """Absolute or relative; an absent or odd one is the end."""
    onward = body_link("@odata.nextLink")
    assert ("https://example.com/logs?s=2", None) == onward(reply({"@odata.nextLink": "?s=2"}))
    assert [None, None, None] == [onward(reply(body)) for body in ({}, {"@odata.nextLink": ""}, {"@odata.nextLink": 7})]


def test_a_header_of_its_own_is_found():
    """By its name, whatever its case."""
    onward = header_uri("NextPageUri")
    assert (("https://example.com/2", None), None) == (
        onward(reply(nextpageuri="https://example.com/2")),
        onward(reply()),
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://example.com/2>; rel="next"', "https://example.com/2"),
        (
            '<https://example.com/1>; rel="self", <https://example.com/2?a=b,c>; rel="next"',
            "https://example.com/2?a=b,c",
        ),
        ("</2>; title=x; rel=next", "https://example.com/2"),
        ('<https://example.com/2>; rel="prev next"', "https://example.com/2"),
        ('<https://example.com/1>; rel="self"', None),
        ("<<<>>>;;rel=next", "https://example.com/logs?x=1"),
        ("next", None),
        ("", None),
    ],
)
def test_link_headers_are_read(header, expected):
    """RFC 8288: several links, several relations, with and without quotes."""
    found = link_header(reply(link=header))
    assert expected == (found[0] if found else None)


def test_a_token_repeats_the_request():
    """With the token beside what was asked."""
    onward = body_token("https://example.com/a", {"max": "5"}, "nextPageToken", "pageToken")
    assert ("https://example.com/a", {"max": "5", "pageToken": "t"}) == onward(reply({"nextPageToken": "t"}))
    assert onward(reply({})) is None


@pytest.mark.parametrize(("mode", "said"), [("circle", "lead in a circle"), ("endless", "have no end: 20 were read")])
def test_links_without_end_are_given_up(mode, said):
    """Those that lead back, and those that go on and on."""
    with serving() as server:
        for i in range(9):
            server.put("logs", START_NS - i * 10**9, {"uuid": str(i)})
        server.mode = mode
        client = Client(server.url, None, FakeClock())
        query = {"since": "2024-03-01T00:00:00Z", "until": "2024-03-01T13:00:00Z"}
        client._http.headers["authorization"] = "SSWS x"
        pages = follow(client, (f"{server.url}/api/v1/logs", query), link_header, pages_max=20)
        with pytest.raises(Transient, match=said):
            list(pages)
        client.close()
