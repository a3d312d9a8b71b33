"""Under which path everything is served, and what is outside of it."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from exporter.daemon.http.route_prefix import RoutePrefix, route_prefix
from exporter.errors import UsageError


@pytest.mark.parametrize(
    ("url", "prefix", "path"),
    [
        (None, None, ""),
        (None, "/", ""),
        (None, "", ""),
        (None, "sessions/", "/sessions"),
        (None, "/a/b/", "/a/b"),
        ("https://example.com", None, ""),
        ("https://example.com/", None, ""),
        ("https://example.com/sessions/", None, "/sessions"),
        ("http://[::1]:9000/a/b", None, "/a/b"),
        ("https://example.com/sessions/", "/", ""),
        ("https://example.com/sessions/", "/own", "/own"),
    ],
)
def test_the_path_is_the_one_of_the_url_unless_it_is_said(
    url: str | None, prefix: str | None, path: str
) -> None:
    assert route_prefix(url, prefix) == path


@pytest.mark.parametrize("prefix", ["/a//b", "/..", "/a/../b", "/ä", "/%2e", "/a?b", "/a b", "\\"])
def test_a_prefix_that_no_request_could_have_is_an_error(prefix: str) -> None:
    with pytest.raises(UsageError, match=r"^--web\.route-prefix: expected a path such as /sess"):
        route_prefix(None, prefix)


NO_URLS = (
    *("", "example.com", "ftp://example.com/", "http:///a", "http://a:0", "http://[a", "//a/b"),
    *("http://a/?b", "http://a/#b", "http://a/b%20c", "http://a/../b", "http://a:b/"),
)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--web\.external-url: expected a URL such as https:"):
        route_prefix(url, None)


async def within(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(scope["path"])(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/a/b/", "200 /"),
        ("/a/b/metrics", "200 /metrics"),
        ("/a/b//evil.example/", "200 //evil.example/"),
        ("/", "302 ./a/b/"),
        ("/a/b", "302 ./b/"),
        ("/metrics", "404 Not Found"),
        ("/a/", "404 Not Found"),
        ("/a/bc", "404 Not Found"),
        ("//a/b/metrics", "404 Not Found"),
    ],
)
async def test_what_is_outside_is_not_found_and_the_root_leads_inside(
    path: str, answer: str
) -> None:
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await RoutePrefix(within, "/a/b")(scope, receive, send)
    start, body = sent
    location = dict(start["headers"]).get(b"location") or body["body"]
    assert f"{start['status']} {location.decode()}" == answer
