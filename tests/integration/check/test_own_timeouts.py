"""Time limits of the role or its database that are shorter than ours."""

import pytest

from exporter.check.connection.own_timeouts import check_own_timeouts
from exporter.check.findings import Finding, FindingWriter, Status
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.servers.statements import execute


async def found(database: EmbeddedDatabase, *statements: str) -> Finding:
    """The finding of a role for which these settings were made in this database."""
    execute(
        database,
        *(f"ALTER ROLE {EXPORTER} IN DATABASE {database.name} {each}" for each in statements),
    )
    settings = declarations.settings_of(database.dsn_for(EXPORTER))
    pool = Database(settings.model_copy(update={"statement_timeout": 5.0}))
    try:
        return await check_own_timeouts(pool.reader(), FindingWriter("app"), settings)
    finally:
        await pool.close()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("SET statement_timeout = '150ms'", "statement_timeout is 150ms: it may end a transaction"),
        ("SET statement_timeout = '200ms'", ""),
        ("SET statement_timeout = 0", ""),
        ("RESET statement_timeout", ""),
    ],
)
async def test_a_statement_timeout_of_the_role_may_end_a_transaction_before_ours_holds(
    any_database: EmbeddedDatabase, setting: str, said: str
) -> None:
    finding = await found(any_database, setting)
    assert finding.status is (Status.WARNING if said else Status.OK)
    assert said in finding.message


@pytest.mark.parametrize(("limit", "is_short"), [("4900ms", True), ("5s", False)])
async def test_a_transaction_timeout_below_ours_ends_the_connection_of_a_slow_query(
    database: EmbeddedDatabase, limit: str, is_short: bool
) -> None:
    finding = await found(database, f"SET transaction_timeout = '{limit}'")
    assert finding.status is (Status.WARNING if is_short else Status.OK)
    said = "transaction_timeout is 4s900ms, less than statement_timeout of the config, 5s"
    assert (said in finding.message) is is_short
