"""What `check --live` says of the daily statistics beside their numbers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from exporter import sessions
from exporter.check.collectors.indexes import Cost, check_indexes
from exporter.check.collectors.objective import check_objective
from exporter.check.collectors.recovered import check_recovered
from exporter.check.findings import Finding, FindingWriter, Status
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database, Reader
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import SessionTable
from tests.support.collection import declarations
from tests.support.servers.statements import execute

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: {after}
  {more}
"""
WRITER = FindingWriter("app", "chat")

Bind = Callable[..., Awaitable[SessionTable]]


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    execute(
        database,
        "CREATE TABLE public.chat (id int, is_open bool, started timestamptz)",
        f"GRANT SELECT ON public.chat TO {EXPORTER}",
        "DROP SCHEMA IF EXISTS session_exporter CASCADE",
    )
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    yield pool.reader()
    await pool.close()


@pytest.fixture
def bind(reader: Reader, tmp_path: Path) -> Bind:
    async def bind(more: str = "", after: str = "2h") -> SessionTable:
        source = declarations.source_of(tmp_path, CHAT.format(more=more, after=after))
        return await sessions.bind(reader, source)

    return bind


def start(database: EmbeddedDatabase, number: int, days_ago: int) -> None:
    execute(
        database,
        f"INSERT INTO public.chat SELECT n, false, now() - interval '{days_ago} days'"
        f" FROM generate_series(1, {number}) AS n",
    )


@pytest.mark.parametrize(
    ("objective", "needed", "started"),
    [
        ("99%", 400, 84),
        ("99%", 400, 399),
        ("99%", 400, 400),
        ("90%", 40, 84),
        ("99.99%", 40000, 84),
    ],
)
async def test_an_objective_says_how_many_sessions_it_needs_and_how_many_there_are(  # noqa: PLR0917 - pytest passes them by name
    database: EmbeddedDatabase,
    reader: Reader,
    bind: Bind,
    objective: str,
    needed: int,
    started: int,
) -> None:
    table = await bind(f"objective: {objective}")
    start(database, started, days_ago=5)
    start(database, 500, days_ago=0)  # they may be lost yet
    start(database, 500, days_ago=40)
    (finding,) = [each async for each in check_objective(reader, table, WRITER)]
    needs = f"objective {objective[:-1]} % needs about {needed} sessions in 28 days"
    if started >= needed:
        assert (finding.status, finding.message) == (Status.OK, f"{needs}, and has them")
    else:
        expected = (Status.WARNING, f"{needs}; you have {started}")
        assert (finding.status, finding.message) == expected


async def test_a_source_without_an_objective_has_no_remark(reader: Reader, bind: Bind) -> None:
    assert not [each async for each in check_objective(reader, await bind(), WRITER)]


@pytest.mark.parametrize(("after", "settled"), [("2h", 2), ("36h", 8)])
async def test_days_on_which_sessions_may_still_be_lost_do_not_count(
    database: EmbeddedDatabase, reader: Reader, bind: Bind, after: str, settled: int
) -> None:
    table = await bind("objective: 90%\n  daily: {days: 9}", after)
    start(database, 50, days_ago=settled - 1)
    (before,) = [each async for each in check_objective(reader, table, WRITER)]
    start(database, 50, days_ago=settled)
    (after_it,) = [each async for each in check_objective(reader, table, WRITER)]
    assert (before.status, after_it.status) == (Status.WARNING, Status.OK)


async def test_a_missing_daily_index_of_a_small_table_is_a_remark_with_its_command(
    reader: Reader, bind: Bind
) -> None:
    table = await bind()

    async def daily(milliseconds: float) -> Finding:
        costs = {each: Cost(0.1, milliseconds, 5) for each in ("active", "daily")}
        found = [each async for each in check_indexes(reader, table, costs, WRITER)]
        (finding,) = (each for each in found if each.check == "index for daily")
        return finding

    small, slow = await daily(1.0), await daily(150.0)
    assert small.status == Status.WARNING
    assert "no index serves collector daily; at about 0 rows that costs little" in small.message
    assert any(each.startswith("CREATE INDEX") for each in small.commands)
    assert (slow.status, slow.commands) == (Status.FAILED, small.commands)


async def test_an_audit_that_cannot_be_read_is_a_remark_with_the_grants_that_help(
    database: EmbeddedDatabase, reader: Reader, bind: Bind
) -> None:
    table = await bind()

    async def remarks() -> list[Finding]:
        return [each async for each in check_recovered(reader, table, WRITER)]

    assert not await remarks()
    execute(database, audit_script())
    (remark,) = await remarks()
    assert remark.status == Status.WARNING
    assert "cannot read which sessions recovery has closed" in remark.message
    execute(database, *remark.commands)
    assert not await remarks()
    execute(database, "ALTER TABLE session_exporter.recovery RENAME contradicted_at TO older")
    (remark,) = await remarks()
    assert "the audit has another version" in remark.message
