"""Row-level security: a role that sees or changes less than all of the sessions."""

from pathlib import Path
from typing import Literal

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.recovery import check_recovery
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import PermissionDenied
from exporter.postgres import Database, Writer
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from tests.support.collection.declarations import settings_of, source_of
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.servers.statements import execute

TABLE = f"""
CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool NOT NULL, seen timestamptz);
INSERT INTO public.chat SELECT n, true, now() - interval '2 hours' FROM generate_series(1, 4) AS n;
ALTER TABLE public.chat ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA public, session_exporter TO {EXPORTER};
GRANT SELECT, UPDATE ON public.chat TO {EXPORTER};
GRANT SELECT, INSERT, UPDATE ON session_exporter.recovery TO {EXPORTER};
GRANT SELECT, INSERT ON session_exporter.run TO {EXPORTER};
GRANT SELECT ON session_exporter.pause TO {EXPORTER};
"""
SOURCE = """\
chat:
  table: public.chat
  active: is_open
  started_at: seen
  last_seen_at: seen
  id: id
  orphaned_after: 1h
  recovery: {set: {is_open: false}}
"""
SEES_ALL = "CREATE POLICY sees ON public.chat FOR SELECT USING (true);"
UPDATES_ALL = "CREATE POLICY updates ON public.chat FOR UPDATE USING (true);"

Trust = Literal["refuse", "trust"]


@pytest.fixture
def source(any_database: EmbeddedDatabase, tmp_path: Path) -> Source:
    execute(any_database, TABLE)
    return source_of(tmp_path, SOURCE)


async def recover(database: EmbeddedDatabase, source: Source, row_security: Trust) -> Outcome:
    """As `recover --yes` does, as a role that policies hold for."""
    settings = settings_of(database.dsn_for(EXPORTER))
    settings = settings.model_copy(update={"row_security": row_security})
    pool, writer = Database(settings), Writer(settings, timezone="UTC")
    try:
        reader = pool.reader()
        rule = await bind_rule(reader, source)
        await check_rule(reader, rule)
        found = await all_candidates(reader, rule)
        return await close_found(writer, rule, found)
    finally:
        await writer.close()
        await pool.close()


async def check(database: EmbeddedDatabase, source: Source) -> dict[str, Finding]:
    settings = settings_of(database.dsn_for(EXPORTER))
    settings = settings.model_copy(update={"row_security": "trust"})
    return {each.check: each async for each in check_recovery(settings, source)}


def open_ones(database: EmbeddedDatabase) -> set[int]:
    with database.connect() as connection:
        found = connection.execute("SELECT id FROM public.chat WHERE is_open").fetchall()
    return {id_ for (id_,) in found}


async def test_refused_it_is_an_error_whatever_the_policies_show(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    execute(any_database, SEES_ALL, UPDATES_ALL)
    with pytest.raises(PermissionDenied):
        await recover(any_database, source, "refuse")
    assert open_ones(any_database) == {1, 2, 3, 4}


async def test_trusted_with_policies_for_all_rows_it_is_as_without(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    execute(any_database, SEES_ALL, UPDATES_ALL)
    assert "recovery policies" not in await check(any_database, source)
    await recover(any_database, source, "trust")
    assert open_ones(any_database) == set()


async def test_a_role_that_sees_sessions_and_may_update_none_is_told_so(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    execute(any_database, SEES_ALL)
    with pytest.raises(PermissionDenied, match="hides every row of"):
        await recover(any_database, source, "trust")
    failed = {each.message for each in (await check(any_database, source)).values()}
    assert any("hides every row of" in message for message in failed)
    assert open_ones(any_database) == {1, 2, 3, 4}


async def test_sessions_that_may_not_be_updated_are_passed_over_and_the_policy_is_named(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    execute(any_database, SEES_ALL, UPDATES_ALL.replace("true", "id > 2"))
    found = (await check(any_database, source))["recovery policies"]
    assert found.status is Status.WARNING
    assert "row-level security (updates) decides which sessions" in found.message
    outcome = await recover(any_database, source, "trust")
    assert (outcome.closed, outcome.skipped) == (2, 2)
    assert open_ones(any_database) == {1, 2}


async def test_sessions_that_are_hidden_are_left_alone(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    execute(any_database, SEES_ALL.replace("true", "id > 2"), UPDATES_ALL)
    outcome = await recover(any_database, source, "trust")
    assert (outcome.closed, outcome.skipped) == (2, 0)
    assert open_ones(any_database) == {1, 2}


async def test_a_session_that_a_policy_does_not_let_close_is_set_aside(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    checks = "USING (true) WITH CHECK (is_open OR id > 2)"
    execute(any_database, SEES_ALL, UPDATES_ALL.replace("USING (true)", checks))
    outcome = await recover(any_database, source, "trust")
    assert set(outcome.refused) == {"1", "2"}
    assert "row-level security policy" in outcome.refused["1"]
    assert open_ones(any_database) == {1, 2}
