"""An exporter under a rain of faults: it never lies, never leaks and never breaks.

`make test` keeps each fault once until a collection has failed of it; `make test-all` lets it rain
for SECONDS, and `make soak` for SOAK_SECONDS, an hour if nothing else is said.
"""

import asyncio
import contextlib
import gc
import itertools
import logging
import math
import os
import random
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop

import exporter.collection.job
import exporter.postgres.simple_query
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshot
from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.schedule import Schedule
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import EXPORTER, create_empty
from exporter.errors import REASONS
from exporter.metrics.exposition import TEXT
from tests.support.processes.session_exporter import CONVERSATIONS, Page, wait_for, write_config
from tests.support.servers.frozen_processes import frozen
from tests.support.servers.quick_server import QuickServer

SECONDS = 60.0
FAULT_EVERY = 1.0
#: How long a fault of the rain lasts, at least and at most.
LINGER = (0.05, 0.9)

#: What may be left over at the end in memory, in bytes; a leaked snapshot per collection is more.
LEFT_OVER = 1_000_000

SETTINGS = {
    "connect_timeout": "2s",
    "statement_timeout": "500ms",
    "lock_timeout": "200ms",
    "max_connections": 3,
}
SOURCE = {
    **CONVERSATIONS,
    "every": "100ms",
    "stale_after": "1s",
    "daily": {"days": 3, "every": "200ms", "timeout": "1s"},
}
SOURCES = ("first", "second", "third")


