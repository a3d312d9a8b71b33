"""What the one statement observes of random rows is what a plain oracle says."""

import random
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import psycopg
import pytest

from exporter import sessions
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from tests.support.collection.declarations import settings_of, source_of
from tests.support.recovery.automatic.oracle import Expected, Row, random_rows
from tests.support.servers.statements import execute

#: The times of each variant: the columns' type, a value that is so many seconds old, the config.
VARIANTS = {
    "heartbeats": ("timestamptz", "now() - make_interval(secs => %s)", "started", "seen"),
    "starts alone": ("timestamptz", "now() - make_interval(secs => %s)", "started", None),
    "numbers": (
        "float8",
        "1000 * (extract(epoch FROM now())::float8 - %s)",
        "{column: started, epoch: ms}",
        "{column: seen, epoch: ms}",
    ),
}

TABLES = """
CREATE TABLE public.chat (
    id int UNIQUE, is_open bool NOT NULL, started {type}, seen {type}, ended timestamptz, owner text
);
CREATE TABLE public.alive (chat int, started {type});
CREATE TABLE public.kept (chat int);
"""

SOURCE = """
chat:
  table: public.chat
  active: is_open
  started_at: {started}
  last_seen_at: {seen}
  id: id
  orphaned_after: 1h
  owner: owner
  recovery:
    mode: auto
    trust_age: true
    set: {{is_open: false}}
    end_at: now
    evidence: |
      EXISTS (SELECT FROM public.alive AS a WHERE a.chat = s.id)
    exempt: |
      EXISTS (SELECT FROM public.kept AS k WHERE k.chat = s.id)
    per_run: 1
    max_count: 2
"""

AUDITED = """
INSERT INTO session_exporter.recovery (
    run, at, source, relation, session, trigger, evidence, before, after, row_version,
    undone_at
)
SELECT gen_random_uuid(), now() - %(at)s * interval '1 s', 'chat', '"public"."chat"',
    ARRAY[s.id::text], 'auto', jsonb_build_object('last_seen', {last_seen}),
    '{{}}', '{{}}', '1', {undone_at}
FROM public.chat AS s WHERE s.id = %(id)s
"""


