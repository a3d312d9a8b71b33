"""A small world: an application with chats, a clock that the test turns, and who recovers in it.

Where a statement of recovery asks for the database's time it is given that of another function, so
that time passes without a row being touched. Times are whole minutes.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from exporter.clock import Clock
from exporter.config import Source
from exporter.postgres import Database, Reader, Result, Transaction, Writer
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses
from tests.support.collection.declarations import settings_of
from tests.support.recovery.chats import END, Application, Chats
from tests.support.recovery.statements.names import step_of

#: Minutes: orphaned_after, and half of it, in which somebody has to be seen.
THRESHOLD, QUIET = 10.5, 5.25

CLOCK = """
CREATE SCHEMA clock;
CREATE TABLE clock.turned (by interval NOT NULL);
INSERT INTO clock.turned VALUES ('0');
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + (SELECT by FROM clock.turned)';
"""
#: The application, which writes now(), finds the turned one first.
SEARCH = 'ALTER DATABASE "{}" SET search_path = clock, pg_catalog, public'

_NOW = re.compile(r"(?:pg_catalog\.)?\bnow\(\)")

Act = tuple[str, *tuple[object, ...]]


@dataclass
class Session:
    """What the application knows of a chat."""

    started: int
    seen: int
    told: list[int] = field(default_factory=list)
    by: str | None = None
    has_crashed: bool = False
    version: int = 0

    @property
    def shown(self) -> int:
        """The last sign of life in its row."""
        return max(self.started, self.seen)

    def is_orphan(self, now: int) -> bool:
        return self.by is None and now - max(self.shown, *self.told, self.shown) > THRESHOLD


class World:
    """The application and its clock, and what it knows to be true."""

    def __init__(self, chats: Chats, application: Application) -> None:
        self.chats = chats
        self.now = 0
        self.steady = 0
        """Minutes of a clock that nobody turns."""
        self.is_down = False
        self.known: dict[int, Session] = {}
        self._application = application
        self.do("UPDATE clock.turned SET by = '0'")

    def act(self, name: str, *values: object) -> None:
        """Do what a step says."""
        getattr(self, name)(*values)

    def start(self, id_: int) -> None:
        if id_ not in self.known and not self.is_down:
            self.known[id_] = Session(self.now, self.now)
            self.do(
                f"INSERT INTO chats (id, started_at, last_seen_at) VALUES ({id_}, now(), now())"
            )

    def show_life(self, id_: int, age: int = 0) -> None:
        if (session := self._up(id_)) and session.by is None:
            session.seen, session.version = self.now - age, session.version + 1
            at = f"now() - interval '{age} minutes'"
            self.do(f"UPDATE chats SET last_seen_at = {at} WHERE id = {id_}")

    def tell(self, table: str, id_: int, age: int) -> None:
        if session := self._up(id_):
            session.told.append(self.now - age)
            self.do(f"INSERT INTO {table} VALUES ({id_}, now() - interval '{age} minutes')")

    def end(self, id_: int) -> None:
        if (session := self._up(id_)) and session.by is None:
            session.by, session.version = "application", session.version + 1
            self.do(f"{END} WHERE id = {id_} AND is_active")

    def reopen(self, id_: int) -> None:
        if (session := self._up(id_)) and session.by is not None:
            session.by, session.seen, session.version = None, self.now, session.version + 1
            self.do(
                "UPDATE chats SET is_active = true, last_seen_at = now(), ended_at = NULL,"
                f" ended_by = NULL WHERE id = {id_}"
            )

    def crash(self, id_: int) -> None:
        """Nothing is heard of it again."""
        if session := self.known.get(id_):
            session.has_crashed = True

    def outage(self) -> None:
        """The application goes down, or comes back with all of its sessions."""
        self.is_down = not self.is_down

    def turn(self, minutes: int) -> None:
        """Somebody sets the database's clock."""
        self.now += minutes
        self.do(f"UPDATE clock.turned SET by = '{self.now} minutes'")

    def elapse(self, minutes: int) -> None:
        """Time passes, for everybody; chat 0 has a heart that beats every minute."""
        self.steady += minutes
        self.turn(minutes)
        self.show_life(0)

    @property
    def is_silent(self) -> bool:
        """Three are active or more, and no heart has beaten of late; what is to come is no sign."""
        active = [session for session in self.known.values() if session.by is None]
        beats = (s.seen > s.started and 0 <= self.now - s.seen < QUIET for s in active)
        return len(active) >= 3 and not any(beats)

    def _up(self, id_: int) -> Session | None:
        session = self.known.get(id_)
        return None if session is None or session.has_crashed or self.is_down else session

    def do(self, statement: str) -> None:
        self._application.do(statement)