@dataclass
class Truth:
    """How many sessions there were when. There are only ever more of them."""

    known: list[tuple[float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_at_least(self, count: int) -> None:
        """From now on; older knowledge than anybody may serve is forgotten."""
        with self.lock:
            self.known.append((time.monotonic(), count))
            del self.known[:-2000]

    def at(self, moment: float) -> int:
        """The number that was there for certain at a moment."""
        with self.lock:
            return max((count for since, count in self.known if since <= moment), default=0)


class Chaos:
    """Harms the server, one fault after the other, and writes a session between them."""

    def __init__(self, database: EmbeddedDatabase, truth: Truth) -> None:
        self.failures: Counter[str] | None = None  # by reason; without, a fault lasts for a while
        self.faults = 0
        self._database = database
        self._server = database.server
        self._truth = truth
        self._dice = random.Random()
        self._sessions = 0
        self._faults: tuple[Callable[[], None], ...] = (
            self.kill_backends,
            self.lock_the_table,
            self.freeze_the_server,
            self.revoke_the_rights,
            self.rename_the_table,
            self.restart_the_server,
        )

    def rain(self, until: float, stop: threading.Event) -> None:
        """One fault per FAULT_EVERY, each of them once before any comes again."""
        while time.monotonic() < until and not stop.is_set():
            self.once_each(stop, until)

    def once_each(self, stop: threading.Event, until: float = math.inf) -> None:
        for fault in self._dice.sample(self._faults, len(self._faults)):
            if time.monotonic() > until or stop.is_set():
                return
            began = time.monotonic()
            self.start_session()
            fault()
            self.faults += 1
            stop.wait(max(0.0, began + FAULT_EVERY - time.monotonic()))

    def start_session(self) -> None:
        with self._database.connect() as connection:
            connection.execute(
                "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
                " VALUES (gen_random_uuid(), 'u')"
            )
        self._sessions += 1
        self._truth.is_at_least(self._sessions)

    @property
    def sessions(self) -> int:
        return self._sessions

    def kill_backends(self) -> None:
        with self._database.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'session-exporter'"
            )

    def lock_the_table(self) -> None:
        with self._database.connect() as connection, connection.transaction():
            connection.execute("LOCK conversations.conversation_sessions")
            self._linger("lock")

    def freeze_the_server(self) -> None:
        with frozen(self._server):
            self._linger("timeout", "connect")

    def revoke_the_rights(self) -> None:
        self._for_a_moment(
            "REVOKE SELECT ON conversations.conversation_sessions FROM session_exporter",
            "GRANT SELECT ON conversations.conversation_sessions TO session_exporter",
            "permission",
        )

    def rename_the_table(self) -> None:
        self._for_a_moment(
            "ALTER TABLE conversations.conversation_sessions RENAME TO away",
            "ALTER TABLE conversations.away RENAME TO conversation_sessions",
            "schema",
        )

    def restart_the_server(self) -> None:
        self._server.kill()
        try:
            self._linger("connect")
        finally:
            self._server.start()

    def _for_a_moment(self, harm: str, repair: str, reason: str) -> None:
        with self._database.connect() as connection:
            connection.execute(harm.encode())
            self._linger(reason)
            connection.execute(repair.encode())

    def _linger(self, *reasons: str) -> None:
        """Let the fault last for a while, or until a collection has failed for one of these."""
        if self.failures is None:
            threading.Event().wait(self._dice.uniform(*LINGER))
            return
        failures, before = self.failures, dict(self.failures)
        wait_for(
            lambda: any(failures[reason] > before.get(reason, 0) for reason in reasons),
            f"a collection fails for {reasons}",
        )


class Watcher:
    """Reads every page as Prometheus would, and knows what may be on it."""

    def __init__(self, exporter_: Exporter, truth: Truth) -> None:
        self._exporter = exporter_
        self._truth = truth
        self.pages = 0
        self.values = 0
        self.failures: Counter[str] = Counter()
        self._last: dict[tuple[str, str], float] = {}

    def look(self) -> Page:
        before = CLOCK.monotonic()
        page = Page(self._exporter.page.render(TEXT).decode())
        after = CLOCK.monotonic()
        self.pages += 1
        for key, state in self._exporter.snapshots.states.items():
            snapshot = state.snapshot
            success = page.value(
                "session_exporter_collection_success", source=key.source, collector=key.collector
            )
            if snapshot is None or before > snapshot.expires_at:
                assert success == 0, key
            elif after <= snapshot.expires_at:
                assert success == state.succeeded, key
            if key.collector == "active":
                self._check_values(page, key, snapshot, before, after)
        for source in SOURCES:
            self._check_counters(page, source)
        for reason in REASONS:
            counted = page.values("session_exporter_collection_errors_total", reason=reason)
            self.failures[reason] = int(sum(counted))
        return page

    def _check_values(
        self, page: Page, key: Key, snapshot: Snapshot | None, before: float, after: float
    ) -> None:
        active = page.value("sessions_active", source=key.source)
        if snapshot is None or before > snapshot.expires_at:
            assert active is None, key
        elif after <= snapshot.expires_at:
            assert active is not None, key
            # Not even what began to be collected before the last success may be served.
            assert self._truth.at(snapshot.at) <= active, key
            buckets = page.value("sessions_active_age_seconds_bucket", source=key.source, le="+Inf")
            assert buckets == active, key
            self.values += 1

    def _check_counters(self, page: Page, source: str) -> None:
        for name in ("errors", "skipped"):
            now = sum(page.values(f"session_exporter_collection_{name}_total", source=source))
            assert now >= self._last.get((source, name), 0.0)
            self._last[source, name] = now


@pytest.fixture
def victim(fast_folder: Path | None) -> Iterator[EmbeddedDatabase]:
    with QuickServer(wheel_binaries(18), parent=fast_folder) as server:
        yield create_empty(server, "victim")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collect often even while everything is slow: this is about many faults, not about load."""
    monkeypatch.setattr(exporter.collection.job, "DUTY", 1)
    monkeypatch.setattr(exporter.postgres.simple_query, "CLIENT_GRACE_SECONDS", 0.3)
    monkeypatch.setattr(exporter.backoff, "CONNECT", (0.1, 1.0))


class Errors(logging.Handler):
    """Keeps errors of ours, and nothing else: a soak of an hour writes many a line."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What is logged as an error; nothing else is logged, and of the libraries nothing at all."""
    levels = {
        "session_exporter": logging.ERROR,
        "apscheduler": logging.CRITICAL,
        "psycopg": logging.CRITICAL,
    }
    handler, loggers = Errors(), {name: logging.getLogger(name) for name in levels}
    before = {name: each.level for name, each in loggers.items()}
    loggers["session_exporter"].addHandler(handler)
    try:
        for name, level in levels.items():
            loggers[name].setLevel(level)
        yield handler.found
    finally:
        for name, level in before.items():
            loggers[name].setLevel(level)
        loggers["session_exporter"].removeHandler(handler)


def our_connections(database: EmbeddedDatabase) -> int:
    with contextlib.closing(psycopg.connect(database.dsn, autocommit=True)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def open_sockets() -> int:
    targets = []
    for link in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            targets.append(str(link.readlink()))
    return sum(target.startswith("socket:") for target in targets)


@pytest.mark.slow  # each fault is in a test of its own
@pytest.mark.usefixtures("hasty")
def test_survives_each_fault_without_a_lie_a_leak_or_a_bug(
    victim: EmbeddedDatabase, tmp_path: Path, errors: list[str]
) -> None:
    # Each fault lasts until it is noticed, so that once is enough.
    survive(victim, tmp_path, errors, seconds=None)


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_survives_a_rain_of_faults_without_a_lie_a_leak_or_a_bug(
    victim: EmbeddedDatabase, tmp_path: Path, errors: list[str]
) -> None:
    seconds = float(os.environ.get("SOAK_SECONDS") or SECONDS)
    survive(victim, tmp_path, errors, seconds=seconds)


def survive(
    victim: EmbeddedDatabase,
    tmp_path: Path,
    errors: list[str],
    *,
    seconds: float | None,
) -> None:
    """For so many seconds, or until each fault was noticed once."""
    truth = Truth()
    chaos = Chaos(victim, truth)
    app = {"dsn": victim.dsn_for(EXPORTER), **SETTINGS}
    config = write_config(tmp_path, {"app": app}, dict.fromkeys(SOURCES, SOURCE))
    unhandled: list[dict[str, Any]] = []

    async def soak() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unhandled.append(context))
        exporting = Exporter(load_config(config, {}), CLOCK)
        schedule = Schedule(exporting.collections, CLOCK)
        watcher = Watcher(exporting, truth)
        schedule.start()
        stop = threading.Event()
        watcher.look()
        if seconds is None:
            chaos.failures = watcher.failures
            harm = asyncio.to_thread(chaos.once_each, stop)
        else:
            harm = asyncio.to_thread(chaos.rain, time.monotonic() + seconds, stop)
        expected_faults = 6 if seconds is None else seconds / FAULT_EVERY / 3
        raining = asyncio.create_task(harm)
        memory = 0
        try:
            while not raining.done():
                watcher.look()
                if not memory and chaos.faults >= expected_faults / 3:
                    memory = in_use()
                await asyncio.sleep(0.05)
            await raining
            await gets_well(watcher, chaos.sessions)
        finally:
            stop.set()
            await raining
            await schedule.stop(5)
            await exporting.close()
        assert chaos.faults >= expected_faults
        assert watcher.values > 0
        # A fault of the once-each kind lasts as long as a slow machine needs to notice it.
        if seconds is not None:
            assert watcher.values > watcher.pages / 4, "it hardly ever had anything to serve"
        expected = {"connect", "lock", "permission", "schema"}
        seen = {reason for reason, count in watcher.failures.items() if count}
        assert expected <= seen <= expected | {"timeout"}
        grown = in_use() - memory
        assert grown < LEFT_OVER, f"{grown} bytes more than after a third of the faults"
        await until_nothing_runs()

    def in_use() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    async def gets_well(watcher: Watcher, sessions: int) -> None:
        deadline = time.monotonic() + 60
        for _ in itertools.count():
            page = watcher.look()
            states = watcher._exporter.snapshots.states.values()
            if all(state.succeeded for state in states) and page.values("sessions_active") == [
                sessions
            ] * len(SOURCES):
                return
            assert time.monotonic() < deadline, page.text
            await asyncio.sleep(0.05)

    async def until_nothing_runs() -> None:
        """What was cancelled ends in the next turns of the loop."""
        deadline = time.monotonic() + 5
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            assert time.monotonic() < deadline, others
            await asyncio.sleep(0)

    sockets = open_sockets()
    tracemalloc.start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(soak())
    finally:
        tracemalloc.stop()
    assert unhandled == []
    assert errors == []
    wait_for(lambda: our_connections(victim) == 0, "no connection is left over")
    assert open_sockets() == sockets
