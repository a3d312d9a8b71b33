"""A network that swallows, trickles, resets, refuses or leads nowhere; and gets well again."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.collection.exporter import ERRORS, SKIPPED, UP, Exporting
from tests.support.network.proxy import Mode, Proxy, blackhole
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    wait_for,
    write_config,
)

#: statement_timeout and what the client waits for longer: when it hangs up, in seconds.
DEADLINE = 2.0

ACTIVE = "sessions_active"
INTERVAL = "session_exporter_collection_interval_seconds"
SOURCE: dict[str, Any] = {**CONVERSATIONS, "daily": None}


@pytest.fixture
def proxy(database: EmbeddedDatabase) -> Iterator[Proxy]:
    """In front of a database that has three active sessions."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " SELECT gen_random_uuid(), 'somebody' FROM generate_series(1, 3)"
        )
    with Proxy(database.server.port) as proxy:
        yield proxy


@pytest.fixture
def config(database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path) -> Path:
    """One source, `chats`, through the proxy."""
    return config_of(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path)


def config_of(dsn: str, folder: Path, **source: Any) -> Path:
    app = {"dsn": dsn, **IMPATIENT}
    return write_config(folder, {"app": app}, {"chats": {**SOURCE, **source}})


def chats_succeed(page: Page) -> bool:
    return page.succeeds("chats")


def assert_recovers(exporting: Exporting, proxy: Proxy, *reasons: str) -> None:
    """Without a restart, and with nothing counted that was not seen before."""
    proxy.mode = Mode.PASS
    proxy.accept()
    page = exporting.collect_until(chats_succeed, "it gets well", "active")
    assert page.values(ACTIVE) == [3]
    assert page.value(UP) == 1
    assert page.errors("chats") == set(reasons)
    assert exporting.log.splitlines()[-1].endswith(
        "event=collection_succeeded database=app source=chats collector=active"
    )


