"""HTTP as RFC 9110 and 9112 have it: methods, paths, the Host header; and who may reload."""

import socket
from pathlib import Path

from tests.support.processes.session_exporter import Daemon


def ask(daemon: Daemon, request: str) -> tuple[int, dict[str, str], str]:
    """Send these lines; status, headers and body of the answer."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
        connection.settimeout(30)
        answer = connection.makefile("rb").read().decode()
    head, _, body = answer.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


CLOSE = "\nConnection: close"

REQUESTS = {
    "GET": (f"GET /-/healthy HTTP/1.1\nHost: a{CLOSE}", 200),
    "a whole URL": (f"GET http://b/-/healthy HTTP/1.1\nHost: b{CLOSE}", 200),
    "a query": (f"GET /-/healthy?verbose=1 HTTP/1.1\nHost: a{CLOSE}", 200),
    "1.0 without Host": ("GET /-/healthy HTTP/1.0", 200),
    "an upgrade": ("GET /-/healthy HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: h2c", 200),
    "1.1 without Host": (f"GET /-/healthy HTTP/1.1{CLOSE}", 400),
    "two Hosts": (f"GET /-/healthy HTTP/1.1\nHost: a\nHost: b{CLOSE}", 400),
    "no HTTP": ("HELO a", 400),
    "HTTP/2": ("PRI * HTTP/2.0\n\nSM", 400),
    "not ASCII": (f"GET /\xe4 HTTP/1.1\nHost: a{CLOSE}", 400),
    "another path": (f"GET /metric HTTP/1.1\nHost: a{CLOSE}", 404),
    "a slash behind it": (f"GET /metrics/ HTTP/1.1\nHost: evil.example{CLOSE}", 404),
    "two slashes": (f"GET //evil.example/metrics HTTP/1.1\nHost: a{CLOSE}", 404),
    "POST": (f"POST /metrics HTTP/1.1\nHost: a{CLOSE}", 405),
    "another method": (f"DELETE / HTTP/1.1\nHost: a{CLOSE}", 405),
}


def test_every_request_gets_the_status_that_http_has_for_it(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        answers = {name: ask(daemon, request) for name, (request, _) in REQUESTS.items()}
        assert {name: status for name, (status, *_) in answers.items()} == {
            name: status for name, (_, status) in REQUESTS.items()
        }
        for status, headers, body in answers.values():
            assert "location" not in headers
            assert headers["connection"] == "close"
            assert body.endswith(("\n", "Not Found"))
            assert (headers.get("allow") == "GET, HEAD") == (status == 405)
        status, headers, body = ask(daemon, f"HEAD /metrics HTTP/1.1\nHost: a{CLOSE}")
        assert (status, body) == (200, "")
        assert int(headers["content-length"]) > 1000


def test_who_has_said_all_is_answered(config: Path, tmp_path: Path) -> None:
    """As `printf 'GET ...' | nc -N` does, and while the page is made in a thread."""
    with (
        Daemon(config, folder=tmp_path) as daemon,
        socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as connection,
    ):
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        connection.shutdown(socket.SHUT_WR)
        answers = connection.makefile("rb").read()
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        # Not where the second one was answered before the end of the requests was seen.
        assert answers.count(b"connection: close") <= 1


def test_a_reload_over_http_has_to_be_enabled_at_the_start(config: Path, tmp_path: Path) -> None:
    post, get = (f"{method} /-/reload HTTP/1.1\nHost: a{CLOSE}" for method in ("POST", "GET"))
    with Daemon(config, folder=tmp_path) as daemon:
        status, _, body = ask(daemon, post)
        assert status == 403
        assert "--web.enable-lifecycle" in body
        assert ask(daemon, get)[0] == 405
        assert "config_reloaded" not in daemon.log
    with Daemon(config, folder=tmp_path, options=["--web.enable-lifecycle"]) as daemon:
        assert ask(daemon, post)[0] == 200
        status, headers, _ = ask(daemon, get)
        assert (status, headers["allow"]) == (405, "POST, PUT")
        assert daemon.log.count("event=config_reloaded") == 1
        config.write_text("sources: 1", encoding="utf-8")
        status, _, body = ask(daemon, post)
        assert status == 500
        assert "the log has the problems" in body
        assert daemon.get("/-/ready").status in {200, 503}
