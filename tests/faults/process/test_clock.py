"""The clock is set, or the exporter itself stands still: it goes on collecting, and truthfully.

The clock is set for the daemon alone, by libfaketime (Debian's package faketime), which leaves the
monotonic clock as it is. Without it these tests are skipped, and in CI they fail.
"""

import datetime as dt
import http.client
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import exporter.daemon.machine_clock
from exporter.clock import Clock
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.collection.exporter import Exporting
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)
from tests.support.processes.wall_clock import HOUR, WallClock, steps, wait_for_step

YEAR = 365 * 24 * HOUR
LAST_SUCCESS = "session_exporter_collection_last_success_timestamp_seconds"


def config_for(
    database: EmbeddedDatabase, folder: Path, settings: dict[str, Any] | None = None, **keys: Any
) -> Path:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, **(settings or {})}
    source = {**CONVERSATIONS, "daily": None, **keys}
    return write_config(folder, {"app": app}, {"chats": source})


def start_session(database: EmbeddedDatabase, *, minutes_ago: float = 0) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
            " VALUES (gen_random_uuid(), 'u', now() - make_interval(secs => %s))",
            (minutes_ago * 60,),
        )


def goes_on(daemon: Daemon, *, runs: int = 2, seconds: float = 60.0) -> Page:
    """Wait until it was collected some times more, and return the last page."""
    page = daemon.scrape()
    for _ in range(runs):
        before = page.value(LAST_SUCCESS, collector="active")
        page = daemon.wait_for_page(
            lambda page, before=before: (  # type: ignore[misc]
                page.succeeds("chats") and page.value(LAST_SUCCESS, collector="active") != before
            ),
            "it is collected again",
            seconds=seconds,
        )
    return page


def interval_of(page: Page) -> float:
    interval = page.value("session_exporter_collection_interval_seconds", collector="active")
    assert interval is not None
    return interval


@pytest.mark.quick("back and further")
@pytest.mark.parametrize(
    "offsets",
    [(-HOUR, HOUR), (-HOUR, 0, HOUR, 0)],
    ids=["back and further", "back and forth, and further and back"],
)
def test_a_clock_that_is_set_back_and_forth_changes_neither_the_interval_nor_any_age(
    database: EmbeddedDatabase, wall_clock: WallClock, tmp_path: Path, offsets: tuple[int, ...]
) -> None:
    # Were ages ours to compute, an hour more or less would orphan the one or not the other.
    start_session(database, minutes_ago=90)
    start_session(database, minutes_ago=150)
    began = time.monotonic()
    config = config_for(database, tmp_path)
    with Daemon(config, folder=tmp_path, environ=wall_clock.environ) as daemon:
        goes_on(daemon)
        for number, (before, offset) in enumerate(itertools.pairwise((0, *offsets)), start=1):
            wall_clock.set(offset)
            page = goes_on(daemon)
            timestamp = page.value(LAST_SUCCESS, collector="active")
            assert timestamp == pytest.approx(time.time() + offset, abs=30)
            assert page.value("sessions_orphaned") == 1
            assert page.value("sessions_active_age_seconds_bucket", le="3600.0") == 0
            assert page.value("sessions_active_age_seconds_bucket", le="7200.0") == 1
            assert page.value("sessions_active_age_seconds_bucket", le="14400.0") == 2
            age = 240 * 60 + 2 * (time.monotonic() - began)
            assert page.value("sessions_active_age_seconds_gsum") == pytest.approx(age, abs=30)
            wait_for_step(daemon, number)
            assert steps(daemon)[-1] == pytest.approx(offset - before, abs=1)
            assert interval_of(page) < 10
        page = goes_on(daemon)
        assert len(steps(daemon)) == len(offsets)
        assert page.errors("chats") == set()


@pytest.mark.slow  # the clock is set back and forth in the one before
def test_a_clock_that_is_set_forth_and_back_in_a_moment_stops_nothing(
    database: EmbeddedDatabase, wall_clock: WallClock, tmp_path: Path
) -> None:
    config = config_for(database, tmp_path)
    with Daemon(config, folder=tmp_path, environ=wall_clock.environ) as daemon:
        for _ in range(2):
            now = goes_on(daemon).value(LAST_SUCCESS, collector="active")
            wall_clock.set(HOUR)
            daemon.wait_for_page(
                lambda page, now=now: page.value(LAST_SUCCESS, collector="active") > now + HOUR / 2,  # type: ignore[misc]
                "it is collected in an hour",
            )
            # Runs were scheduled by that time; the watch may not have looked meanwhile.
            wall_clock.set(0)
            page = goes_on(daemon)
        assert page.errors("chats") == set()


@pytest.mark.slow  # a step of thirty years in place of an hour
def test_a_machine_that_learns_the_time_only_after_the_start_is_no_problem(
    database: EmbeddedDatabase, wall_clock: WallClock, tmp_path: Path
) -> None:
    """Without a battery it starts in 1970, or whenever it was switched off."""
    wall_clock.set(-30 * YEAR)
    config = config_for(database, tmp_path)
    with Daemon(config, folder=tmp_path, environ=wall_clock.environ) as daemon:
        goes_on(daemon)
        for number, offset in enumerate([0, -30 * YEAR, 0], start=1):
            # The step before was noticed just now, so that this one meets the schedule first: it
            # must not go through the billions of runs that seem to have been missed.
            wall_clock.set(offset)
            page = goes_on(daemon)
            wait_for_step(daemon, number)
        assert page.errors("chats") == set()
        assert page.value(LAST_SUCCESS, collector="active") == pytest.approx(time.time(), abs=30)
        assert steps(daemon) == pytest.approx([30 * YEAR, -30 * YEAR, 30 * YEAR], abs=1)


