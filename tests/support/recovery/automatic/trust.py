"""What automatic recovery earns in weeks, given to a test: a rule that was observed for long, and a
person who has resumed the source, so that no earned budget limits it."""

import asyncio
from pathlib import Path

import psycopg

from exporter import sessions
from exporter.config import DatabaseSettings, Source, load_config
from exporter.postgres import Database
from exporter.recovery.rule.binding import bind_rule

OBSERVED = """
INSERT INTO session_exporter.observation (source, rule, since, until, judged, returns)
VALUES (%s, %s, now() - interval '30 days', '-infinity', now(), '[]')
ON CONFLICT (source, rule) DO NOTHING
"""

RESUMED = """
INSERT INTO session_exporter.stop (source, at, brake, why, resumed_at, resumed_by, rule)
VALUES (%s, now() - interval '30 days', 'share', 'a test', now(), session_user, %s)
"""


async def trust(settings: DatabaseSettings, source: Source) -> None:
    """Let automatic recovery of a source close what it finds; the role may write its audit."""
    database = Database(settings)
    try:
        rule = await bind_rule(database.reader(timezone=sessions.time_zone(source)), source)
    finally:
        await database.close()
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        connection.execute(OBSERVED, (source.name, rule.fingerprint))
        connection.execute(RESUMED, (source.name, rule.fingerprint))


def trust_all(path: Path, *, dsn: str) -> None:
    """The same for every source of a config file."""
    config = load_config(path, {})
    for source in config.sources.values():
        settings = config.databases[source.databases[0]].model_copy(update={"dsn": dsn})
        asyncio.run(trust(settings, source))
