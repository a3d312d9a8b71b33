"""What the tests here share: collect once and read the page as Prometheus would, or collect over
an open connection, whose transaction and clock are the test's own.
"""

import asyncio
import tempfile
import textwrap
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from psycopg import sql

from exporter.config import DatabaseSettings, Source, load_config
from exporter.daemon import process
from exporter.daemon.app import Exporter
from exporter.demo.databases import EmbeddedDatabase
from exporter.metrics.catalog import Sample
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.postgres import Reader, Result

T = TypeVar("T")
Collect = Callable[..., Awaitable["Page"]]
Connection = psycopg.Connection[tuple[Any, ...]]
Labels = frozenset[tuple[str, str]]

ONE_DATABASE = """\
databases:
  app: {dsn: "${DATABASE_URL}"}
sources:
"""

#: The three session systems as their users declare them.
CONVERSATIONS = """\
conversations:
  table: conversations.conversation_sessions
  active: is_active
  started_at: session_start
  ended_at: session_end
  duration: duration_seconds
  id: session_id
  orphaned_after: 2h
  show: [user_id]
"""

COACHING = """\
coaching:
  table: coaching.roleplay_sessions
  active: |
    status = 'in_progress'
  started_at: started_at
  ended_at: ended_at
  id: id
  orphaned_after: 10m
  show: [trainee_id, persona_id]
"""


def message_time(database: EmbeddedDatabase) -> str:
    """The safe expression of docs/configuration.md for this version of PostgreSQL."""
    asking, matching = safe_expressions()
    return asking if database.server.major >= 16 else matching


def safe_expressions() -> tuple[str, str]:
    """Both from docs/configuration.md: the one that asks PostgreSQL, and the pattern."""
    document = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    section = document.partition("## Timestamps inside JSON")[2]
    asking, matching = section.split("last_seen_at: |\n")[1:]
    return tuple(textwrap.dedent(text.partition("```")[0]) for text in (asking, matching))  # type: ignore[return-value]


def training(last_seen_at: str, *, timestamps_in: str | None = "UTC") -> str:
    zone = f"  timestamps_in: {timestamps_in}\n" if timestamps_in else ""
    return (
        f"""\
training:
  table: training.roleplay_sessions
  active: |
    "completedAt" IS NULL
  started_at: createdAt
  last_seen_at: |
{textwrap.indent(last_seen_at, "    ")}
  ended_at: completedAt
  duration: duration
  id: id
{zone}"""
        """\
  orphaned_after: 2h
  labels:
    difficulty:
      value: difficulty
      values: [BEGINNER, ROOKIE, PRO, ELITE, NIGHTMARE]
  integrity:
    finished_but_active: |
      s.messages -> 9 IS NOT NULL
  show: [userId]
"""
    )


@dataclass(frozen=True)
class Page:
    """The samples of a page, found by name and labels; `failures` has a sentence per collector."""

    samples: Mapping[tuple[str, Labels], float]
    failures: Mapping[tuple[str, str], str]

    def __call__(self, name: str, **labels: str) -> float | None:
        """The one sample with these labels and, besides, at most database and source."""
        found = self._split(name, labels, {"database", "source"})
        assert len(found) < 2, f"{name}: {sorted(map(sorted, found))}; name the source"
        return next(iter(found.values()), None)

    def by(self, split: str, name: str, **labels: str) -> dict[str, float]:
        """The samples with these labels by the value of one more."""
        found = self._split(name, labels, {"database", "source", split})
        by = {dict(each)[split]: value for each, value in found.items() if split in dict(each)}
        assert len(by) == len(found), f"{name}: more than {split} tells samples apart"
        return by

    def _split(self, name: str, labels: Mapping[str, str], free: set[str]) -> dict[Labels, float]:
        return {
            of: value
            for (sample, of), value in self.samples.items()
            if sample == name
            and of >= set(labels.items())
            and {key for key, _ in of} <= free | set(labels)
        }


def one_database(*sources: str) -> str:
    """A whole config file with these sources in one database called app."""
    return ONE_DATABASE + textwrap.indent("".join(map(textwrap.dedent, sources)), "  ")


