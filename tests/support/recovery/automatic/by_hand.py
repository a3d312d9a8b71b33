"""What a person does beside automatic recovery of the same source: resume and undo; and time that
passes, as if every row had been written earlier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter import sessions
from exporter.config import DatabaseSettings, Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.recovery import manual, undo
from exporter.recovery.audit.runs import list_runs
from exporter.recovery.decision.observation import Observation
from exporter.recovery.decision.watch import SLOT
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import open_writer, reading_settings
from tests.support.servers.statements import execute


class ByHand:
    """The commands of a person, for one source."""

    def __init__(self, settings: DatabaseSettings, source: Source, *, dsn: str) -> None:
        """`dsn` connects as a role that may resume."""
        self.settings = settings
        self.source = source
        own = source.recovery.model_copy(update={"dsn": dsn})
        self._as_person = source.model_copy(update={"recovery": own})

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Reader]:
        database = Database(reading_settings(self.settings, self.source))
        try:
            yield database.reader(timezone=sessions.time_zone(self.source))
        finally:
            await database.close()

    async def observe(self) -> Observation:
        """As automatic recovery observes, once."""
        async with self.reader() as reader:
            rule = await bind_rule(reader, self.source)
            return await Observer(self.source).observe(reader, rule, at=0.0)

    async def held(self, *, show: int = 0) -> manual.Held | None:
        async with self.reader() as reader:
            return (await manual.plan_resume(reader, self.source, show=show)).held

    async def resume(self) -> manual.Held | None:
        """`resume --yes`: what it has let through."""
        async with self.reader() as reader, open_writer(self.settings, self._as_person) as writer:
            plan = await manual.plan_resume(reader, self.source, show=0)
            held, _ = await manual.resume(reader, writer, self.source, plan, reason="a test")
        return held

    async def undo(self) -> int:
        """Undo the newest run: how many sessions."""
        async with self.reader() as reader, open_writer(self.settings, self.source) as writer:
            run, *_ = await list_runs(reader, source=self.source.name)
            plan = await undo.plan_undo(reader, self.source, run.run)
            return (await undo.undo(writer, plan, batch=50, pause=0.0)).undone


def let_pass(database: EmbeddedDatabase, passed: str) -> None:
    """Let an interval pass in which nothing happens; an exporter that runs would not know it."""
    by = f"interval '{passed}'"
    execute(
        database,
        f"UPDATE public.chat SET started = started - {by}, seen = seen - {by},"
        f" ended = ended - {by}",
        shift_observations(by),
        f"UPDATE session_exporter.stop SET at = at - {by}, resumed_at = resumed_at - {by}",
        f"UPDATE session_exporter.recovery SET at = at - {by}, undone_at = undone_at - {by},"
        " evidence = jsonb_set(evidence, '{last_seen}',"
        f" to_jsonb((evidence ->> 'last_seen')::timestamptz - {by}))",
    )


def shift_observations(by: str) -> str:
    """SQL that makes what exporters have observed an interval older, which is SQL too."""
    return (
        f"UPDATE session_exporter.observation SET since = since - {by}, until = until - {by},"
        f" judged = judged - {by}, orphans = (SELECT coalesce(jsonb_object_agg(key, value::float8"
        f" - extract(epoch FROM {by})), '{{}}') FROM jsonb_each_text(orphans)),"
        f" returns = (SELECT coalesce(jsonb_agg(jsonb_set(slot, '{{0}}', to_jsonb((slot ->> 0)::int"
        f" - ceil(extract(epoch FROM {by}) / {SLOT})::int))), '[]')"
        " FROM jsonb_array_elements(returns) AS slot)"
    )