@pytest.mark.slow  # it is no step of the clock
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_daylight_saving_time_does_not_matter(
    database: EmbeddedDatabase, wall_clock: WallClock, tmp_path: Path, day: str
) -> None:
    """The hour that does not exist in spring, and the one that exists twice in autumn."""
    change = dt.datetime.fromisoformat(f"{day}T01:00Z").timestamp()
    config = config_for(database, tmp_path)
    environ = wall_clock.environ | {"TZ": "Europe/Berlin"}
    # The offset as it is when the daemon starts.
    own = wall_clock.another(f"offset-{change:.0f}", change - 3 - time.time())
    with Daemon(config, folder=tmp_path, environ=environ | own) as daemon:

        def collected_after(page: Page, moment: float) -> bool:
            timestamp = page.value(LAST_SUCCESS, collector="active")
            return timestamp is not None and timestamp > moment

        page = daemon.wait_for_page(lambda page: collected_after(page, change), "it goes on")
        assert not collected_after(page, change + HOUR / 2)
        page = daemon.wait_for_page(lambda page: collected_after(page, change + 1.5), "and on")
        assert page.succeeds("chats")
        assert page.errors("chats") == set()
        assert steps(daemon) == []


# standing still


class Standstill:
    """The daemon stopped by SIGSTOP, with a scrape that waits for it from before it goes on."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.began = time.monotonic()
        daemon.process.send_signal(signal.SIGSTOP)
        self._connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)

    def wait(self, seconds: float) -> None:
        """Until it has lasted so long."""
        ends = self.began + seconds
        wait_for(lambda: time.monotonic() > ends, "time passes", seconds=90, every=0.2)

    def end(self) -> Page:
        """Let it go on; what it answers to the scrape that is the first thing it finds."""
        self._connection.request("GET", "/metrics")
        self._daemon.process.send_signal(signal.SIGCONT)
        try:
            return Page(self._connection.getresponse().read().decode())
        finally:
            self._connection.close()


@pytest.fixture
def chats(database: EmbeddedDatabase) -> EmbeddedDatabase:
    start_session(database)
    return database


def test_after_a_standstill_nothing_old_is_served_and_collecting_goes_on(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_for(chats, tmp_path, stale_after="1s")
    with Daemon(config, folder=tmp_path) as daemon:
        # Slow queries stretch stale_after to twice the interval.
        daemon.wait_for_page(
            lambda page: page.values("sessions_active") == [1] and interval_of(page) < 1,
            "it is collected at a quick pace",
            seconds=60,
        )
        stopped = Standstill(daemon)
        start_session(chats)
        stopped.wait(6)
        page = stopped.end()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            # Gone, or counted since; the old count only with the data of a snapshot of its own.
            assert page.values("sessions_active") in ([], [2])
            assert page.succeeds("chats") == (page.values("sessions_active") == [2])
            page = daemon.scrape()
        page = goes_on(daemon)
        assert page.values("sessions_active") == [2]
        assert steps(daemon) == []


class Suspended:
    """A machine that was suspended: everything stands still but the clock since the boot."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        real = exporter.daemon.machine_clock.CLOCK
        clock = Clock(
            monotonic=lambda: real.monotonic() + self.seconds,
            wall=lambda: real.wall() + self.seconds,
        )
        monkeypatch.setattr(exporter.daemon.machine_clock, "CLOCK", clock)


def test_after_a_suspension_nothing_old_is_served(
    chats: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Suspended(monkeypatch)
    with Exporting(config_for(chats, tmp_path, stale_after="60s")) as exporting:
        page = exporting.collect("active")
        assert page.values("sessions_active") == [1]
        machine.seconds = 59.0
        assert exporting.page().values("sessions_active") == [1]
        machine.seconds = HOUR
        page = exporting.page()
        assert page.values("sessions_active") == []
        assert not page.succeeds("chats")
        page = exporting.collect("active")
        assert page.values("sessions_active") == [1]


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can set such a clock"
)
def test_time_goes_on_while_the_machine_is_suspended() -> None:
    """In a time namespace, the clock since the boot can differ from the one that stands still."""
    read = (
        "from exporter.daemon.machine_clock import *; print(CLOCK.monotonic() - time.monotonic())"
    )
    command = ["unshare", "--time", "--boottime", "100000", sys.executable, "-c", read]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert float(done.stdout) > 99_000


@pytest.mark.slow  # the next ones have a standstill between collections
def test_a_standstill_during_a_collection_does_not_count_as_time_of_the_database(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    """It would stretch the interval to twenty times the standstill, and with it stale_after."""
    waiting = (
        b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
        b" AND datname = current_database() AND wait_event_type = 'Lock'"
    )
    hasty = {"statement_timeout": "200ms", "lock_timeout": "150ms"}
    config = config_for(chats, tmp_path, hasty, stale_after="2s", id=None)
    with (
        Daemon(config, folder=tmp_path) as daemon,
        chats.connect() as connection,
        # Within one transaction pg_stat_activity knows no connection that was made later.
        chats.connect() as watcher,
    ):
        daemon.wait_for_page(lambda page: page.values("sessions_active") == [1], "it is collected")

        def is_waiting() -> bool:
            row = watcher.execute(waiting).fetchone()
            assert row is not None
            return bool(row[0])

        with connection.transaction():
            connection.execute("LOCK conversations.conversation_sessions")
            wait_for(is_waiting, "a collection waits for the table")
            stopped = Standstill(daemon)
        start_session(chats)
        stopped.wait(7.5)  # all deadlines of this collection together, and then some
        page = stopped.end()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert page.values("sessions_active") in ([], [2])
            page = daemon.scrape()
        page = goes_on(daemon)
        assert page.values("sessions_active") == [2]
