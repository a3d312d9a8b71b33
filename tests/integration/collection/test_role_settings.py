"""Whatever a DBA has set for the role or the database, the same numbers are collected."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.collection import declarations, pages
from tests.support.collection.pages import Labels
from tests.support.servers.statements import execute

#: A table whose columns are of the types that depend on settings, or on the path: what is compared
#: without saying so is text, varchar, numbers of several kinds, a domain and local times.
ROWS = """
CREATE DOMAIN moment AS timestamptz;
CREATE TABLE chat (
    id varchar(36), state varchar(10), part numeric, size real, epoch double precision,
    at moment, seen timestamp, ended text, open boolean, note text
);
INSERT INTO chat
SELECT
    'chat ' || n, CASE WHEN n % 4 = 0 THEN 'done' ELSE 'live' END, n / 10.0, n / 3.0,
    date_part('epoch', now() - n * interval '10 minutes'), now() - n * interval '11 minutes',
    (now() - n * interval '9 minutes') AT TIME ZONE 'Asia/Kolkata',
    CASE WHEN n % 4 = 0
        THEN to_char(now() - n * interval '5 minutes', 'YYYY-MM-DD"T"HH24:MI:SSOF')
    END,
    n % 3 > 0, E'it''s \\\\ ' || n
FROM generate_series(1, 60) AS n;
GRANT SELECT ON chat TO {reader}
"""

SOURCES = r"""
by_state:
  table: chat
  active: |
    s.state = 'live' AND s.note LIKE 'it''s \\ %' AND s.size > 0.3
  started_at: at
  last_seen_at: seen
  timestamps_in: Asia/Kolkata
  ended_at: |
    s.ended::timestamptz
  id: id
  labels:
    tenth: {value: "round(s.part)::text", values: ["1", "2", "3"]}
  orphaned_after: 2h
  integrity:
    closed: |
      s.ended IS NOT NULL AND s.ended LIKE '2%'
by_epoch:
  table: chat
  active: s.open
  started_at: {column: epoch, epoch: s}
  orphaned_after: 2h
by_deadline:
  table: chat
  active: |
    current_setting('statement_timeout')::interval BETWEEN '1ms' AND '1min'
    AND current_setting('lock_timeout')::interval BETWEEN '1ms' AND '1min'
    AND current_setting('idle_in_transaction_session_timeout')::interval BETWEEN '1ms' AND '1min'
  started_at: at
  orphaned_after: 2h