@pytest.mark.slow  # test_isolation has a frozen server, and test_stop what is swallowed
def test_while_a_network_swallows_scrapes_are_fast_and_other_databases_are_collected(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    direct = database.dsn_for(EXPORTER)
    config = write_config(
        tmp_path,
        {
            "near": {"dsn": direct, **IMPATIENT},
            "far": {"dsn": proxy.dsn(direct), **IMPATIENT},
        },
        {
            "near": {**SOURCE, "database": "near"},
            "far": {**SOURCE, "database": "far"},
        },
    )
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_for_page(
            lambda page: all(page.values("session_exporter_collection_success")), "all succeed"
        )
        # Once a minute returned sessions are counted, with the connection of the collectors.
        daemon.wait_for_page(
            lambda page: page.value("sessions_returned_total", source="far") == 0, "it is idle"
        )
        proxy.mode = Mode.SWALLOW
        began, answers = time.monotonic(), list[float]()

        def timed_out() -> bool:
            asked = time.monotonic()
            page = daemon.scrape()
            answers.append(time.monotonic() - asked)
            return not page.succeeds("far")

        wait_for(timed_out, "it is given up on", details=lambda: daemon.log)
        took = time.monotonic() - began
        page = daemon.scrape()
        # A busy machine makes some wait, and a wait for the network would make all.
        assert median(answers) < 1
        assert DEADLINE - 0.25 < took < DEADLINE + 80
        assert not page.succeeds("far")
        assert page.errors("far") == {"timeout"}
        assert page.value(UP, database="far") == 0
        assert page.values(ACTIVE, source="far") == [3]  # until stale_after
        assert page.succeeds("near")
        assert page.value(UP, database="near") == 1
        assert page.errors("near") == set()
        assert (
            "event=collection_failed database=far source=far collector=active reason=timeout "
            'error="database far did not answer within 2 s; the connection was dropped"'
        ) in daemon.log
        proxy.mode = Mode.PASS
        page = daemon.wait_for_page(lambda page: page.succeeds("far"), "it gets well")
        assert page.value(UP, database="far") == 1
        # It may have tried to connect before.
        assert page.errors("far") <= {"timeout", "connect"}
        assert page.errors("near") == set()


@pytest.mark.quick("SWALLOW_REQUESTS", "SWALLOW_ANSWERS")
@pytest.mark.parametrize("mode", [Mode.SWALLOW, Mode.SWALLOW_REQUESTS, Mode.SWALLOW_ANSWERS])
def test_swallowed_bytes_are_a_timeout_at_the_clients_deadline(
    config: Path, proxy: Proxy, mode: Mode
) -> None:
    with Exporting(config) as exporting:
        assert chats_succeed(exporting.collect())
        proxy.mode = mode
        began = time.monotonic()
        page = exporting.collect("active")
        took = time.monotonic() - began
        assert DEADLINE - 0.05 < took < DEADLINE + 8
        assert not page.succeeds("chats")
        assert page.errors("chats") == {"timeout"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == [3]  # until stale_after
        assert_recovers(exporting, proxy, "timeout")


@pytest.mark.slow  # bytes that are swallowed pass the same deadline
def test_an_answer_that_trickles_in_is_a_timeout_all_the_same(config: Path, proxy: Proxy) -> None:
    """Bytes keep arriving, so only a deadline for the whole round trip helps."""
    with Exporting(config) as exporting:
        assert chats_succeed(exporting.collect())
        proxy.mode = Mode.TRICKLE
        began = time.monotonic()
        page = exporting.collect("active")
        assert DEADLINE - 0.05 < time.monotonic() - began < DEADLINE + 8
        assert page.errors("chats") == {"timeout"}
        assert page.value(UP) == 0
        assert_recovers(exporting, proxy, "timeout")


@pytest.mark.slow  # packets that vanish pass the same deadline
@pytest.mark.parametrize("mode", [Mode.SWALLOW, Mode.TRICKLE])
def test_a_server_that_never_finishes_its_greeting_is_a_failed_connect(
    config: Path, proxy: Proxy, mode: Mode
) -> None:
    proxy.mode = mode
    with Exporting(config) as exporting:
        began = time.monotonic()
        page = exporting.collect("active")
        assert 1.9 < time.monotonic() - began < 30  # connect_timeout
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == []
        assert exporting.failure("chats").startswith("cannot connect to database app: ")
        # The backoff sets the pace, and not that it took so long: that kept no database busy.
        assert page.values(INTERVAL, collector="active") == [0.25]
        assert 0 < exporting.seconds_of_backoff() <= 1
        assert_recovers(exporting, proxy, "connect")


def test_packets_that_vanish_are_a_failed_connect(tmp_path: Path) -> None:
    with (
        blackhole() as port,
        Exporting(
            config_of(f"postgresql://nobody@127.0.0.1:{port}/nowhere", tmp_path)
        ) as exporting,
    ):
        began = time.monotonic()
        page = exporting.collect("active")
        assert 1.9 < time.monotonic() - began < 30
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        assert "no answer within 2 s" in exporting.failure("chats")
        assert page.values(INTERVAL, collector="active") == [0.25]


def queries_under_way(connection: Any) -> set[int]:
    """The processes of the server that evaluate a source's `where`."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'session-exporter' AND wait_event = 'PgSleep'"
    )
    return {pid for (pid,) in rows}


def reset_in_query(proxy: Proxy, connection: Any, known: set[int]) -> set[int]:
    """Wait for a query that is not known yet, reset its connection, and return the known ones."""
    running = wait_for(lambda: queries_under_way(connection) - known, "a query runs")
    proxy.reset()
    return known | running


def test_a_reset_in_the_middle_of_a_query_is_made_up_for_at_once(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    dsn = proxy.dsn(database.dsn_for(EXPORTER))
    config = config_of(dsn, tmp_path, where="pg_sleep(0.1) IS NOT NULL")
    with Exporting(config) as exporting, database.connect() as connection:
        assert chats_succeed(exporting.collect("active"))
        accepted = proxy.accepted
        running = exporting.begin("active")
        reset_in_query(proxy, connection, set())
        running.result(10)
        page = exporting.page()
        assert chats_succeed(page)
        assert page.values(ACTIVE) == [3]
        assert page.errors("chats") == set()
        assert page.value(UP) == 1
        assert proxy.accepted == accepted + 1


def test_a_second_reset_of_the_same_query_is_a_lost_connection(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    dsn = proxy.dsn(database.dsn_for(EXPORTER))
    config = config_of(dsn, tmp_path, where="pg_sleep(0.1) IS NOT NULL")
    with Exporting(config) as exporting, database.connect() as connection:
        assert chats_succeed(exporting.collect("active"))
        running = exporting.begin("active")
        known = reset_in_query(proxy, connection, set())
        reset_in_query(proxy, connection, known)
        running.result(10)
        page = exporting.page()
        assert not chats_succeed(page)
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == [3]  # until stale_after
        assert exporting.failure("chats").startswith("lost the connection to database app: ")
        assert_recovers(exporting, proxy, "connect")


@pytest.mark.slow  # test_check_live has connections that fail
def test_check_live_writes_nothing_but_its_findings_about_a_connection_that_is_lost(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    dsn = proxy.dsn(database.dsn_for(EXPORTER))
    config = config_of(dsn, tmp_path, where="pg_sleep(0.2) IS NOT NULL")
    with ThreadPoolExecutor() as threads, database.connect() as connection:
        running = threads.submit(run, "check", "--live", "-c", config, folder=tmp_path)
        known = reset_in_query(proxy, connection, set())
        reset_in_query(proxy, connection, known)
        done = running.result(30)
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ evaluation: lost the connection to database app" in done.stdout


def test_refused_connections_are_tried_again_with_growing_pauses(
    config: Path, proxy: Proxy
) -> None:
    with Exporting(config) as exporting:
        assert chats_succeed(exporting.collect())
        proxy.refuse()
        page = exporting.collect("active")
        assert not page.succeeds("chats")
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == [3]  # until stale_after
        assert "Connection refused" in exporting.failure("chats")
        assert 0 < exporting.seconds_of_backoff() <= 1
        again = exporting.collect("active")
        assert again.value(SKIPPED, source="chats", reason="backoff") == 1
        assert again.value(ERRORS, source="chats", reason="connect") == 1
        assert "Connection refused" in exporting.failure("chats")  # and not only that it waits
        exporting.collect_until(
            lambda page: page.value(ERRORS, source="chats", reason="connect") == 2,
            "it tries again",
            "active",
        )
        assert 0.5 < exporting.seconds_of_backoff() <= 2
        for failures in range(3, 8):
            exporting.end_backoff()
            page = exporting.collect("active")
            assert page.value(ERRORS, source="chats", reason="connect") == failures
        assert exporting.log.count("event=collection_failed") == 1
        assert exporting.log.count("event=database_down") == 1
        assert "event=database_up" not in exporting.log
        exporting.end_backoff()
        assert_recovers(exporting, proxy, "connect")
        assert exporting.log.count("event=database_up") == 1


def test_a_database_is_down_when_all_its_connections_are_lost_and_none_can_be_made(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    app = {"dsn": proxy.dsn(database.dsn_for(EXPORTER)), **IMPATIENT, "max_connections": 2}
    config = write_config(tmp_path, {"app": app}, {"chats": SOURCE, "others": SOURCE})
    with Exporting(config) as exporting:
        page = exporting.collect("active")
        assert page.succeeds("chats")
        assert page.succeeds("others")
        proxy.refuse()
        page = exporting.collect("active")
        assert not page.succeeds("chats")
        assert not page.succeeds("others")
        assert page.value(UP) == 0
        assert exporting.log.count("event=database_down") == 1
        proxy.accept()
        page = exporting.collect_until(
            lambda page: page.succeeds("chats") and page.succeeds("others"), "it is back", "active"
        )
        assert page.value(UP) == 1


def test_a_database_that_flaps_is_one_line_when_a_state_has_held(
    config: Path, proxy: Proxy
) -> None:
    """It takes connections, serves one collection, drops them, and refuses for a moment."""
    with Exporting(config) as exporting:
        assert chats_succeed(exporting.collect())
        for _ in range(10):
            proxy.refuse()
            exporting.end_backoff()
            exporting.collect("active")
            proxy.accept()
            exporting.end_backoff()
            assert exporting.collect("active").value(UP) == 1
        lines = [line for line in exporting.log.splitlines() if "event=database_" in line]
        assert [line.count("event=database_down") for line in lines] == [1, 0]
        proxy.refuse()
        exporting.end_backoff()
        exporting.collect("active")
        wait_for(lambda: "changes=19" in exporting.log, "the state has held")
        lines = [line for line in exporting.log.splitlines() if "event=database_" in line]
        assert len(lines) == 3
        assert "event=database_down" in lines[2]
        assert "Connection refused" in lines[2]


@contextlib.contextmanager
def web_server() -> Iterator[int]:
    """Answers whatever is asked in HTTP, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(1024)
                        client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_host_that_is_no_postgresql_is_a_failed_connect_with_a_sentence(tmp_path: Path) -> None:
    with (
        web_server() as port,
        Exporting(
            config_of(f"postgresql://nobody@127.0.0.1:{port}/nowhere", tmp_path)
        ) as exporting,
    ):
        page = exporting.collect("active")
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == []
        failure = exporting.failure("chats")
        assert failure.startswith("cannot connect to database app: ")
        assert "received invalid response to SSL negotiation" in failure


def test_a_name_that_does_not_exist_is_a_failed_connect_with_a_sentence(tmp_path: Path) -> None:
    config = config_of("postgresql://nobody@database.invalid/nowhere", tmp_path)
    with Exporting(config) as exporting:
        page = exporting.collect("active")
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 0
        failure = exporting.failure("chats")
        assert failure.startswith("cannot connect to database app: ")
        # The second where the name server itself does not answer.
        assert "resolve host 'database.invalid'" in failure or "no answer within 2 s" in failure


@pytest.mark.slow  # bytes that are swallowed pass the same deadline
def test_an_error_after_which_a_network_swallows_everything_is_over_at_the_deadline(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    """The answer is there, and what takes the transaction back never arrives."""
    dsn = proxy.dsn(database.dsn_for(EXPORTER))
    fails = "(SELECT pg_sleep(0.3) IS NOT NULL AND 1 / (random() * 0)::int = 0)"
    with (
        Exporting(config_of(dsn, tmp_path, where=fails)) as exporting,
        database.connect() as connection,
    ):
        running = exporting.begin("active")
        wait_for(lambda: queries_under_way(connection), "a query runs")
        proxy.mode = Mode.SWALLOW_REQUESTS
        running.result(DEADLINE + 3)
        assert exporting.page().errors("chats") <= {"data", "timeout"}


def test_names_that_nobody_answers_keep_no_other_database_from_being_collected(
    database: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are: an event loop's own threads for it would be four."""
    names = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    direct = database.dsn_for(EXPORTER)
    unanswered = direct.replace("@127.0.0.1:", "@database.invalid:")
    known = direct.replace("@127.0.0.1:", "@localhost:")
    silent = [f"silent_{number}" for number in range(8)]
    databases = {name: {"dsn": unanswered, **IMPATIENT} for name in silent}
    databases["well"] = {"dsn": known, **IMPATIENT}
    sources = {name: {**SOURCE, "database": name} for name in databases}
    with Exporting(write_config(tmp_path, databases, sources)) as exporting:
        began = time.monotonic()
        running = exporting.begin("active")
        wait_for(lambda: exporting.page().succeeds("well"), "the other one is collected")
        assert time.monotonic() - began < 1.5
        assert names.asked == 8
        running.result(10)
        # Given up on, and still one question for each: nobody asks a second time meanwhile.
        exporting.end_backoffs()
        exporting.collect("active")
        assert names.asked == 8
        names.answers.set()


def test_the_time_that_connecting_takes_is_no_time_of_the_database(
    database: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stretch the interval to twenty times as much."""
    names = NameServer()
    names.knows = True
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    dsn = database.dsn_for(EXPORTER).replace("@127.0.0.1:", "@database.invalid:")
    threading.Timer(1.0, names.answers.set).start()
    with Exporting(config_of(dsn, tmp_path)) as exporting:
        began = time.monotonic()
        page = exporting.collect("active")
        assert time.monotonic() - began > 0.9
        assert page.succeeds("chats")
        assert (page.value(INTERVAL, collector="active") or 99) < 10


def test_of_several_hosts_one_whose_name_does_not_exist_is_passed_over(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    dsn = database.dsn_for(EXPORTER).replace("@", "@database.invalid:5432,")
    with Exporting(config_of(dsn, tmp_path)) as exporting:
        page = exporting.collect("active")
        assert page.succeeds("chats"), exporting.log
        assert page.errors("chats") == set()


class NameServer:
    """Stands in for the system's resolver: a name that is unknown, unanswered or known."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = threading.Event()
        self.knows = False
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *arguments: Any, **named: Any) -> Any:
        if host != "database.invalid":
            return self._real(host, *arguments, **named)
        self.asked += 1
        assert self.answers.wait(20)
        if not self.knows:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._real("127.0.0.1", *arguments, **named)


@pytest.mark.quick("environment")
@pytest.mark.parametrize("place", ["service file", "environment"])
def test_a_name_from_libpqs_own_places_that_nobody_answers_holds_nothing_up(
    database: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """libpq would look it up itself, and everything would wait."""
    names = NameServer()
    names.knows = True
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    dsn = database.dsn_for(EXPORTER).replace(f"@127.0.0.1:{database.server.port}/", "@/")
    if place == "service file":
        service = tmp_path / "pg_service.conf"
        service.write_text(f"[app]\nhost=database.invalid\nport={database.server.port}\n")
        monkeypatch.setenv("PGSERVICEFILE", str(service))
        dsn += "?service=app&sslmode=prefer"
    else:
        monkeypatch.setenv("PGHOST", "database.invalid")
        monkeypatch.setenv("PGPORT", str(database.server.port))
    with Exporting(config_of(dsn, tmp_path), make_loop=asyncio.new_event_loop) as exporting:
        collecting = exporting.begin("active")
        wait_for(lambda: names.asked, "the name is looked up")
        began = time.monotonic()
        exporting.page()
        assert time.monotonic() - began < 0.5
        assert not collecting.done()
        names.answers.set()
        exporting.collect_until(chats_succeed, "the name is found", "active")


@pytest.mark.slow  # test_server gets well after a restart
def test_gets_well_when_names_are_found_again(
    database: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    dsn = database.dsn_for(EXPORTER).replace("@127.0.0.1:", "@database.invalid:")
    # asyncio's own loop asks in Python, where a test can answer.
    with Exporting(config_of(dsn, tmp_path), make_loop=asyncio.new_event_loop) as exporting:
        began = time.monotonic()
        page = exporting.collect("active")
        assert 1.9 < time.monotonic() - began < 30
        assert page.errors("chats") == {"connect"}
        assert "no answer within 2 s" in exporting.failure("chats")
        names.answers.set()
        exporting.collect_until(
            lambda _: "resolve host 'database.invalid'" in exporting.failure("chats"),
            "the name is not known",
            "active",
        )
        names.knows = True
        page = exporting.collect_until(chats_succeed, "the name is found", "active")
        assert page.errors("chats") == {"connect"}
        assert page.value(UP) == 1
