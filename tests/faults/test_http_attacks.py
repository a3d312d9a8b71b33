"""Whatever a stranger sends, or does not send or read, Prometheus goes on scraping.

Each attack lasts two seconds, on real sockets; memory is that of the daemon's process.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest

from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    Daemon,
    Page,
    write_config,
)

GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
SECONDS = 2.0
#: An attacker may take no more of the daemon's memory than this.
MOST_BYTES = 32 * 2**20
REJECTED = "session_exporter_http_rejected_total"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Its database is out of reach, which is all the same to a scraper."""
    databases = {"app": {"dsn": "postgresql://nobody@127.0.0.1:1/none"}}
    config = write_config(tmp_path, databases, {"chats": {**CONVERSATIONS, "every": "30s"}})
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        yield daemon


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Daemon]:
    """Its page has 600 KB."""
    databases = {"app": {"dsn": "postgresql://nobody@127.0.0.1:1/none"}}
    sources = {f"chats{number}": {**CONVERSATIONS, "every": "30s"} for number in range(300)}
    with Daemon(write_config(tmp_path, databases, sources), folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        yield daemon


def connect(daemon: Daemon) -> socket.socket:
    return socket.create_connection(("127.0.0.1", daemon.port), timeout=10)


def ask_and_not_read(daemon: Daemon, requests: bytes) -> socket.socket:
    """Of the answers, the system's buffers take as little as they can."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", daemon.port))
    with suppress(ConnectionError):  # it may be closed before everything is sent
        connection.sendall(requests)
    return connection


def send_endlessly(daemon: Daemon, first: bytes, more: bytes, until: float) -> None:
    """Send, never read, and connect again whenever the connection is closed."""
    while time.monotonic() < until:
        with suppress(OSError), connect(daemon) as connection:
            connection.settimeout(0.2)
            connection.sendall(first)
            while time.monotonic() < until:
                connection.sendall(more)


@contextmanager
def attacked(daemon: Daemon, first: bytes, more: bytes, *, clients: int = 4) -> Iterator[None]:
    until = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=send_endlessly, args=(daemon, first, more, until))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def memory(daemon: Daemon, field: str) -> int:
    """VmRSS, or VmHWM, the most that it was, in bytes (proc_pid_status(5))."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def scraped(daemon: Daemon) -> tuple[Page, float]:
    """A page, and the seconds of processor that the daemon took until it had sent it.

    How long that is by the clock depends on what else the machine does.
    """
    began = processor_seconds(daemon)
    return daemon.scrape(), processor_seconds(daemon) - began


def processor_seconds(daemon: Daemon) -> float:
    """Those of the daemon's event loop so far, to the nanosecond (scheduler/sched-stats)."""
    stat = Path(f"/proc/{daemon.process.pid}/schedstat").read_text(encoding="ascii")
    return int(stat.split()[0]) / 1e9


ENDLESS = {
    "requests": (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2000, "pipelined"),
    "pages": (b"", GET * 2000, "pipelined"),
    "headers": (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 10_000, "too_large"),
    "empty headers": (b"GET / HTTP/1.1\r\n", b"a:\r\n" * 10_000, "too_large"),
    "header": (b"GET / HTTP/1.1\r\na: ", b"b" * 65_536, "too_large"),
    "URL": (b"GET /", b"b" * 65_536, "too_large"),
    "Accept": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: ", b"a;q=1," * 10_000, "too_large"),
    "lines": (b"", b"\r\n" * 30_000, "too_large"),
    "body": (
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n",
        b"b" * 65_536,
        "too_large",
    ),
    "chunks": (
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\nb\r\n" * 10_000,
        "too_large",
    ),
    "noise": (b"", bytes(range(256)) * 256, "malformed"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(65_536), "malformed"),
}


@pytest.mark.quick("requests", "header")
@pytest.mark.parametrize(("first", "more", "reason"), ENDLESS.values(), ids=ENDLESS)
def test_endless_input_neither_holds_up_a_scrape_nor_takes_memory(
    daemon: Daemon, first: bytes, more: bytes, reason: str
) -> None:
    before = memory(daemon, "VmRSS")
    with attacked(daemon, first, more):
        times = [scraped(daemon)[1] for _ in range(20)]
    # Without anything else to do that is how long a scrape waits: 2 to 5 ms, and 0.5 in peace.
    assert median(times) < 0.05
    assert max(times) < 2
    assert memory(daemon, "VmHWM") - before < MOST_BYTES
    page = daemon.wait_for_page(lambda page: page.value(REJECTED, reason=reason), "it is counted")
    others = {"timeout", "not_read", "connections"} - {reason}
    assert not any(page.value(REJECTED, reason=other) for other in others)
    assert daemon.log.count("event=http_rejecting ") == 1


SILENT = {"nothing": b"", "half a request": GET[:-2], "a request": GET}


@pytest.mark.quick("half")
@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT)
def test_those_who_only_hold_connections_evict_each_other(daemon: Daemon, sent: bytes) -> None:
    before = memory(daemon, "VmRSS")
    with ExitStack() as stack:
        for _ in range(600):
            connection = stack.enter_context(connect(daemon))
            connection.sendall(sent)
        page, seconds = scraped(daemon)
        assert seconds < 2
        # Of the page, which is up to a second old.
        page = daemon.wait_for_page(
            lambda page: page.value(REJECTED, reason="connections"), "it is counted"
        )
        assert page.values("session_exporter_http_connections")[0] <= 256
    assert memory(daemon, "VmHWM") - before < MOST_BYTES


