"""An exporter whose jobs run when the test says so: owners and lists, collections, recovery."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.automatic import AutomaticRecovery
from exporter.sessions.verdict import Verdict
from tests.support.recovery.automatic.trust import trust
from tests.support.servers.statements import execute, rows

#: Sessions that live by every evidence: so many that what is lost is no wave.
OTHERS = [f"other-{number}" for number in range(40)]

SOURCE: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "2h",
    "every": "300ms",
    "daily": None,
    "recovery": {"mode": "auto", "grace": "1ms", "pause": "1ms", "set": {"is_open": False}},
}


class ExporterByHand:
    """The jobs of the source `calls` in the database `app`."""

    def __init__(self, database: EmbeddedDatabase, exporter: Exporter) -> None:
        self._database = database
        self._exporter = exporter
        self.jobs = exporter.jobs

    @property
    def verdict(self) -> Verdict:
        return self._exporter.evidence.verdict("app", "calls")

    @property
    def returned(self) -> int | None:
        """How many orphaned sessions have returned."""
        return self._exporter.statuses.by_pair["app", "calls"].returned

    async def ask(self) -> None:
        """Ask owners and lists, and collect beside what they say."""
        await asyncio.gather(*(job.run() for job in self._exporter.evidence_jobs))
        await asyncio.gather(*(job.run() for job in self._exporter.collections))

    async def recover(self, times: int = 1) -> frozenset[str] | None:
        """Recover so often; return the brakes that are on."""
        recovery = next(each for each in self.jobs if isinstance(each, AutomaticRecovery))
        for _ in range(times):
            recovery.interval = 0.01  # so that each run counts
            await asyncio.sleep(0.02)
            await recovery.run()
        return self._exporter.recoveries()["app", "calls"].brakes

    async def live_on(self, seconds: float) -> None:
        """Ask and recover for a time, as the schedule would, while the others show life."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            show_life(self._database)
            await self.ask()
            await self.recover()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def exporter_by_hand(
    database: EmbeddedDatabase,
    folder: Path,
    source: dict[str, Any],
    *,
    follows_another: bool = False,
    **evidence: Any,
) -> AsyncIterator[ExporterByHand]:
    """`source` adds to SOURCE; recovery is trusted, as if it had run for long.

    One that `follows_another` trusts what that has written.
    """
    path = folder / "config.yaml"
    app = {"dsn": database.dsn, "statement_timeout": "2s"}
    data = {"databases": {"app": app}, "sources": {"calls": {**SOURCE, **source}}, **evidence}
    path.write_text(yaml.safe_dump(data))
    config = load_config(path, {})
    if not follows_another:
        await trust(config.databases["app"], config.sources["calls"])
    exporter = Exporter(config, CLOCK)
    try:
        yield ExporterByHand(database, exporter)
    finally:
        await exporter.close()


def create_calls(database: EmbeddedDatabase) -> None:
    """The table, with OTHERS of the server a in it."""
    execute(
        database,
        "CREATE TABLE public.calls (id text PRIMARY KEY, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '3 hours', seen timestamptz DEFAULT now())",
    )
    add_calls(database, *OTHERS)


def add_calls(
    database: EmbeddedDatabase, *ids: str, server: str = "a", silent: str = "0 seconds"
) -> None:
    values = ", ".join(f"('{each}', '{server}', now() - interval '{silent}')" for each in ids)
    execute(database, f"INSERT INTO public.calls (id, server, seen) VALUES {values}")


def show_life(database: EmbeddedDatabase, which: str = "id LIKE 'other-%'") -> None:
    execute(database, f"UPDATE public.calls SET seen = now() WHERE {which}")


def closed_calls(database: EmbeddedDatabase) -> set[str]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.calls WHERE NOT is_open")}
