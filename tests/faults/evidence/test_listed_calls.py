"""Practice calls with a table and the server's list: which are orphaned, and for what cause."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from tests.support.processes.applications import Application, CallServerProcess
from tests.support.processes.session_exporter import IMPATIENT, Daemon, Page, write_config
from tests.support.servers.statements import rows

pytestmark = pytest.mark.slow

SOURCE: dict[str, Any] = {
    "table": "practice_calls.calls",
    "active": "state = 'active'",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "id": "id",
    "list": "calls",
    "orphaned_after": "3s",
    "every": "250ms",
    "stale_after": "60s",
    "daily": None,
}
LIST: dict[str, Any] = {
    "items": "sessions",
    "id": "id",
    "started_at": "startedAt",
    "last_seen_at": "lastMessageAt",
    "filter": "state == 'active'",
    "ghost_after": "1s",
    "every": "250ms",
    "timeout": "1s",
}


@contextmanager
def exporter(database: EmbeddedDatabase, server: CallServerProcess, folder: Path) -> Iterator[Any]:
    lists = {"calls": LIST | {"urls": {"server": f"{server.url}/sessions"}}}
    app = {"dsn": database.dsn, **IMPATIENT}
    path = write_config(folder, {"app": app}, {"calls": SOURCE}, lists=lists)
    with Daemon(path, folder=folder) as daemon:
        yield daemon


@pytest.fixture
def table(database: EmbeddedDatabase) -> EmbeddedDatabase:
    script = Path(schemas.__file__).with_name("practice_calls.sql")
    with database.connect(APP) as connection:
        connection.execute(script.read_bytes())
    return database


def cause(page: Page, name: str) -> float | None:
    return page.value("sessions_orphaned_by_cause", source="calls", cause=name)


def is_known(page: Page, number: int) -> bool:
    """Whether so many are active, and the list holds them all."""
    return (
        page.value("sessions_active", source="calls") == number
        and page.value("sessions_live", source="calls", store="server") == number
    )


def orphaned_while(daemon: Daemon, seconds: float) -> set[float | None]:
    """Every number of orphans that the page has shown in that time."""
    found, end = set[float | None](), time.monotonic() + seconds
    while time.monotonic() < end:
        found.add(daemon.scrape().value("sessions_orphaned", source="calls"))
        time.sleep(0.05)
    return found


def hold(server: CallServerProcess, stack: ExitStack, number: int) -> list[Application]:
    words = ("--every", 0.1)
    return [
        stack.enter_context(server.front_end("hold", f"client-{each}", *words))
        for each in range(number)
    ]


def test_a_call_in_use_is_not_orphaned_however_long_it_lasts(
    table: EmbeddedDatabase, tmp_path: Path
) -> None:
    """By its row alone each of them is, after three seconds: the row has no sign of life."""
    with ExitStack() as stack:
        server = stack.enter_context(
            CallServerProcess("--dsn", table.dsn_for(APP), folder=tmp_path)
        )
        clients = hold(server, stack, 4)
        for each in clients:
            each.wait_for_event("active")
        cycling = stack.enter_context(server.front_end("cycles", "cycling", "--number", 100))
        daemon = stack.enter_context(exporter(table, server, tmp_path))
        daemon.wait_for_page(lambda page: page.value("sessions_orphaned", source="calls") == 0, "0")
        assert orphaned_while(daemon, 6) == {0}
        cycling.wait()
        page = daemon.wait_for_page(lambda page: is_known(page, 4), "the four are left")
        assert page.value("sessions_orphaned", source="calls") == 0
        assert page.value("sessions_untracked", source="calls") == 0


def test_a_connection_that_practising_again_has_left_is_stale_though_it_answers_pings(
    table: EmbeddedDatabase, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        words = ("--keep-old", "--ping-interval", 0.2, "--dsn", table.dsn_for(APP))
        server = stack.enter_context(CallServerProcess(*words, folder=tmp_path))
        client = stack.enter_context(server.front_end("again", "anna", "--every", 0.1))
        left = client.wait_for_event("left")["call"]
        used = client.wait_for_event("active")["call"]
        daemon = stack.enter_context(exporter(table, server, tmp_path))
        page = daemon.wait_for_page(lambda page: cause(page, "stale_in_list"), "it is found")
        assert page.value("sessions_orphaned", source="calls") == cause(page, "stale_in_list") == 1
        assert is_known(page, 2)
        assert {each["id"] for each in server.sessions("active")} == {left, used}
        assert orphaned_while(daemon, 2) == {1}


def test_what_a_killed_server_has_lost_is_found_and_what_its_successor_holds_is_not(
    table: EmbeddedDatabase, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        dsn = table.dsn_for(APP)
        first = stack.enter_context(CallServerProcess("--dsn", dsn, folder=tmp_path))
        port = first.port
        clients = hold(first, stack, 4)
        for each in clients:
            each.wait_for_event("active")
        daemon = stack.enter_context(exporter(table, first, tmp_path))
        daemon.wait_for_page(lambda page: is_known(page, 4), "the list is known")
        first.kill()
        down = daemon.wait_for_page(
            lambda page: page.value("session_exporter_evidence_up", evidence="calls") == 0,
            "the list does not answer",
        )
        assert cause(down, "ghost") == 0  # blind is not dead
        second = stack.enter_context(
            CallServerProcess("--dsn", dsn, "--port", port, folder=tmp_path)
        )
        for each in clients:
            each.wait_for_event("active", number=2)
        page = daemon.wait_for_page(lambda page: cause(page, "ghost") == 4, "the old are found")
        assert page.value("sessions_orphaned", source="calls") == 4
        assert page.value("sessions_active", source="calls") == 8
        assert len(second.sessions("active")) == 4
        assert rows(table, "SELECT count(*) FROM practice_calls.calls") == [(8,)]
