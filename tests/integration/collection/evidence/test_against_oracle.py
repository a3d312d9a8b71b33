"""Random rows and verdicts against an oracle that knows no SQL, and what serves the statements."""

import random
from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.active.grid import counting_query
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.sessions import CAUSES, evidence_statements
from exporter.sessions.verdict import Verdict
from tests.support.collection import declarations
from tests.support.collection.evidence import causes_of, source_with_evidence
from tests.support.servers.fresh_databases import FreshDatabases, drop_database
from tests.support.servers.statements import execute

CALLS = """\
calls:
  table: public.calls
  active: is_open
  started_at: started
  last_seen_at: seen
  id: id
  owner: {of: server, in: servers}
  list: calls
  orphaned_after: 2h
  daily: null
"""
TABLE = (
    "CREATE TABLE public.calls (id text, server text, started timestamptz, seen timestamptz,"
    " is_open bool DEFAULT true)"
)
HOUR = 3600.0
AFTER = 2 * HOUR
SERVERS = ("a", "b", "c", None)


class Row:
    """A row by its ages in seconds; None is NULL."""

    def __init__(self, draw: random.Random, number: int) -> None:
        self.id = None if draw.random() < 0.05 else f"id {number}"
        self.server = draw.choice(SERVERS)
        ages = (None, -HOUR, 60.0, 1.9 * HOUR, 2.1 * HOUR, 30 * HOUR)
        self.start, self.seen = draw.choice(ages), draw.choice(ages)

    @property
    def silence(self) -> float | None:
        return min((each for each in (self.start, self.seen) if each is not None), default=None)

    @property
    def shown_silence(self) -> float | None:
        """The same without times in the future, which are no sign of life."""
        ages = (each for each in (self.start, self.seen) if each is not None)
        return min((each for each in ages if each > 0), default=None)

    def cause(self, verdict: Verdict, now: float) -> str | None:
        if self.silence is None:
            return None
        if self.server in verdict.dead_owners:
            return "ownerless"
        if self.id is not None and self.id in verdict.listed:
            seen = verdict.listed[self.id]
            is_ahead = seen is not None and seen > now + 60
            silence = self.silence if is_ahead else None if seen is None else now - seen
            return "stale_in_list" if silence is not None and silence > AFTER else None
        if self.id in verdict.ghosts:
            return "ghost"
        return "age" if self.silence > AFTER else None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_causes_counts_and_comparison_are_those_of_the_oracle(
    any_database: EmbeddedDatabase, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    rows = [Row(draw, number) for number in range(300)]
    execute(any_database, TABLE)
    with any_database.connect() as connection:
        for row in rows:
            connection.execute(
                b"INSERT INTO public.calls SELECT %s, %s, now() - %s * interval '1 s',"
                b" now() - %s * interval '1 s'",
                (row.id, row.server, row.start, row.seen),
            )
        found_now = connection.execute(b"SELECT extract(epoch FROM now())::float8").fetchone()
    assert found_now is not None
    now = float(found_now[0])
    ids = [f"id {number}" for number in range(330)]
    times = (None, now, now - HOUR, now - 3 * HOUR, now + HOUR)
    verdict = Verdict(
        dead_owners=frozenset(each for each in "abx" if draw.random() < 0.3),
        listed={each: draw.choice(times) for each in ids if draw.random() < 0.5},
        ghosts=frozenset(each for each in ids if draw.random() < 0.2),
        list_at=1.0,
    )
    expected = [(row, row.cause(verdict, now)) for row in rows]
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        reader = pool.reader()
        table = await sessions.bind(reader, source_with_evidence(tmp_path, CALLS))
        causes = await causes_of(reader, table, verdict)
        collected = await Active().collect(reader, table, None, verdict)
    finally:
        await pool.close()
    assert {key: cause for key, cause in causes.items() if key} == {
        row.id: cause for row, cause in expected if row.id
    }
    assert collected.by_cause == {
        each: sum(cause == each for _, cause in expected) for each in CAUSES
    }
    beside = collected.evidence
    assert beside is not None
    known = {row.id for row in rows}
    assert beside.untracked == frozenset(verdict.listed.keys() - known)
    assert beside.listed == len(known & verdict.listed.keys())
    unlisted = {
        row.id: row.shown_silence
        for row in rows
        if row.id and row.id not in verdict.listed and row.shown_silence is not None
    }
    assert beside.unlisted == {key: pytest.approx(at, abs=60) for key, at in unlisted.items()}
    assert list(beside.unlisted.values()) == sorted(beside.unlisted.values(), reverse=True)
    assert beside.owners is not None
    assert {owner: each.active for owner, each in beside.owners.items()} == {
        owner: sum(row.server == owner for row in rows) for owner in "abc"
    }
    assert {owner: each.silence for owner, each in beside.owners.items()} == {
        owner: pytest.approx(
            min(row.shown_silence for row in rows if row.server == owner and row.shown_silence),
            abs=60,
        )
        for owner in "abc"
    }


@pytest.mark.slow
async def test_the_index_on_the_start_serves_and_no_lookup_is_a_scan(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Also with little work_mem and many ids, where the planner could give up a hash."""
    execute(
        any_database,
        TABLE,
        "INSERT INTO public.calls SELECT 'id ' || n, 'a', now(), now(), n % 1000 = 0"
        " FROM generate_series(1, 20000) AS n",
        "CREATE INDEX chosen ON public.calls (started) WHERE is_open",
        "VACUUM ANALYZE public.calls",
        f"ALTER DATABASE {any_database.name} SET work_mem = '64kB'",
    )
    ids = [f"id {number}" for number in range(20_000)]
    verdict = Verdict(listed=dict.fromkeys(ids), ghosts=frozenset(f"g{each}" for each in ids))
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        reader = pool.reader()
        table = await sessions.bind(reader, source_with_evidence(tmp_path, CALLS))
        settings = evidence_statements(verdict)
        *_, explained = await reader.read(*settings, f"EXPLAIN {counting_query(table)}")
    finally:
        await pool.close()
    plan = "\n".join(line for (line,) in explained.rows)
    assert "chosen" in plan
    assert "hashed SubPlan" in plan
    assert "(SubPlan" not in plan.replace("(hashed SubPlan", "")


#: Of each encoding a word that it has, and one that it lacks.
WORDS = {
    "LATIN1": ("straße", "日本"),
    "LATIN9": ("ouvert€", "открыт"),
    "KOI8R": ("открыт", "日本"),
    "WIN1252": ("offen•€", "日本"),
    "EUC_JP": ("開いた", "🙂"),
    "SQL_ASCII": ("straße", "日本"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "words"), WORDS.items(), ids=WORDS)
async def test_an_id_that_the_encoding_lacks_is_left_out_and_fails_nothing(
    databases: FreshDatabases, tmp_path: Path, encoding: str, words: tuple[str, str]
) -> None:
    word, foreign = words
    database = EmbeddedDatabase(databases.server, f"evidence_{encoding.lower()}")
    create = f"CREATE DATABASE {database.name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
    execute(EmbeddedDatabase(databases.server, "postgres"), create)
    pool = Database(declarations.settings_of(database.dsn))
    try:
        with database.connect() as connection:
            connection.execute("SET client_encoding = 'UTF8'")
            connection.execute(TABLE.encode())
            connection.execute(
                f"INSERT INTO public.calls SELECT '{word}' || n, '{word}', now(), now()"
                " FROM generate_series(1, 2) AS n".encode()
            )
        reader = pool.reader()
        table = await sessions.bind(reader, source_with_evidence(tmp_path, CALLS))
        verdict = Verdict(
            dead_owners=frozenset({foreign}),
            listed={f"{word}1": 0.0, foreign: 0.0, "gone": None},
            ghosts=frozenset({foreign + "1", f"{word}2"}),
            list_at=1.0,
        )
        found = await Active().collect(reader, table, None, verdict)
    finally:
        await pool.close()
        drop_database(database)
    assert found.by_cause == {"ownerless": 0, "stale_in_list": 1, "ghost": 1, "age": 0}
    assert found.evidence is not None
    assert set(found.evidence.unlisted) == {f"{word}2"}
    # SQL_ASCII has every word.
    lacked = {foreign} if encoding == "SQL_ASCII" else set()
    assert found.evidence.untracked == frozenset({"gone", *lacked})
    assert found.evidence.owners is not None
    assert set(found.evidence.owners) == {word}
