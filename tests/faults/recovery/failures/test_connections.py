"""Recovery keeps to its budget of connections, whatever the number of sources and what hangs."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.clock import Clock
from exporter.collection.job import Job
from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.demo.server.binaries import wheel_binaries
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer
from exporter.demo.systems.schemas import EXPORTER, create_empty
from exporter.metrics.exposition import TEXT
from exporter.postgres.connections import connection_slots
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import IMPATIENT, Page, write_config
from tests.support.recovery.automatic.trust import trust
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute, rows

PAST_GRACE = 1801.0
CHATS = """
CREATE TABLE public.chats (
    id int PRIMARY KEY, is_open bool NOT NULL DEFAULT true, started timestamptz NOT NULL,
    ended timestamptz
);
INSERT INTO public.chats (id, started)
SELECT n, now() - interval '2 hours' FROM generate_series(1, 50) AS n;
GRANT SELECT ON public.chats TO session_exporter;
"""
OURS = (
    "SELECT usename, wait_event FROM pg_stat_activity WHERE application_name = 'session-exporter'"
)
CONNECTIONS = "session_exporter_database_connections"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def small_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    """What collection and recovery may use, one connection of the test's, and one to spare."""
    settings = {"max_connections": "6", "superuser_reserved_connections": "0", "autovacuum": "off"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        yield server


@pytest.fixture
def crowded(small_server: PostgresServer) -> EmbeddedDatabase:
    return with_chats(create_empty(small_server, f"crowded_{next(_numbers)}"))


def with_chats(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, CHATS, audit_script())
    return database


def source(dsn: str, where: str, **more: Any) -> dict[str, Any]:
    """One of the chats, recovered automatically through its connection string."""
    closing = {"set": {"is_open": False, "ended": "{end}"}, "end_at": "now", "trust_age": True}
    return {
        "database": "app",
        "table": "public.chats",
        "active": "is_open",
        "started_at": "started",
        "ended_at": "ended",
        "id": "id",
        "orphaned_after": "1h",
        "where": where,
        "every": "4s",
        "daily": None,
        **more,
        "recovery": {"mode": "auto", **closing, "dsn": dsn},
    }


class Daemon:
    """All that one config makes; the test runs its jobs, and turns its clock."""

    def __init__(self, config: Path) -> None:
        self._now = 1000.0
        # The time that passes too, or the database's clock would seem to be set.
        clock = Clock(monotonic=lambda: self._now + time.monotonic(), wall=time.time)
        self.exporter = Exporter(load_config(config, {}), clock)
        self._now += PAST_GRACE

    def job(self, name: str, kind: str = "recovery") -> Job:
        return next(job for job in self.exporter.jobs if job.key[1:] == (name, kind))

    async def run_all(self, times: int = 3) -> Page:
        for _ in range(times):
            await asyncio.gather(*(job.run() for job in self.exporter.jobs))
            self._now += 4.0
        return self.page()

    def page(self) -> Page:
        return Page(self.exporter.page.render(TEXT).decode())


@asynccontextmanager
async def daemon_of(
    folder: Path, databases: dict[str, Any], sources: dict[str, Any]
) -> AsyncIterator[Daemon]:
    path = write_config(folder, databases, sources)
    config = load_config(path, {})
    for each in config.sources.values():
        settings = config.databases[each.databases[0]]
        await trust(settings.model_copy(update={"dsn": each.recovery.dsn}), each)
    daemon = Daemon(path)
    try:
        yield daemon
    finally:
        await daemon.exporter.close()


@contextmanager
def watched(database: EmbeddedDatabase, role: str) -> Iterator[list[int]]:
    """How many connections of a role there were, all the time."""
    counts: list[int] = []
    is_over = threading.Event()
    with database.connect() as connection:

        def watch() -> None:
            while not is_over.wait(0.005):
                found = connection.execute(OURS.encode()).fetchall()
                counts.append(sum(each == role for each, _ in found))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield counts
        finally:
            is_over.set()
            watcher.join()


def of_recovery(database: EmbeddedDatabase) -> int:
    return sum(role == "postgres" for role, _ in rows(database, OURS))


def open_chats(database: EmbeddedDatabase) -> int:
    return int(rows(database, "SELECT count(*) FROM public.chats WHERE is_open")[0][0])


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


@pytest.mark.quick("6")
@pytest.mark.parametrize("number", [6, 40])
async def test_many_sources_use_as_many_connections_as_one(
    crowded: EmbeddedDatabase, tmp_path: Path, number: int
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    sources = {f"s{n}": source(crowded.dsn, f"id = {n}") for n in range(1, number + 1)}
    for each in sources.values():  # port 9 accepts nothing
        each["recovery"]["webhook"] = {"url": "http://127.0.0.1:9/", "secret_file": str(secret)}
    app = {"dsn": crowded.dsn_for(EXPORTER), **IMPATIENT}
    with watched(crowded, "postgres") as counts:
        async with daemon_of(tmp_path, {"app": app}, sources) as daemon:
            page = await daemon.run_all()
            assert page.value(CONNECTIONS, use="recovery") == 2
            assert page.value(CONNECTIONS, use="collection") in {1, 2}
            assert of_recovery(crowded) == 2
    assert max(counts) == 2
    assert sum(page.values("sessions_recovery_failed_total")) == 0
    assert page.values("sessions_recovered_total", trigger="auto") == [1] * number
    assert open_chats(crowded) == 50 - number


@pytest.mark.slow
async def test_sources_with_several_connection_strings_share_one_budget(
    crowded: EmbeddedDatabase, tmp_path: Path
) -> None:
    app = {"dsn": crowded.dsn_for(EXPORTER), **IMPATIENT, "max_recovery_connections": 1}
    dsns = [f"{crowded.dsn}?keepalives_idle={n}" for n in (11, 12)]
    sources = {f"s{n}": source(dsn, f"id = {n}") for n, dsn in enumerate(dsns, 1)}
    async with daemon_of(tmp_path, {"app": app}, sources) as daemon:
        page = await daemon.run_all()
        assert page.value(CONNECTIONS, use="recovery") == 1
        await until(lambda: of_recovery(crowded) == 1, "there are more")
    assert page.values("sessions_recovered_total", trigger="auto") == [1, 1]
    assert open_chats(crowded) == 48


@pytest.mark.slow
async def test_each_database_has_a_budget(
    crowded: EmbeddedDatabase, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    both = {"app": crowded, "other": with_chats(database)}
    settings = {
        name: {"dsn": each.dsn_for(EXPORTER), **IMPATIENT, "max_recovery_connections": size}
        for size, (name, each) in enumerate(both.items(), 1)
    }
    sources = {
        f"{name}_{n}": source(each.dsn, f"id = {n}", database=name)
        for name, each in both.items()
        for n in range(1, 5)
    }
    async with daemon_of(tmp_path, settings, sources) as daemon:
        page = await daemon.run_all()
        for size, name in enumerate(both, 1):
            assert page.value(CONNECTIONS, database=name, use="recovery") == size
    assert [open_chats(each) for each in both.values()] == [46, 46]


@pytest.mark.quick("3")
@pytest.mark.parametrize("hanging", [1, 3])
async def test_sources_that_hang_leave_a_connection_to_the_others(
    crowded: EmbeddedDatabase, tmp_path: Path, hanging: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(crowded, "CREATE TABLE public.pauses AS SELECT 0 AS seconds")
    app = {"dsn": crowded.dsn_for(EXPORTER), **IMPATIENT, "statement_timeout": "20s"}
    hangs = "(SELECT pg_sleep(seconds) FROM public.pauses) IS NOT NULL"
    slow = {f"slow_{n}": source(crowded.dsn, f"id = {n} AND {hangs}") for n in range(hanging)}
    sources = {**slow, "well": source(crowded.dsn, "id = 50")}
    async with daemon_of(tmp_path, {"app": app}, sources) as daemon:
        well, *hung = daemon.job("well"), *map(daemon.job, slow)
        if hanging > 1:  # several are known to be slow; of one, nothing has to be known
            monkeypatch.setattr(connection_slots, "SLOW_SECONDS", 0.0)
            await asyncio.gather(*(job.run() for job in hung))
        monkeypatch.setattr(connection_slots, "SLOW_SECONDS", 60.0)
        execute(crowded, "UPDATE public.pauses SET seconds = 60")
        running = [asyncio.create_task(job.run()) for job in hung]
        try:
            await until(
                lambda: any(event == "PgSleep" for _, event in rows(crowded, OURS)), "one hangs"
            )
            await well.run()
            assert not any(each.done() for each in running)
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