"""

#: As a DBA may have set them, each for the role of the exporter.
SETTINGS = {
    "search_path": ["mine, pg_catalog, public", "'$user', public", "public, pg_catalog"],
    "extra_float_digits": ["-15", "0", "3"],
    "DateStyle": ["'SQL, DMY'", "'German'", "'Postgres, MDY'"],
    "IntervalStyle": ["sql_standard", "iso_8601", "postgres_verbose"],
    "TimeZone": ["'Pacific/Chatham'", "'America/St_Johns'"],
    "timezone_abbreviations": ["'India'", "'Australia'"],
    "bytea_output": ["escape"],
    "standard_conforming_strings": ["off"],
    "backslash_quote": ["off", "on"],
    "escape_string_warning": ["off"],
    "quote_all_identifiers": ["on"],
    "transform_null_equals": ["on"],
    "array_nulls": ["off"],
    "xmloption": ["document"],
    "lc_monetary": ["'C'"],
    "lc_numeric": ["'C'"],
    "lc_time": ["'C'"],
    "lc_messages": ["'C'"],
    "client_encoding": ["LATIN1", "SQL_ASCII"],
    "client_min_messages": ["debug1", "error"],
    "default_transaction_isolation": ["serializable", "'repeatable read'"],
    "default_transaction_read_only": ["on"],
    "default_transaction_deferrable": ["on"],
    "constraint_exclusion": ["on"],
    "row_security": ["off"],
    "enable_seqscan": ["off"],
    "enable_indexscan": ["off"],
    "enable_sort": ["off"],
    "enable_hashagg": ["off"],
    "enable_nestloop": ["off"],
    "enable_partition_pruning": ["off"],
    "geqo": ["off"],
    "jit_above_cost": ["0"],
    "max_parallel_workers_per_gather": ["4"],
    "plan_cache_mode": ["force_generic_plan"],
    "join_collapse_limit": ["1"],
    "from_collapse_limit": ["1"],
    "work_mem": ["'64kB'"],
    # Longer than ours, for which by_deadline asks: a short one can end the message before its first
    # statement has replaced it.
    "statement_timeout": ["'10min'"],
    "lock_timeout": ["'10min'"],
    "idle_in_transaction_session_timeout": ["'10min'"],
    "default_table_access_method": ["heap"],
    "default_tablespace": ["''"],
    "check_function_bodies": ["off"],
    "synchronous_commit": ["off"],
    "cursor_tuple_fraction": ["0"],
    "gin_fuzzy_search_limit": ["1"],
    "application_name": ["'it''s mine'"],
}


def is_of_time(sample: tuple[str, Labels]) -> bool:
    """Whether a value is an age or a moment, which is another one a second later."""
    return "seconds" in sample[0] or "timestamp" in sample[0]


def numbers(page: pages.Page) -> dict[tuple[str, Labels], float]:
    return {
        sample: value
        for sample, value in page.samples.items()
        if sample[0].startswith("sessions_") and not is_of_time(sample)
    }


#: Without what is done about them, each of these changes numbers.
TRIED = ("search_path", "extra_float_digits", "standard_conforming_strings")


@pytest.mark.quick("pg18-tried")
@pytest.mark.parametrize(
    "names", [TRIED, [name for name in SETTINGS if name not in TRIED]], ids=["tried", "others"]
)
async def test_the_same_is_collected_under_every_setting(
    any_database: EmbeddedDatabase, tmp_path: Path, names: list[str]
) -> None:
    assert len(SETTINGS) >= 40
    execute(any_database, *ROWS.format(reader=EXPORTER).split(";\n"))
    text = declarations.one_database(SOURCES)
    environ = {"DATABASE_URL": any_database.dsn_for(EXPORTER)}
    where = f"ROLE {EXPORTER} IN DATABASE {any_database.name}"
    expected = await pages.collect_config(tmp_path / "config.yaml", text, environ)
    assert not expected.failures
    assert expected("sessions_active", source="by_state") == 45
    assert expected("sessions_active", source="by_deadline") == 60
    for name in names:
        for value in SETTINGS[name]:
            execute(any_database, f"ALTER {where} SET {name} = {value}")
            page = await pages.collect_config(tmp_path / "config.yaml", text, environ)
            execute(any_database, f"ALTER {where} RESET {name}")
            assert not page.failures, f"{name} = {value}"
            assert numbers(page) == numbers(expected), f"{name} = {value}"


BROKEN = """
fails:
  table: chat
  active: |
    s.note::int > 0
  started_at: at
  orphaned_after: 2h
misspelt:
  table: chat
  active: |
    s.open AND AND true
  started_at: at
  orphaned_after: 2h
"""


async def test_an_error_that_ends_the_connection_is_that_of_its_source_alone(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """With exit_on_error; and the message of PostgreSQL, which quotes the row, stays there."""
    execute(database, *ROWS.format(reader=EXPORTER).split(";\n"))
    execute(database, f"ALTER ROLE {EXPORTER} IN DATABASE {database.name} SET exit_on_error = on")
    environ = {"DATABASE_URL": database.dsn_for(EXPORTER)}
    text = declarations.one_database(SOURCES, BROKEN)
    page = await pages.collect_config(tmp_path / "config.yaml", text, environ)
    assert page("sessions_active", source="by_state") == 45
    assert {source for source, _ in page.failures} == {"fails", "misspelt"}
    assert page.failures["fails", "active"] == "active: a text does not have the format of its type"
    assert 'syntax error at or near "AND"' in page.failures["misspelt", "active"]
    assert page("session_exporter_database_up") == 1
