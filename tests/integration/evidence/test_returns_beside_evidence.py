"""Sessions that return are counted by what evidence says, and not while that is unknown."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.check.live import check_config
from exporter.clock import Clock
from exporter.config import Config, load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from exporter.recovery.plan.observer import Observer
from exporter.recovery.plan.plan import observe_by_hand
from exporter.recovery.plan.return_counter import ReturnCounter
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import open_writer
from exporter.sessions import evidence_statements
from exporter.sessions.verdict import Verdict
from tests.support.network.answering import Answering, answering
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a server of its own, asked in several rounds

SOURCE: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "2h",
    "daily": None,
    "list": "live",
}


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """Eight calls that look orphaned by their rows."""
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '5 hours',"
        " seen timestamptz DEFAULT now() - interval '3 hours')",
        "INSERT INTO public.calls SELECT n FROM generate_series(1, 8) AS n",
        audit_script(),
    )
    return database


def config_in(
    folder: Path, database: EmbeddedDatabase, server: Answering, **recovery: Any
) -> Config:
    path = folder / "config.yaml"
    source = SOURCE | ({"recovery": recovery} if recovery else {})
    live = {
        "urls": {"app": server.url("/live")},
        "ghost_after": "20s",
        "timeout": "1s",
        "last_seen_at": {"path": "seen", "epoch": "s"},
    }
    data = {
        "databases": {"app": {"dsn": database.dsn}},
        "lists": {"live": live},
        "sources": {"calls": source},
    }
    path.write_text(yaml.safe_dump(data))
    return load_config(path, {})


class Rounds:
    """The jobs of an exporter, run by the test at times of its own."""

    def __init__(self, config: Config, server: Answering) -> None:
        self._server = server
        self._now = 1000.0
        self.exporter = Exporter(config, Clock(lambda: self._now, CLOCK.wall))
        (self._counter,) = (each for each in self.exporter.jobs if isinstance(each, ReturnCounter))

    async def run(self, answer: object, *, times: int = 1) -> int | None:
        """Ask, collect and count, so many times 15 s apart; return how many have returned."""
        self._server.answers["/live"] = answer
        for _ in range(times):
            self._now += 15.0
            await asyncio.gather(*(job.run() for job in self.exporter.evidence_jobs))
            await asyncio.gather(*(each.run() for each in self.exporter.collections))
            await self._counter.run()
        page = self.exporter.page.render("text").decode().splitlines()
        shown = [line for line in page if line.startswith("sessions_returned_total{")]
        return int(shown[0].rsplit(" ", 1)[1]) if shown else None


@asynccontextmanager
async def rounds(config: Config, server: Answering) -> AsyncIterator[Rounds]:
    found = Rounds(config, server)
    try:
        yield found
    finally:
        await found.exporter.close()


def held(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


ALL = held(*range(1, 9))


async def test_what_a_list_held_before_an_outage_has_not_returned_after_it(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with (
        answering(live=ALL) as server,
        rounds(config_in(tmp_path, calls, server), server) as it,
    ):
        assert await it.run(ALL, times=2) == 0
        assert await it.run((503, {}, b""), times=8) == 0
        assert await it.run(ALL, times=2) == 0


async def test_a_ghost_that_an_outage_hides_has_not_returned_and_one_that_lives_has(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, "UPDATE public.calls SET seen = now() - interval '1 hour'")
    async with (
        answering(live=ALL) as server,
        rounds(config_in(tmp_path, calls, server), server) as it,
    ):
        most = held(*range(1, 7))
        assert await it.run(ALL) == 0
        assert await it.run(most, times=4) == 0
        assert it.exporter.evidence.verdict("app", "calls").ghosts == {"7", "8"}
        assert await it.run((503, {}, b""), times=2) == 0
        execute(calls, "UPDATE public.calls SET seen = now() WHERE id = 7")
        assert await it.run((503, {}, b"")) == 0
        assert await it.run(most, times=5) == 1


async def test_a_person_does_not_take_a_ghost_for_a_session_that_returned(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Who asks once knows no ghosts; the exporter that does has noted them as orphaned."""
    execute(calls, "UPDATE public.calls SET seen = now() - interval '1 hour'")
    async with answering(live=held(1, 2)) as server:
        config = config_in(tmp_path, calls, server, set={"is_open": False})
        settings, source = config.databases["app"], config.sources["calls"]
        pool = Database(settings)
        try:
            reader = pool.reader()
            rule = await bind_rule(reader, source)
            verdict = Verdict(ghosts=frozenset(map(str, range(3, 9))))
            reader.preamble = evidence_statements(verdict)
            observer = Observer(source)
            async with open_writer(settings, source) as writer:
                seen = await observer.observe(reader, rule, at=0.0, verdict=verdict)
                await observer.save(writer, rule, seen, is_judged=True)
            reader.preamble = evidence_statements(Verdict(listed={"1": None, "2": None}))
            known = await observe_by_hand(reader, rule, is_audited=True)
        finally:
            await pool.close()
        assert (len(seen.orphaned_at), known.returns.returned) == (6, 0)
        found = {each.check: each.message async for each in check_config(config, CLOCK)}
    assert "returned" not in found["recovery now"]


async def test_check_counts_what_recovery_would_close_by_what_the_list_holds(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        calls,
        "UPDATE public.calls SET seen = now() - interval '90 min' WHERE id = 8",
        "INSERT INTO public.calls SELECT n FROM generate_series(9, 40) AS n",
    )
    stale = [{"id": number, "seen": time.time() - 3 * 3600} for number in (6, 7)]
    async with answering(live=[*held(1, 2, 3, *range(9, 41)), *stale]) as server:
        config = config_in(tmp_path, calls, server, mode="auto", set={"is_open": False})
        found = {each.check: each.message async for each in check_config(config, CLOCK)}
        assert found["recovery now"].startswith(
            "mode auto; of 40 active sessions 4 are orphaned, 2 left alone: stale in the list, "
            "closed by hand only, and 2 would be closed now; without ghosts"
        )
        assert "recovery threshold" not in found
        server.answers["/live"] = (503, {}, b"")
        found = {each.check: each.message async for each in check_config(config, CLOCK)}
    assert found["recovery now"].startswith("the sessions to close now are unknown, because")
