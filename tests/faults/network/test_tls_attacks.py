"""Whatever a stranger does on a port with TLS, scrapes go on, and the refusals are counted."""

import contextlib
import http.client
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.network.secured import PASSWORD, USER, SecuredDaemon, Web, basic, hashed
from tests.support.processes.session_exporter import wait_for

pytestmark = pytest.mark.slow  # each makes an authority, and some wait for deadlines of 10 s

#: An attacker may take no more of the daemon's memory than this.
MOST_BYTES = 32 * 2**20


@pytest.fixture
def web(tmp_path: Path) -> Web:
    made = Web(tmp_path)
    made.write()
    return made


@pytest.fixture
def daemon(tmp_path: Path, web: Web) -> Iterator[SecuredDaemon]:
    with SecuredDaemon(tmp_path, web) as daemon:
        daemon.wait_until_ready()
        yield daemon


def connect(daemon: SecuredDaemon) -> socket.socket:
    return socket.create_connection(("127.0.0.1", daemon.port), timeout=30)


def client_hello(tls: ssl.SSLContext) -> bytes:
    """What a client sends first."""
    outgoing = ssl.MemoryBIO()
    client = tls.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def said(connection: socket.socket) -> bytes:
    """What comes until the end; a connection may be reset as well."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65_536):
            found += part
    return found


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_an_old_version_is_refused_and_counted(daemon: SecuredDaemon, version: str) -> None:
    options = (f"-{version}", "-cipher", "ALL@SECLEVEL=0")
    address = ("-connect", f"127.0.0.1:{daemon.port}")
    done = subprocess.run(
        ["openssl", "s_client", *address, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert b"alert protocol version" in done.stderr
    assert daemon.rejected("tls", least=1) == 1


@pytest.mark.parametrize("least", ["TLS12", "TLS13"])
def test_the_least_version_of_the_file_is_the_least(tmp_path: Path, web: Web, least: str) -> None:
    web.write(tls_server_config=web.settings["tls_server_config"] | {"min_version": least})
    older = web.trust()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with SecuredDaemon(tmp_path, web) as daemon, connect(daemon) as connection:
        if least == "TLS13":
            with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
                older.wrap_socket(connection, server_hostname="127.0.0.1")
        else:
            with older.wrap_socket(connection, server_hostname="127.0.0.1") as encrypted:
                assert encrypted.version() == "TLSv1.2"
        is_refused = int(least == "TLS13")
        assert daemon.rejected("tls", least=is_refused) == is_refused


def test_a_client_without_tls_is_told_so(daemon: SecuredDaemon) -> None:
    with connect(daemon) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = said(connection)
    assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert answer.endswith(b"\r\n\r\nThis port speaks HTTPS.\n")
    assert daemon.rejected("tls", least=1) == 1


@pytest.mark.parametrize("seed", range(3))
def test_no_bytes_end_in_a_traceback(daemon: SecuredDaemon, web: Web, seed: int) -> None:
    """Noise, and the beginning of a handshake with wrong bytes; the daemon's log is looked at."""
    dice = random.Random(seed)
    tls = web.trust()
    for _ in range(100):
        sent = bytearray(client_hello(tls))
        for _ in range(dice.randrange(4)):
            sent[dice.randrange(len(sent))] = dice.randrange(256)
        if dice.random() < 0.4:
            sent = bytearray(dice.randbytes(dice.randrange(1, 2000)))
        with connect(daemon) as connection:
            connection.sendall(sent[: dice.randrange(1, len(sent) + 1)])
            if dice.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                said(connection)
    assert daemon.scrape().succeeds("chats") is False
    assert daemon.rejected("tls", least=20)


@pytest.mark.parametrize("seed", range(3))
def test_no_bytes_behind_a_handshake_end_in_a_traceback(
    daemon: SecuredDaemon, web: Web, seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(50):
        with connect(daemon) as connection:
            encrypted = web.trust().wrap_socket(
                connection, server_hostname="127.0.0.1", suppress_ragged_eofs=True
            )
            with encrypted:
                if dice.random() < 0.5:
                    encrypted.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                raw = socket.socket(fileno=encrypted.detach())
            raw.settimeout(30)
            with raw, contextlib.suppress(OSError):  # the daemon may have reset it
                raw.sendall(dice.choice((b"\x17\x03\x03", b"", b"\x16\x03\x03", b"\x15\x03\x03")))
                raw.sendall(dice.randbytes(dice.randrange(1, 3000)))
                if dice.random() < 0.5:
                    raw.shutdown(socket.SHUT_WR)
                    said(raw)
    daemon.scrape()
    assert daemon.rejected("tls", least=10)


@pytest.mark.parametrize("sends", ["nothing", "a part of a handshake"])
def test_slow_handshakes_have_no_places_beside_the_others(
    daemon: SecuredDaemon, web: Web, sends: str
) -> None:
    part = client_hello(web.trust())[:50] if sends != "nothing" else b""
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            connection = stack.enter_context(connect(daemon))
            connection.sendall(part)
        page = daemon.wait_for_page(  # the page is made once a second
            lambda page: page.values("session_exporter_http_connections")[0] > 200, "they are open"
        )
        assert page.values("session_exporter_http_connections")[0] <= 256
        daemon.rejected("connections", least=400 - 256)
        wait_for(
            lambda: daemon.scrape().value("session_exporter_http_connections") == 1,
            "the others are given up after 10 s",
            every=0.2,
        )
        assert (daemon.rejected("timeout", least=200 if part else 0) > 0) == bool(part)


def test_the_daemon_stops_while_handshakes_hang(daemon: SecuredDaemon, web: Web) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(daemon)).sendall(client_hello(web.trust())[:50])
        daemon.wait_for_page(
            lambda page: page.value("session_exporter_http_connections") == 21, "all are open"
        )
        assert daemon.stop() == 0


