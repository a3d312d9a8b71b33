"""A source without a table counts what a table with the same rows would count."""

import random
from pathlib import Path

import pytest

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.active.listed import listed_values
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.evidence.answers import ListedSession
from exporter.postgres import Database
from tests.support.servers.statements import execute

FILE = """\
databases: {app: {dsn: ""}}
lists:
  calls: {urls: {main: "http://calls/live"}, key: user, started_at: s, last_seen_at: l}
sources:
  listed: {list: calls, orphaned_after: 2h, overlong_after: 4h, limit_per: {max: 3}}
  rows:
    table: public.calls
    active: 'true'
    started_at: started
    last_seen_at: seen
    orphaned_after: 2h
    overlong_after: 4h
    limit_per: {key: caller, max: 3}
"""
HOUR = 3600.0
#: Seconds before now, none of them near a boundary; None: there is no such time.
AGES = (None, -HOUR, 10.0, 90.0, 0.9 * HOUR, 2.1 * HOUR, 5 * HOUR, 40 * 24 * HOUR)


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_sessions_are_counted_alike(
    database: EmbeddedDatabase, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    config = load_config(path, {})
    execute(
        database,
        "CREATE TABLE public.calls (caller text, started timestamptz, seen timestamptz)",
    )
    pool = Database(config.databases["app"].model_copy(update={"dsn": database.dsn}))
    try:
        reader = pool.reader()
        now = float(await reader.value("SELECT extract(epoch FROM pg_catalog.now())::float8"))
        drawn = [(draw.choice(AGES), draw.choice(AGES), draw.choice("abcdefgh")) for _ in range(60)]
        listed = {
            str(number): ListedSession(
                None if start is None else now - start, None if seen is None else now - seen, caller
            )
            for number, (start, seen, caller) in enumerate(drawn)
        }
        rows = ", ".join(
            f"('{each.key}', to_timestamp({_sql(each.started_at)}),"
            f" to_timestamp({_sql(each.last_seen_at)}))"
            for each in listed.values()
        )
        execute(database, f"INSERT INTO public.calls VALUES {rows}")
        table = await sessions.bind(reader, config.sources["rows"])
        expected = await Active().collect(reader, table, None)
    finally:
        await pool.close()
    assert expected.now is not None
    found = listed_values(config.listed["listed"], listed, expected.now)
    for part in ("now", "total", "keys"):
        assert getattr(found, part) == getattr(expected, part)
    assert found.inconsistent == {each: expected.inconsistent[each] for each in found.inconsistent}
    assert found.silence is not None
    assert expected.silence is not None
    for mine, theirs in ((found.age, expected.age), (found.silence, expected.silence)):
        assert mine.buckets == theirs.buckets
        assert mine.sum == pytest.approx(theirs.sum, abs=0.01)
    for part in ("oldest_start", "oldest_orphan_last_seen", "excess"):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), abs=0.01)


def _sql(at: float | None) -> str:
    return "NULL" if at is None else f"{at:.6f}"
