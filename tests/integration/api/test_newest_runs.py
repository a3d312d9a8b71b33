"""The newest runs are those of `runs`, by a read that an index bounds in a large audit."""

from pathlib import Path

import pytest

from exporter import sessions
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.recovery.audit.runs import list_runs, newest_runs
from tests.support.api.busy_exporter import busy_exporter
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a large audit


@pytest.fixture
def has_audit() -> bool:
    return True


async def test_they_are_those_of_the_whole_audit(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    columns = "run, at, source, relation, session, trigger, evidence, before, after, row_version"
    async with busy_exporter(database, tmp_path) as exporter:
        execute(
            database,
            f"INSERT INTO session_exporter.recovery ({columns}) SELECT"
            " ('00000000-0000-4000-8000-' || lpad((n / 40)::text, 12, '0'))::uuid,"
            " now() + n * interval '1 ms', CASE WHEN n / 40 % 2 = 0 THEN 'chat' ELSE 'other' END,"
            " 'public.chat', ARRAY[n::text], 'auto', '{}', '{}', '{}', '1'"
            " FROM generate_series(4000, 24000) AS n",
            "UPDATE session_exporter.recovery SET undone_at = now() WHERE trigger = 'auto'"
            " AND number % 3 = 0",
            "ANALYZE session_exporter.recovery",
        )
        settings = exporter.config.databases["app"]
        reading = Database(settings)
        reader = reading.reader(timezone=sessions.time_zone(exporter.config.sources["chat"]))
        newest = await newest_runs(reader, "chat", limit=10)
        assert newest == (await list_runs(reader, "chat"))[:10]
        assert len(newest) == 10
        assert {each.sessions for each in newest} == {1, 40}
        await reading.close()
        (job,) = (each for each in exporter.jobs if each.key.collector == "recovery")
        await job.run()
        assert exporter.statuses.by_pair["app", "chat"].runs == tuple(newest)