HEADERS = b"".join(b"a%d: %s\r\n" % (number, b"b" * 300) for number in range(90))
HOARDS = {
    "pages": (GET * 9, "not_read"),
    "headers": ((GET[:-2] + HEADERS + b"\r\n") * 9, "pipelined"),
    "bodies": ((GET[:-2] + b"Content-Length: 30000\r\n\r\n" + bytes(30_000)) * 9, "pipelined"),
}


@pytest.mark.slow  # a hundred clients and their memory take half a minute of both cores
@pytest.mark.parametrize(("requests", "reason"), HOARDS.values(), ids=HOARDS)
def test_what_waits_for_those_who_do_not_read_takes_little_memory(
    large: Daemon, requests: bytes, reason: str
) -> None:
    before = memory(large, "VmRSS")
    with ExitStack() as stack:
        for number in range(250):
            stack.enter_context(ask_and_not_read(large, requests))
            if number % 50 == 0:
                assert scraped(large)[1] < 2
        large.wait_for_page(lambda page: page.value(REJECTED, reason=reason), "it is counted")
    assert memory(large, "VmHWM") - before < MOST_BYTES
    large.wait_for_page(
        lambda page: page.value("session_exporter_http_connections") == 1, "all are closed"
    )


@pytest.mark.slow  # test_stop has clients that do not read
def test_those_who_do_not_read_hardly_delay_the_end(large: Daemon) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(ask_and_not_read(large, GET * 9))
        began = time.monotonic()
        assert large.stop() == 0
        assert time.monotonic() - began < 4


@pytest.mark.slow  # it waits for the deadline
def test_half_a_request_is_answered_after_ten_seconds(daemon: Daemon) -> None:
    with connect(daemon) as slow, connect(daemon) as silent:
        began = time.monotonic()
        slow.settimeout(30)
        silent.settimeout(30)
        slow.sendall(GET[:-2])
        answer = slow.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began > 9
        assert silent.recv(1) == b""
    page = daemon.wait_for_page(lambda page: page.value(REJECTED, reason="timeout"), "it counts")
    assert page.value(REJECTED, reason="timeout") == 1


@pytest.mark.slow  # it waits for the deadline
def test_a_slow_request_does_not_become_younger_with_each_byte(daemon: Daemon) -> None:
    with connect(daemon) as slow:
        began = time.monotonic()
        with suppress(OSError):
            for byte in GET[:-2]:
                slow.sendall(bytes([byte]))
                time.sleep(0.5)
        assert time.monotonic() - began < 14


@pytest.mark.slow  # it waits for the deadline
def test_a_second_request_has_the_same_deadline(daemon: Daemon) -> None:
    with connect(daemon) as slow:
        slow.settimeout(30)
        slow.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
        slow.sendall(GET[:-2])
        assert b"HTTP/1.1 408 " in slow.makefile("rb").read()


def test_few_open_files_leave_room_for_a_scrape_and_the_databases(tmp_path: Path) -> None:
    databases = {"app": {"dsn": "postgresql://nobody@127.0.0.1:1/none"}}
    config = write_config(tmp_path, databases, {"chats": CONVERSATIONS})
    limit = [sys.executable, "-c", _LIMITED, "100"]
    with Daemon(config, folder=tmp_path, within=limit) as daemon, ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(connect(daemon))
        assert scraped(daemon)[1] < 2
        page = daemon.wait_for_page(
            lambda page: page.value(REJECTED, reason="connections"), "it is counted"
        )
        assert page.values("session_exporter_http_connections")[0] <= 100 - 64 - 4
        assert page.value("process_max_fds") == 100


_LIMITED = """
import os, resource, sys
files = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_eight_requests_may_be_pipelined(daemon: Daemon) -> None:
    request = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(daemon) as connection:
        connection.settimeout(30)
        connection.sendall(request * 8 + last)
        answers = connection.makefile("rb").read()
    assert answers.count(b"HTTP/1.1 200 OK") == 9