def test_answers_that_nobody_reads_take_no_memory(daemon: SecuredDaemon, web: Web) -> None:
    before = memory(daemon)
    get = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(connect(daemon))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            encrypted = stack.enter_context(
                web.trust().wrap_socket(connection, server_hostname="127.0.0.1")
            )
            encrypted.settimeout(0.5)
            with contextlib.suppress(OSError):
                encrypted.sendall(get * 2000)
        daemon.scrape()
        assert daemon.rejected("pipelined", least=20) == 20
    assert memory(daemon) - before < MOST_BYTES


def test_a_request_is_answered_whose_client_has_said_all(daemon: SecuredDaemon, web: Web) -> None:
    """TLS has an end of its own in each direction."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = web.trust().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with connect(daemon) as connection:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
        client.write(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        with contextlib.suppress(ssl.SSLError):
            client.unwrap()
        connection.sendall(outgoing.read())
        connection.shutdown(socket.SHUT_WR)
        incoming.write(said(connection))
        answer = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):  # its end in the other direction
            while True:
                answer += client.read(65_536)
        assert answer.count(b"session-exporter is alive.") == 2


def test_strangers_with_wrong_passwords_keep_out_no_scraper(tmp_path: Path, web: Web) -> None:
    """Each check takes a quarter of a second, and all of them are of one client."""
    web.write(basic_auth_users={USER: hashed(PASSWORD, cost=12)})
    with SecuredDaemon(tmp_path, web, authorization=basic()) as daemon:
        daemon.scrape()
        until = time.monotonic() + 3

        def guess(number: int) -> set[int]:
            statuses = set[int]()
            while time.monotonic() < until:
                wrong = basic(password=f"{number} {time.monotonic()}")
                statuses.add(daemon.get("/metrics", authorization=wrong).status)
            return statuses

        with ThreadPoolExecutor(8) as strangers:
            guesses = [strangers.submit(guess, number) for number in range(8)]
            scrapes = 0
            while time.monotonic() < until:
                assert daemon.get("/metrics").status == 200
                assert daemon.get("/-/healthy", authorization="").status == 200
                scrapes += 1
            found = set[int]().union(*(each.result() for each in guesses))
        assert scrapes > 0
        assert found == {401, 429}
        assert daemon.rejected("password", least=8)


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_need_neither_password_nor_certificate(tmp_path: Path, web: Web, path: str) -> None:
    """As Kubernetes asks; /-/ready is 503 until each source has been tried."""
    web.require_certificates("VerifyClientCertIfGiven")
    web.write(basic_auth_users={USER: hashed(PASSWORD)})
    with SecuredDaemon(tmp_path, web) as daemon:
        wait_for(lambda: daemon.get(path).status == 200, "it is answered", every=0.1)
        for refused in ("/metrics", "/", "/api/v1/sources", "/-/healthy/x"):
            assert daemon.get(refused).status == 401


def test_an_address_that_ends_connections_at_once_is_no_refusal(daemon: SecuredDaemon) -> None:
    """As a probe of TCP, or a balancer, does."""
    for _ in range(5):
        connect(daemon).close()
    page = daemon.wait_for_page(
        lambda page: page.value("session_exporter_http_connections") == 1, "all are closed"
    )
    assert not any(page.values("session_exporter_http_rejected_total"))


def test_a_connection_is_kept_between_scrapes(daemon: SecuredDaemon, web: Web) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", daemon.port, timeout=30, context=web.trust()
    )
    with contextlib.closing(connection):
        connection.connect()
        before = connection.sock
        for _ in range(5):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read()
            assert connection.sock is before


def memory(daemon: SecuredDaemon) -> int:
    """VmRSS of the daemon, in bytes (proc_pid_status(5))."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
