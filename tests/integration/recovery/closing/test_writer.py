"""The connection that writes: what it does about idle ones that were ended, and about defaults."""

from collections.abc import AsyncIterator

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import ConnectFailed, SourceError
from exporter.postgres import Writer
from tests.support.collection.declarations import settings_of

HANG_UP = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'session-exporter' AND datname = current_database()
"""
BACKEND = "SELECT pg_backend_pid()"


@pytest.fixture
async def writer(database: EmbeddedDatabase) -> AsyncIterator[Writer]:
    own = Writer(settings_of(database.dsn), timezone="UTC")
    yield own
    await own.close()


def hang_up(database: EmbeddedDatabase) -> None:
    with database.connect() as connection:
        assert connection.execute(HANG_UP.encode()).fetchall() == [(True,)]


async def backend(writer: Writer) -> int:
    async with writer.transaction() as transaction:
        return int((await transaction.run(BACKEND)).rows[0][0])


async def test_a_connection_is_kept_until_somebody_ends_it(
    database: EmbeddedDatabase, writer: Writer
) -> None:
    first = await backend(writer)
    assert await backend(writer) == first
    hang_up(database)
    assert await backend(writer) != first


async def test_what_has_begun_is_not_begun_again(
    database: EmbeddedDatabase, writer: Writer
) -> None:
    begun = []

    async def work() -> None:
        async with writer.transaction() as transaction:
            begun.append(await transaction.run(BACKEND))
            hang_up(database)
            await transaction.run(BACKEND)

    await backend(writer)
    with pytest.raises(ConnectFailed):
        await work()
    assert len(begun) == 1


@pytest.mark.parametrize(
    "default",
    [
        'ALTER DATABASE "{}" SET default_transaction_read_only = on',
        'ALTER ROLE postgres IN DATABASE "{}" SET default_transaction_read_only = on',
    ],
    ids=["of the database", "of the role"],
)
async def test_a_default_of_read_only_is_heeded(
    database: EmbeddedDatabase, writer: Writer, default: str
) -> None:
    with database.connect() as connection:
        connection.execute(default.format(database.name).encode())
    with pytest.raises(SourceError, match="is read only for this role") as raised:
        await backend(writer)
    assert raised.value.reason == "other"
