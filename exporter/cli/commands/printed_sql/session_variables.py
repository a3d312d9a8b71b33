"""`session-exporter sql sessions`: variables of psql, with which one query fits every source."""

from exporter import sessions
from exporter.cli import options
from exporter.cli.commands.printed_sql.session_queries import print_scripts
from exporter.cli.each_source import find_sources
from exporter.config import Source
from exporter.postgres import Reader
from exporter.queries import join_lines, literal
from exporter.sessions import TRANSACTION_TIME, Moment, SessionTable
from exporter.sessions.orphan_list import named_columns, shown_columns

_NO_TIME = "NULL::timestamptz"


def sessions_of(
    source: options.ASource, config_file: options.ConfigFile = options.DEFAULT_CONFIG
) -> bool:
    """Print variables of psql for the SQL of the runbooks.

    With :sessions, :table and :orphaned one query reads any source: see
    docs/runbook_commands.md.
    """
    config = options.load(config_file)

    async def write(reader: Reader, each: Source, database: str) -> list[str]:
        table = await sessions.bind(reader, each)
        timeout = reader.timeout if each.daily is None else max(reader.timeout, each.daily.timeout)
        limits, has_ended = config.databases[database], table.has_ended(TRANSACTION_TIME)
        return [
            *(["-- Owners and lists are not used: age alone decides."] * each.has_evidence),
            f"SET TimeZone = {literal(sessions.time_zone(each))};",
            f"SET statement_timeout = {literal(f'{timeout * 1000:.0f}')};",
            f"SET lock_timeout = {literal(f'{limits.lock_timeout * 1000:.0f}')};",
            "-- The name of the source, as in the audit of recovery.",
            _variable("source", each.name),
            "-- Its table; in a query it is `:table AS s`.",
            _variable("table", table.table),
            "-- Whether a row of it, `s`, is active and orphaned.",
            _variable("orphaned", f"({table.rows} AND {table.orphaned(TRANSACTION_TIME)})"),
            "-- Whether it is active although its end has passed.",
            _variable("ended_but_active", f"({table.rows} AND {has_ended})"),
            "-- Its sessions, active or not, by the names that all sources have.",
            _variable("sessions", sessions_query(table)),
        ]

    return print_scripts(config, find_sources(config, source), write)


def sessions_query(table: SessionTable) -> str:
    """All sessions of a source as a table expression, with the same columns for every source."""
    last_seen = table.last_seen_at and table.last_seen
    started = _indexed(table.started_at)
    columns = {
        "id": table.id_text or "NULL::text",
        "started_at": started,
        "last_seen_at": last_seen or started,
        "ended_at": _NO_TIME if table.ended_at is None else table.ended_at.sql,
        "duration_seconds": table.duration or "NULL::float8",
        "is_active": table.active,
        "is_orphaned": f"({table.active}) AND {table.orphaned(TRANSACTION_TIME)}",
        "is_overlong": _overlong(table, started),
        "owner": table.owner or "NULL::text",
    }
    shown = {name: sql for name, sql in shown_columns(table).items() if name not in columns}
    return table.statement("printed/sessions", columns=join_lines(named_columns(columns, shown), 8))


def _overlong(table: SessionTable, started: str) -> str:
    """Whether a session is active and not orphaned, and began before `overlong_after`."""
    after = table.source.overlong_after
    if after is None:
        return "false"
    return (
        f"({table.active}) AND ({table.orphaned(TRANSACTION_TIME)}) IS NOT TRUE"
        f" AND {started} < {TRANSACTION_TIME.ago(after)}"
    )


def _indexed(moment: Moment) -> str:
    """A time as it is stored where that is a timestamptz, so that an index on it serves."""
    is_stored = moment.unit is None and not moment.is_naive
    return f"({moment.raw})::timestamptz" if is_stored else moment.sql


def _variable(name: str, value: str) -> str:
    r"""A line that sets a variable of psql, which reads \ and ' in quotes as C and SQL do."""
    for character, written in (("\\", "\\\\"), ("'", "''"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(character, written)
    return f"\\set {name} '{value}'"
