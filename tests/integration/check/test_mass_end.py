"""`check --live` names the moment at which one statement has ended many sessions."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.source import check_source
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from tests.support.collection import declarations
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute

SourceOf = Callable[[str], Source]

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: {start}
  ended_at: {end}
  id: id
  orphaned_after: 2h
  {more}
"""
PLAIN = {"start": "started", "end": "ended", "more": "every: 30s"}

#: Sessions that live, each with a start of its own.
LIVE = """
    CREATE TABLE public.chat (
        id int PRIMARY KEY, is_open bool, started timestamptz, ended timestamptz
    );
    INSERT INTO public.chat
    SELECT n, true, now() - n * interval '1 min' FROM generate_series(1, 30) AS n;
"""
#: When a sweep ended sessions: within the last hour, at a known microsecond.
SWEPT_AT = "date_trunc('hour', now()) + interval '123456 us'"


async def found(
    database: EmbeddedDatabase, source: Source, role: str = "postgres"
) -> Finding | None:
    pool = Database(declarations.settings_of(database.dsn_for(role)))
    try:
        findings = [each async for each in check_source(pool, source)]
    finally:
        await pool.close()
    return next((each for each in findings if each.check == "mass end"), None)


def sweep(most: int, end: str = SWEPT_AT, *, least: int = 1) -> str:
    return (
        f"UPDATE public.chat SET is_open = false, started = started - interval '2 h', ended = {end}"
        f" WHERE id BETWEEN {least} AND {most}"
    )


async def test_sessions_that_one_statement_has_ended_are_named_with_their_moment(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(any_database, LIVE, sweep(12), sweep(23, f"{SWEPT_AT} - interval '1 h'", least=13))
    finding = await found(any_database, source_of(CHAT.format(**PLAIN)))
    assert finding is not None
    assert finding.status is Status.WARNING
    assert re.match(
        r"12 closed sessions of the last 7 days ended at exactly [-0-9]{10} [0-9:]{8}\.123456Z,"
        r" and 11 at 1 other such moment: a single statement closed them, run by the application,",
        finding.message,
    )


@pytest.mark.parametrize("case", ["timestamp", "milliseconds", "partitioned"])
async def test_they_are_named_however_the_end_is_stored(
    database: EmbeddedDatabase, source_of: SourceOf, case: str
) -> None:
    declared = dict(PLAIN)
    table = LIVE
    if case == "partitioned":
        table = LIVE.replace(");\n", ") PARTITION BY RANGE (id);\n", 1).replace(
            "INSERT",
            "CREATE TABLE public.a PARTITION OF public.chat FOR VALUES FROM (0) TO (6);"
            "CREATE TABLE public.b PARTITION OF public.chat FOR VALUES FROM (6) TO (99);INSERT",
        )
    execute(database, table, sweep(12))
    if case == "timestamp":
        execute(
            database,
            "ALTER TABLE public.chat"
            " ALTER ended TYPE timestamp USING ended AT TIME ZONE 'Europe/Berlin'",
        )
        declared["more"] = "timestamps_in: Europe/Berlin"
    if case == "milliseconds":
        execute(
            database,
            "ALTER TABLE public.chat"
            " ALTER ended TYPE bigint USING (1000 * extract(epoch FROM ended))::bigint",
        )
        declared["end"] = "{column: ended, epoch: ms}"
    finding = await found(database, source_of(CHAT.format(**declared)))
    assert finding is not None
    assert finding.status is Status.WARNING
    assert finding.message.startswith("12 closed sessions")


#: What is no sign of another sweeper.
INNOCENT = {
    "fewer than ten": (sweep(9),),
    "each at its own moment": (sweep(30, "now() - id * interval '1 us'"),),
    "active rows": (sweep(30), "UPDATE public.chat SET is_open = true"),
    "ends by the day": (sweep(30, "date_trunc('day', now()) + interval '1 d'"),),
    "ends by the second": (sweep(30), "ALTER TABLE public.chat ALTER ended TYPE timestamptz(0)"),
    "an import": (sweep(30), "UPDATE public.chat SET started = now() - interval '3 h'"),
    "before the days": (
        sweep(30, "now() - interval '8 d'"),
        "UPDATE public.chat SET started = started - interval '9 d'",
    ),
    "ends before the start": (sweep(30, "now() - interval '1 d'"),),
}


@pytest.mark.quick("fewer than ten", "ends by the day", "an import")
@pytest.mark.parametrize("statements", INNOCENT.values(), ids=INNOCENT)
async def test_what_happens_without_a_sweeper_is_not_named(
    database: EmbeddedDatabase, source_of: SourceOf, statements: tuple[str, ...]
) -> None:
    execute(database, LIVE, *statements)
    naive = {**PLAIN, "more": "timestamps_in: UTC"}
    finding = await found(database, source_of(CHAT.format(**naive)))
    assert finding is not None
    assert finding.status is Status.OK


@pytest.mark.parametrize("more", ["daily: null", "every: 30s"])
async def test_without_daily_statistics_or_an_end_it_is_not_asked(
    database: EmbeddedDatabase, source_of: SourceOf, more: str
) -> None:
    execute(database, LIVE, sweep(12))
    text = CHAT.format(**{**PLAIN, "more": more})
    if "daily" not in more:
        text = text.replace("  ended_at: ended\n", "")
    assert await found(database, source_of(text)) is None


async def test_what_recovery_has_closed_is_left_out_or_where_it_cannot_be_read_is_said(
    database: EmbeddedDatabase, source_of: SourceOf, tmp_path: Path
) -> None:
    execute(
        database,
        LIVE,
        audit_script(),
        "UPDATE public.chat SET started = started - interval '1 d'",
        f"GRANT SELECT ON public.chat TO {EXPORTER}",
    )
    declared: dict[str, Any] = {
        "table": "public.chat",
        "active": "is_open",
        "started_at": "started",
        "id": "id",
        "ended_at": "ended",
        "orphaned_after": "2h",
        "recovery": {"set": {"is_open": "false", "ended": "{end}"}, "end_at": "now"},
    }
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": declared})
    closed = run("recover", "chat", "--yes", "--despite-brake", "-c", config, folder=tmp_path)
    assert closed.returncode == 0, closed.stderr
    with database.connect() as connection:
        ((rows, moments),) = connection.execute(
            "SELECT count(*), count(DISTINCT ended) FROM public.chat WHERE NOT is_open"
        )
    assert rows == 30
    assert moments < 3  # this is what would be named

    source = source_of(CHAT.format(**PLAIN))
    own = await found(database, source)
    assert own is not None
    assert own.status is Status.OK
    unknown = await found(database, source, EXPORTER)
    assert unknown is not None
    assert unknown.status is Status.WARNING
    assert "run by session-exporter (compare `session-exporter runs`), the" in unknown.message

    execute(database, "UPDATE session_exporter.recovery SET undone_at = now()")
    undone = await found(database, source)
    assert undone is not None
    assert undone.status is Status.WARNING