def exporter_of(path: Path, text: str, environ: Mapping[str, str]) -> Exporter:
    """Write the file and make what the daemon makes of it; to be closed."""
    path.write_text(text, encoding="utf-8")
    return Exporter(load_config(path, environ), process.CLOCK)


def exporter_with(database: EmbeddedDatabase, *sources: str) -> Exporter:
    """What the daemon makes of these sources in this database; to be closed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        return exporter_of(path, one_database(*sources), {"DATABASE_URL": database.dsn})


async def collect_config(path: Path, text: str, environ: Mapping[str, str]) -> Page:
    """Write the file, collect everything in it once, and read the page."""
    exporter = exporter_of(path, text, environ)
    try:
        await exporter.collect_once()
        return page_of(exporter)
    finally:
        await exporter.close()


def page_of(exporter: Exporter) -> Page:
    """What is served now. Both formats must be valid and say the same about sources."""
    text, other = (exporter.page.render(form).decode() for form in (TEXT, OPENMETRICS))
    samples = _samples(plain_text(text))
    assert samples == _samples(openmetrics(other))
    return Page(
        samples,
        {
            (key.source, key.collector): state.failure
            for key, state in exporter.snapshots.states.items()
            if state.failure is not None
        },
    )


def _samples(families: Iterable[Metric]) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


def source_of(folder: Path, text: str) -> Source:
    """The one source that a YAML text declares."""
    path = folder / "config.yaml"
    path.write_text(one_database(text), encoding="utf-8")
    (source,) = load_config(path, {"DATABASE_URL": ""}).sources.values()
    return source


class OpenTransaction(Reader):
    """Reads on an open connection, inside whatever transaction it is in; keeps what was read.

    now() stands still in a transaction: rows written in it lie exactly on a boundary.
    """

    def __init__(self, connection: Connection, source: Source) -> None:
        zone = source.timestamps_in or "UTC"
        super().__init__(self._execute, timezone=zone, timeout=60.0)
        self.statements: list[str] = []
        self._connection = connection
        connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))

    async def _execute(self, statements: Sequence[str], _reader: Reader) -> list[Result]:
        results = []
        for statement in statements:
            self.statements.append(statement)
            cursor = self._connection.execute(statement.encode())
            types = tuple(column.type_code for column in cursor.description or ())
            results.append(Result(cursor.fetchall(), types))
        return results


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a test that is not one, as those of hypothesis are."""
    return asyncio.run(work)


def values(samples: Iterable[Sample]) -> dict[tuple[str, Labels], float]:
    """A collector's samples the way a page has them, without database and source."""
    return {
        (sample.family.name + sample.suffix, frozenset(sample.labels)): sample.value
        for sample in samples
    }


FAKE_CLOCK = """\
CREATE SCHEMA IF NOT EXISTS faketime;
CREATE OR REPLACE FUNCTION faketime.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('faketime.now')::timestamptz $$;
GRANT USAGE ON SCHEMA faketime TO PUBLIC;
"""
FAKE_PATH = "faketime, pg_catalog, public"


def set_clock(database: EmbeddedDatabase, now: datetime) -> None:
    """Have now() tell this time in every new session of the database; all else stays real."""
    with database.connect() as connection:
        connection.execute(FAKE_CLOCK)
        alter = sql.SQL("ALTER DATABASE {} SET ").format(sql.Identifier(database.name))
        connection.execute(alter + sql.SQL(f"search_path = {FAKE_PATH}"))
        connection.execute(
            alter + sql.SQL("faketime.now = {}").format(sql.Literal(now.isoformat()))
        )


def set_clock_of(connection: Connection, now: datetime | str) -> None:
    """The same for one open connection, in a database where FAKE_CLOCK was run."""
    text = now if isinstance(now, str) else now.isoformat()
    connection.execute(
        "SELECT set_config('search_path', %s, false), set_config('faketime.now', %s, false)",
        (FAKE_PATH, text),
    )


def settings_of(dsn: str) -> DatabaseSettings:
    """The settings of one database, all else left at the defaults."""
    return DatabaseSettings(name="app", dsn=dsn)
