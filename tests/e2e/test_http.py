"""HTTP as RFC 9110 and 9112 have it: methods, paths, the Host header; and SIGHUP is ignored."""

import signal
import socket
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import Daemon, wait_for


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
        assert answers.count(b"connection: close") == 1


@pytest.mark.parametrize("count", [1, 3])
def test_sighup_is_ignored_and_logged(config: Path, tmp_path: Path, count: int) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        for number in range(1, count + 1):
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(
                lambda number=number: daemon.log.count("event=sighup_ignored") == number,  # type: ignore[misc]
                "it is logged",
                details=lambda: daemon.log,
            )
        assert daemon.get("/-/healthy").status == 200
