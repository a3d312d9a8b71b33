"""Who is let in, who sees details, and what a client is told of a bug."""

import ssl
from base64 import b64encode
from pathlib import Path

import bcrypt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from exporter.daemon.http.access import Details, sees_details
from exporter.daemon.http.access_control import AccessControl
from exporter.daemon.http.connections import PASSWORD, HttpConnections
from exporter.daemon.http.peer import PEER, TlsPeer, TlsServer
from exporter.daemon.http.security_headers import HEADERS, SecurityHeaders
from exporter.daemon.http.web_config import WebConfig

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


async def page(request: Request) -> Response:
    return PlainTextResponse("details" if sees_details(request) else "words")


async def bug(_request: Request) -> Response:
    raise RuntimeError("secret")


PATHS = ("/", "/metrics", "/-/healthy", "/-/ready")
APP = Starlette(routes=[*(Route(each, page) for each in PATHS), Route("/bug", bug)])
APP.router.redirect_slashes = False  # as in the daemon


@pytest.fixture
def users(tmp_path: Path) -> WebConfig:
    """A file with one user, `a`, whose password is `right`."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{a: {HASH}}}")
    return WebConfig(tmp_path / "web.yml")


async def ask(
    app: ASGIApp, path: str = "/", *, password: str = "", peer: TlsPeer | None = None
) -> tuple[int, str, dict[bytes, bytes]]:
    """Status, text and headers; always from loopback, as all are behind a proxy."""
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    given = [(b"authorization", b"Basic " + b64encode(f"a:{password}".encode()))]
    scope: Scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", PEER: peer}
    scope.update(client=("127.0.0.1", 1), headers=given if password else [])
    await app(scope, receive, send)
    body = b"".join(each.get("body", b"") for each in sent)
    return sent[0]["status"], body.decode(), dict(sent[0]["headers"])


def control(
    web: WebConfig | None = None,
    details: Details = Details.AUTHENTICATED,
    http: HttpConnections | None = None,
) -> AccessControl:
    web, http = web or WebConfig(), http or HttpConnections()
    return AccessControl(APP, details=details, web=web, http=http)


@pytest.mark.parametrize(
    ("details", "stranger", "known"),
    [
        (Details.AUTHENTICATED, "words", "details"),
        (Details.EVERYONE, "details", "details"),
        (Details.NOBODY, "words", "words"),
    ],
)
async def test_details_are_shown_to_whom_the_operator_says(
    users: WebConfig, details: Details, stranger: str, known: str
) -> None:
    server = TlsServer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    shown = TlsPeer(server, has_certificate=True)
    anonymous = TlsPeer(server, has_certificate=False)
    assert (await ask(control(None, details)))[1] == stranger
    assert (await ask(control(None, details), peer=anonymous))[1] == stranger
    assert (await ask(control(None, details), peer=shown))[1] == known
    assert (await ask(control(users, details), password="right"))[1] == known


async def test_no_details_are_shown_where_nothing_has_decided_it() -> None:
    assert (await ask(APP))[1] == "words"


def test_for_nobody_no_details_are_kept() -> None:
    assert [each for each in Details if not each.are_kept] == [Details.NOBODY]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/metrics", "/nothing", "/-/healthy/", "//-/healthy", "/-/Healthy", "/-/healthy\0"),
        *("/-/healthy/../../metrics", "/-/healthy;/../../metrics", "/./-/healthy", "/-/healthy?"),
    ],
)
async def test_without_the_password_nothing_is_answered_and_the_refusal_is_counted(
    users: WebConfig, path: str
) -> None:
    http = HttpConnections()
    for number, password in enumerate(("", "wrong"), start=1):
        status, text, headers = await ask(control(users, http=http), path, password=password)
        assert (status, text) == (401, "Unauthorized; send a user name and its password.\n")
        assert headers[b"www-authenticate"].startswith(b"Basic ")
        assert http.rejected[PASSWORD] == number
    assert (await ask(control(users), path, password="right"))[0] in {200, 404}


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
@pytest.mark.parametrize("password", ["", "wrong"])
async def test_probes_need_no_password_and_see_no_details(
    users: WebConfig, path: str, password: str
) -> None:
    assert (await ask(control(users), path, password=password))[:2] == (200, "words")


async def test_a_client_is_told_nothing_of_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    status, text, _ = await ask(control(), "/bug")
    assert (status, text) == (500, "Internal Server Error")
    assert "secret" in caplog.text


async def test_a_connection_of_another_certificate_ends_with_its_next_answer() -> None:
    old = TlsPeer(TlsServer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)), has_certificate=False)
    status, _, headers = await ask(control(), peer=old)
    assert (status, headers[b"connection"]) == (200, b"close")
    assert b"connection" not in (await ask(control()))[2]


async def test_every_answer_has_the_security_headers(users: WebConfig) -> None:
    app = SecurityHeaders(control(users), users)
    for path, password in (("/", "right"), ("/", ""), ("/bug", "right"), ("/nothing", "right")):
        _, _, headers = await ask(app, path, password=password)
        assert headers.items() >= HEADERS.items()


async def test_headers_of_the_file_are_in_the_place_of_others(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        "http_server_config: {headers: {X-Frame-Options: sameorigin, "
        "Strict-Transport-Security: max-age=1}}"
    )
    web = WebConfig(file)
    _, _, headers = await ask(SecurityHeaders(control(web), web))
    assert headers[b"x-frame-options"] == b"sameorigin"
    assert headers[b"strict-transport-security"] == b"max-age=1"
    assert headers[b"x-content-type-options"] == b"nosniff"