class Recoverer:
    """One exporter's recovery in the world; the application may act in between its statements."""

    def __init__(self, world: World, source: Source) -> None:
        self._world = world
        self._source = source
        self._before: dict[str, Sequence[Act]] = {}
        self._streaks: dict[int, tuple[int, int]] = {}
        self._statuses = RecoveryStatuses([("app", source.name)])
        settings = settings_of(world.chats.database.dsn)
        clock = Clock(monotonic=lambda: world.steady * 60.0 + 1000.0, wall=lambda: 0.0)
        self._recovery = AutomaticRecovery(settings, source, statuses=self._statuses, clock=clock)
        self._recovery._database = _TurnedDatabase(settings)
        writer = _Interrupted(settings, timezone="UTC")
        writer.before = self._interrupt
        self._recovery._writer = self._recovery._maintenance._writer = writer
        self._began_at = world.steady
        self._counted_at = -1

    async def run(
        self, before_the_lock: Sequence[Act] = (), before_the_write: Sequence[Act] = ()
    ) -> None:
        """One run, and what must be true of it: who was closed was an orphan, and is one."""
        world = self._world
        self._before = {"lock": before_the_lock, "write": before_the_write}
        is_silent = world.is_silent
        found = {i: each.version for i, each in world.known.items() if each.is_orphan(world.now)}
        failed = sum(self.state.failed.values())
        await self._recovery.run()
        brakes = self.state.brakes
        assert brakes is not None
        assert sum(self.state.failed.values()) == failed
        assert ("silent" in brakes) == is_silent
        assert ("grace" in brakes) or world.steady - self._began_at >= 5
        is_counted = world.steady > self._counted_at
        self._counted_at = world.steady if is_counted else self._counted_at
        self._streaks = {
            id_: (version, max(self._streak(id_, version) + is_counted, 1))
            for id_, version in found.items()
        }
        for id_ in self._closed():
            session = world.known[id_]
            assert not brakes
            assert self._streaks[id_] >= (session.version, 2), "it was not found twice as it is"
            assert self._streaks[id_][0] == session.version, "it was written to meanwhile"
            assert session.is_orphan(world.now), "it lives"
            session.by, session.version = "recovery", session.version + 1
        if brakes:
            self._streaks = {id_: (version, 0) for id_, version in found.items()}

    @property
    def state(self) -> RecoveryStatus:
        return self._statuses.by_pair["app", self._source.name]

    async def close(self) -> None:
        await self._recovery.close()
        await self._recovery._writer.close()
        await self._recovery._database.close()

    def _streak(self, id_: int, version: int) -> int:
        before = self._streaks.get(id_)
        return before[1] if before is not None and before[0] == version else 0

    def _closed(self) -> list[int]:
        """Who is closed by recovery in the table, and was not as far as is known."""
        rows = self._world.chats.rows("SELECT id, is_active, ended_by FROM chats")
        for row in rows:
            assert row["is_active"] == (row["ended_by"] is None)
        return [
            row["id"]
            for row in rows
            if row["ended_by"] == "recovery" and self._world.known[row["id"]].by != "recovery"
        ]

    def _interrupt(self, step: str) -> None:
        for act in self._before.pop(step, ()):
            self._world.act(*act)


def _turned(statement: str) -> str:
    return _NOW.sub("clock.now()", statement)


class _TurnedDatabase(Database):
    """Reads at the time of the turned clock."""

    async def _read_checked(self, statements: Sequence[str], reader: Reader) -> list[Result]:
        return await super()._read_checked([_turned(each) for each in statements], reader)


class _Interrupted(Writer):
    """Others act before a step is taken, and the time is that of the turned clock."""

    before: Callable[[str], None]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as transaction:
            yield _Telling(transaction, self.before)


class _Telling(Transaction):
    def __init__(self, transaction: Transaction, before: Callable[[str], None]) -> None:
        self._transaction = transaction
        self._before = before

    async def run(self, statement: str) -> Result:
        if step := step_of(statement):
            self._before(step)
        return await self._transaction.run(_turned(statement))