class World:
    """The table, its rule, and what exporters and persons have written about it."""

    def __init__(self, database: EmbeddedDatabase, folder: Path, variant: str) -> None:
        kind, self._value, started, seen = VARIANTS[variant]
        self.has_heartbeat = seen is not None
        execute(database, TABLES.format(type=kind))
        text = SOURCE.format(started=started, seen="null" if seen is None else seen)
        self.source = source_of(folder, text)
        self._pool = Database(settings_of(database.dsn))
        self.reader = self._pool.reader(timezone=sessions.time_zone(self.source))
        self._connection = database.connect()

    async def close(self) -> None:
        self._connection.close()
        await self._pool.close()

    async def bind(self) -> None:
        self.rule = await bind_rule(self.reader, self.source)

    def write(self, expected: Expected) -> None:
        """All in one transaction, so that every age is of one moment."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE public.chat, public.alive, public.kept, session_exporter.recovery,"
                " session_exporter.stop, session_exporter.observation"
            )
            for row in expected.rows:
                self._write(cursor, row)
            cursor.execute(
                "INSERT INTO public.chat (id, is_open, started) VALUES"
                f" (-1, false, {self._value % 9000})"
            )
            for age, resumed in ((expected.stopped, "NULL"), (expected.resumed, "now()")):
                if age is not None:
                    cursor.execute(
                        "INSERT INTO session_exporter.stop (source, at, brake, why, resumed_at,"
                        f" rule) VALUES ('chat', now() - {age} * interval '1 s', 'share', '',"
                        f" {resumed}, '{self.rule.fingerprint}')"
                    )
            if expected.until is not None:
                cursor.execute(
                    "INSERT INTO session_exporter.observation (source, rule, since, until, judged,"
                    " returns) VALUES ('chat', %s, now() - interval '30 days', '-infinity',"
                    " now() - %s * interval '1 s', '[]')",
                    (self.rule.fingerprint, expected.until),
                )

    def _write(self, cursor: psycopg.Cursor[tuple[object, ...]], row: Row) -> None:
        times = [
            "NULL" if age is None else self._value % repr(float(age))
            for age in (row.started, row.seen)
        ]
        cursor.execute(
            f"INSERT INTO public.chat VALUES (%s, true, {', '.join(times)}, NULL, %s)",
            (row.id, row.owner),
        )
        if row.is_alive:
            cursor.execute("INSERT INTO public.alive VALUES (%s)", (row.id,))
        if row.is_exempt:
            cursor.execute("INSERT INTO public.kept VALUES (%s)", (row.id,))
        last_seen = self.rule.table.last_seen
        for number in range(row.closures):
            audited = AUDITED.format(last_seen="now()", undone_at="NULL")
            cursor.execute(audited, {"id": row.id, "at": 3600 * (71 - number)})
            cursor.execute(audited, {"id": row.id, "at": 3600 * (73 + number)})
        if row.is_undone:
            cursor.execute(
                AUDITED.format(last_seen=last_seen, undone_at="now()"), {"id": row.id, "at": 9e5}
            )


@pytest.fixture(params=VARIANTS)
async def world(
    database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    world = World(database, tmp_path, request.param)
    await world.bind()
    yield world
    await world.close()


@pytest.mark.quick("heartbeats")
async def test_it_observes_what_the_oracle_says(world: World) -> None:
    await compare(world, range(12))


@pytest.mark.slow
async def test_it_observes_what_the_oracle_says_of_many_more(world: World) -> None:
    await compare(world, range(100, 300))


async def compare(world: World, seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        expected = Expected(
            rows=random_rows(chance, has_heartbeat=world.has_heartbeat),
            has_heartbeat=world.has_heartbeat,
            until=chance.choice([None, 30.0, 2000.0, 20_000.0]),
            stopped=chance.choice([None, 1000.0, 3000.0]),
            resumed=chance.choice([None, 2900.0, 90_000.0]),
        )
        world.write(expected)
        observer = Observer(world.source)
        found = await observer.observe(world.reader, world.rule, at=0.0)
        assert observer._watch is not None
        assert {name: n for name, n in asdict(found.counts).items() if n} == expected.counts, seed
        assert found.beating == expected.beating, seed
        assert found.wave == expected.wave, seed
        assert found.control.held == expected.held, seed
        assert list(found.candidates) == expected.candidates, seed
        owners = {name: (o.active, o.live, o.orphaned) for name, o in found.owners.items()}
        assert owners == expected.owners, seed
        watched = {session: found.now - at for session, at in observer._watch.known.items()}
        assert watched == pytest.approx(expected.watched, abs=30), seed


@pytest.mark.slow
async def test_many_undone_sessions_do_not_multiply_what_many_orphans_cost(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    world = World(database, tmp_path, "heartbeats")
    await world.bind()
    execute(
        database,
        "INSERT INTO public.chat SELECT n, true, now() - interval '2 d', now() - interval '5 h',"
        " NULL, 'a' FROM generate_series(1, 50000) AS n",
        "INSERT INTO session_exporter.recovery (run, source, relation, session, trigger,"
        " evidence, before, after, row_version, undone_at) SELECT gen_random_uuid(), 'chat',"
        ' \'"public"."chat"\', ARRAY[n::text], \'auto\', \'{"last_seen": "2020-01-01"}\','
        " '{}', '{}', '1', now() FROM generate_series(1, 5000) AS n",
        "UPDATE session_exporter.recovery SET evidence = jsonb_build_object('last_seen', s.seen)"
        " FROM public.chat AS s WHERE s.id = (session[1])::int",
        "ANALYZE",
    )
    observation = await Observer(world.source).observe(world.reader, world.rule, at=0.0)
    await world.close()
    assert (observation.left_alone, observation.closable) == (5000, 45_000)
    # 2 s on two busy cores; with a comparison for each pair it was 29 s.
    assert world.reader.seconds < 10
