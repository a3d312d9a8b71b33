"""What the tests of planned stops share: a table of chats of two owners, and a stop on it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config import Source, load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader, Writer
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.planned_stop import (
    StopPlan,
    clock,
    close_sessions,
    make_stop_plan,
)
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.limits import NO_LIMITS, Limits
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import PlannedStop, Selection, orphaned_sessions
from tests.support.collection import declarations
from tests.support.servers.statements import execute, rows

TABLE = """\
CREATE TABLE public.chat (
    id text PRIMARY KEY,
    is_open boolean NOT NULL DEFAULT true,
    node text,
    started timestamptz DEFAULT now(),
    seen timestamptz,
    ended timestamptz,
    seconds double precision,
    vip boolean NOT NULL DEFAULT false
)
"""

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  last_seen_at: seen
  ended_at: ended
  duration: seconds
  id: id
  orphaned_after: 2h
  owner: node
  recovery:
    set:
      is_open: false
      ended: |
        {end}
      seconds: |
        extract(epoch FROM {end} - s.started)
    exempt: vip
    batch: 2
    pause: 1ms
"""


def prepare(database: EmbeddedDatabase, *statements: str) -> None:
    """Make the table of chats where the audit is, and run the statements."""
    run(database, TABLE, *statements)


def run(database: EmbeddedDatabase, *statements: str) -> None:
    """Run statements as the superuser."""
    execute(database, *statements)


def chat(name: str, **columns: str) -> str:
    """An INSERT of one chat; the values are SQL."""
    values = {"id": f"'{name}'", **columns}
    return f"INSERT INTO chat ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def still_open(database: EmbeddedDatabase) -> set[str]:
    """The chats that are active."""
    return {name for (name,) in rows(database, "SELECT id FROM chat WHERE is_open")}


@dataclass
class Stopping:
    """A planned stop on one source, its connections open."""

    source: Source
    rule: Rule
    reader: Reader
    writer: Writer
    told: list[Outcome] = field(default_factory=list)

    @property
    def orphans(self) -> Selection:
        """What recovery by hand would close, without the backlog."""
        return orphaned_sessions(self.rule, with_backlog=False)

    async def now(self) -> str:
        """The database's clock."""
        return await clock(self.reader)

    async def plan(self, stop: PlannedStop, limits: Limits = NO_LIMITS) -> StopPlan:
        """What it would do."""
        return await make_stop_plan(self.reader, self.source, stop, show=20, limits=limits)

    async def close(
        self, plan: StopPlan, progress: Callable[[Outcome], None] = lambda _: None
    ) -> tuple[Outcome, int]:
        """Do it."""
        outcome = Outcome()
        return outcome, await close_sessions(
            self.reader, self.writer, plan, progress, outcome, adapts=False
        )

    async def close_owner(self, owner: str) -> tuple[Outcome, int]:
        """Plan and do it."""
        return await self.close(await self.plan(PlannedStop(owner)))


@contextlib.asynccontextmanager
async def stopping(
    database: EmbeddedDatabase,
    folder: Path,
    text: str = CHAT,
    role: str = "postgres",
    evidence: str = "",
) -> AsyncIterator[Stopping]:
    """Bind the source and open its connections as this role; `evidence` is owners and lists."""
    path = folder / "stop.yaml"
    path.write_text(evidence + declarations.one_database(text), encoding="utf-8")
    (source,) = load_config(path, {"DATABASE_URL": ""}).sources.values()
    settings = declarations.settings_of(database.dsn_for(role))
    timezone = source.timestamps_in or "UTC"
    pool, writer = Database(settings), Writer(settings, timezone=timezone)
    try:
        reader = pool.reader(timezone=timezone)
        yield Stopping(source, await bind_rule(reader, source), reader, writer)
    finally:
        await writer.close()
        await pool.close()
