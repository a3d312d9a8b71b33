"""The daemon behind a real nginx, under a path, as docs/web.md has it."""

import contextlib
import http.client
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from tests.support.documents import blocks
from tests.support.network.nginx import nginx
from tests.support.network.secured import PASSWORD, USER, basic, hashed, unreachable
from tests.support.processes.session_exporter import Answer, Daemon, wait_for

pytestmark = pytest.mark.slow  # each starts nginx and a daemon

DOCUMENT = Path(__file__).parents[3] / "docs" / "web.md"
URL = "https://ops.example.com/sessions/"


def location(daemon: Daemon, *, removes_path: bool) -> str:
    """The block of the document, for this daemon."""
    (block,) = blocks(DOCUMENT.read_text(encoding="utf-8"), "nginx")
    address = f"127.0.0.1:{daemon.port}"
    assert "127.0.0.1:10046;" in block
    return block.replace("127.0.0.1:10046;", f"{address}/;" if removes_path else f"{address};")


@contextlib.contextmanager
def proxied(
    folder: Path, options: Sequence[str], *, removes_path: bool = False
) -> Iterator[tuple[int, Daemon]]:
    with (
        Daemon(unreachable(folder), folder=folder, options=options) as daemon,
        nginx(location(daemon, removes_path=removes_path)) as port,
    ):
        yield port, daemon


def ask(port: int, path: str, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())


def wait_until_ready(port: int) -> None:
    wait_for(lambda: ask(port, "/sessions/-/ready").status == 200, "it is ready", every=0.1)


class Links(HTMLParser):
    """The addresses of whatever a page leads to or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


WAYS = {
    "the path is kept": ([f"--web.external-url={URL}"], False),
    "a prefix alone": (["--web.route-prefix=/sessions"], False),
    "the path is removed": ([f"--web.external-url={URL}", "--web.route-prefix=/"], True),
}


@pytest.mark.parametrize(("options", "removes_path"), WAYS.values(), ids=WAYS)
def test_everything_is_reached_under_the_path_and_every_link_leads_there(
    tmp_path: Path, options: list[str], removes_path: bool
) -> None:
    with proxied(tmp_path, options, removes_path=removes_path) as (port, _):
        page = ask(port, "/sessions/")
        assert page.status == 200
        links = [each for each in Links(page.text).found if not each.startswith("#")]
        assert len(links) >= 3
        for link in links:
            target = urljoin("http://127.0.0.1/sessions/", link)
            assert target.startswith("http://127.0.0.1/sessions/"), link
            assert ask(port, urlsplit(target).path).status in {200, 503}, link
        assert ask(port, "/sessions/metrics").text.count("# TYPE") > 10
        assert ask(port, "/metrics").status == 404  # of nginx, which knows no such path


def test_without_the_slash_at_its_end_the_path_leads_to_the_page(tmp_path: Path) -> None:
    with proxied(tmp_path, [f"--web.external-url={URL}"]) as (port, daemon):
        for asked, path in ((port, "/sessions"), (daemon.port, "/"), (daemon.port, "/sessions")):
            answer = ask(asked, path)
            assert answer.status in {301, 302}
            target = urlsplit(urljoin(f"http://127.0.0.1{path}", answer.headers["location"]))
            assert target.path == "/sessions/"
        assert ask(daemon.port, "/metrics").status == 404


def test_a_stranger_behind_nginx_sees_no_error_in_words(tmp_path: Path) -> None:
    """All requests come from loopback then, which is no reason to trust them."""
    options = [f"--web.external-url={URL}", "--web.details=authenticated"]
    with proxied(tmp_path, options) as (port, daemon):
        wait_until_ready(port)
        claims = {"X-Forwarded-For": "127.0.0.1", "Authorization": basic()}
        for headers in ({}, claims):
            text = ask(port, "/sessions/", **headers).text
            assert re.search(r"\bconnect\b", text)
            assert not re.search(r"connection to server|Connection refused|cannot connect", text)
        assert "Connection refused" in daemon.log


def test_details_are_shown_behind_nginx_where_the_operator_says_so(tmp_path: Path) -> None:
    options = ["--web.route-prefix=/sessions", "--web.details=everyone"]
    with proxied(tmp_path, options) as (port, _):
        wait_until_ready(port)
        assert "Connection refused" in ask(port, "/sessions/").text


def test_passwords_are_passed_on_and_asked_for_by_the_daemon(tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    web.write_text(yaml.safe_dump({"basic_auth_users": {USER: hashed(PASSWORD)}}))
    options = [f"--web.external-url={URL}", f"--web.config.file={web}"]
    with proxied(tmp_path, options) as (port, _):
        for path in ("/sessions/", "/sessions/metrics"):
            refused = ask(port, path)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
            assert ask(port, path, Authorization=basic(password="wrong")).status == 401
            assert ask(port, path, Authorization=basic()).status == 200
        assert ask(port, "/sessions/-/healthy").status == 200


def test_security_headers_arrive_behind_nginx(tmp_path: Path) -> None:
    with proxied(tmp_path, [f"--web.external-url={URL}"]) as (port, _):
        headers = ask(port, "/sessions/").headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
