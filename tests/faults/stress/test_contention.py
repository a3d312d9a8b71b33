"""Recoveries at once in one process, by hand and automatic, of chats that are all about to be
orphaned: they meet the application, each other and the end of a budget as often as can be.

`make test-all` does it for SECONDS; `make stress` for STRESS_SECONDS, a minute if nothing else is
said. In the fast tier test_races and test_interleavings let the same meet one at a time.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import sessions
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import create_empty
from exporter.postgres import Database, Writer
from exporter.queries import fill
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_message import MessageCloser
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.closer import Closer, Permission
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.selection import orphaned_sessions
from exporter.recovery.status import Trigger
from tests.support.collection.declarations import settings_of
from tests.support.processes.background import Background
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.chats import SOURCE, Chats
from tests.support.recovery.close_runs import all_candidates
from tests.support.recovery.worlds.stress.actor import acting
from tests.support.recovery.worlds.stress.application import CrowdWriter, Population
from tests.support.recovery.worlds.stress.history import TRIGGERS, chats_of, print_of
from tests.support.recovery.worlds.stress.judge import faults_of
from tests.support.servers.quick_server import QuickServer

SECONDS = 8.0
RECOVERIES = 3
#: Besides, so many close automatically, and together no more than this: less than an hour goes by.
AUTOMATIC, PER_HOUR = 2, 15

#: A chat is forgotten after half a second, about as often as each of them is written to.
THRESHOLD = 0.5
HASTY = SOURCE.replace("10m", "500ms").replace("10 minutes", "500 milliseconds")

#: The chats that get attention.
CROWD = 400


@pytest.fixture
def chats(fast_folder: Path | None, tmp_path: Path) -> Iterator[Chats]:
    """On a server that knows when each transaction was committed."""
    settings = {"track_commit_timestamp": "on", "synchronous_commit": "off"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        application = Chats(create_empty(server, "stressed"), tmp_path, source=HASTY)
        yield application
        application.close()


class Recoverer:
    """Closes all it finds, again and again; what it says it has done."""

    def __init__(
        self, chats: Chats, *, is_automatic: bool = False, by_message: bool = False
    ) -> None:
        self.closed: list[int] = []
        self.skipped = 0
        self.over_budget = 0
        self._is_automatic = is_automatic
        self._by_message = by_message
        self._chats = chats

    async def work(self, is_over: threading.Event) -> None:
        """Until it is over."""
        source, settings = self._chats.source, settings_of(self._chats.database.dsn)
        budget = source.recovery.model_copy(update={"per_hour": PER_HOUR})
        source = source.model_copy(update={"recovery": budget})
        zone = sessions.time_zone(source)
        pool, writer = Database(settings), Writer(settings, timezone=zone)
        reader = pool.reader(timezone=zone)
        rule = await bind_rule(reader, source)
        trigger: Trigger = "auto" if self._is_automatic else "manual"
        selection = orphaned_sessions(rule, with_backlog=not self._is_automatic)
        server = await reader.value(f"SELECT {fill('recovery/observation/server')}")
        permission = Permission(server) if self._is_automatic else None
        statements = StatementCloser(writer, trigger, selection, permission)
        closer: Closer = MessageCloser(statements) if self._by_message else statements
        while not is_over.is_set():
            found = await all_candidates(reader, rule, with_backlog=True)
            outcome = await CloseRun(closer, batch=10, pause=0).close(found)
            assert outcome.refused == {}
            run = f"FROM session_exporter.recovery WHERE run = '{outcome.run}'"
            closed = [id_ for (id_,) in await reader.rows(f"SELECT session[1]::integer {run}")]
            assert len(closed) == outcome.closed
            self.closed += closed
            self.skipped += outcome.skipped
            self.over_budget += outcome.over_budget
            await asyncio.sleep(0)
        await writer.close()
        await pool.close()


@pytest.mark.slow
def test_under_load_nobody_alive_is_closed_and_no_end_is_overwritten(chats: Chats) -> None:
    seconds = float(os.environ.get("STRESS_SECONDS") or SECONDS)
    recoverers = [Recoverer(chats, by_message=number > 0) for number in range(RECOVERIES)]
    automatic = [Recoverer(chats, is_automatic=True) for _ in range(AUTOMATIC)]
    by_hand_is_over, is_over = threading.Event(), threading.Event()
    with Background() as background, acting(crowd_writers(chats)) as check:
        working = [background.begin(each.work(by_hand_is_over)) for each in recoverers]
        working += [background.begin(each.work(is_over)) for each in automatic]
        time.sleep(seconds)
        by_hand_is_over.set()  # these are quicker, and may have left nothing to the others
        try:
            wait_for(lambda: is_spent_by(automatic), "a budget is spent")
        finally:
            is_over.set()
        for each in working:
            each.result(30)
        check()
    closed = sorted(id_ for each in recoverers + automatic for id_ in each.closed)
    skipped = sum(each.skipped for each in recoverers)
    print(f"{len(closed)} recovered, {skipped} skipped")  # noqa: T201 - for `make stress`
    assert len(closed) > 20 * seconds, "hardly anything happened"
    assert all(each.skipped for each in recoverers), "they were never in each other's way"
    assert sum(len(each.closed) for each in automatic) == PER_HOUR
    assert all(each.over_budget for each in automatic)
    assert chats.audited == closed
    for events in chats_of(chats.database):
        assert faults_of(events, THRESHOLD, []) == [], print_of(events)


def crowd_writers(chats: Chats) -> list[CrowdWriter]:
    chats.do(TRIGGERS)
    starts = f"SELECT id, now(), now() FROM generate_series(1, {CROWD}) AS id"
    chats.do(f"INSERT INTO public.chats (id, started_at, last_seen_at) {starts}")
    population, crowd = Population(CROWD + 1), list(range(1, CROWD + 1))
    return [
        CrowdWriter(f"writer {number}", 0, chats.database, population, crowd) for number in range(4)
    ]


def is_spent_by(automatic: list[Recoverer]) -> bool:
    """Whether the whole budget is spent, and each has met its end."""
    closed = sum(len(each.closed) for each in automatic)
    return closed >= PER_HOUR and all(each.over_budget for each in automatic)
