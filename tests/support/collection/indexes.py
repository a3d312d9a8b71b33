"""The indexes of a source: which are missing, which are proposed, and whether those serve."""

import itertools
from collections.abc import Awaitable, Callable, Iterator

from exporter import sessions
from exporter.check.findings import Finding
from exporter.check.live import check_all
from exporter.clock import Clock
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.sessions.indexes.proposals import Proposal, propose
from tests.support.collection import declarations
from tests.support.collection.pages import Page
from tests.support.servers.statements import execute

Collect = Callable[..., Awaitable[Page]]

BOTH_MISSING = {"active": 1, "daily": 1}
BOTH_SERVED = {"active": 0, "daily": 0}


def run(database: EmbeddedDatabase, *statements: str) -> None:
    """One at a time in autocommit mode, as CONCURRENTLY demands."""
    execute(database, *statements)


async def missing(database: EmbeddedDatabase, collect: Collect, text: str) -> dict[str, float]:
    page = await collect(database, text)
    assert not page.failures
    return page.by("collector", "session_exporter_index_missing")


async def proposals(
    database: EmbeddedDatabase, source: Source, *, role: str = "postgres"
) -> list[Proposal]:
    """What `session-exporter sql index` prints from."""
    pool = Database(declarations.settings_of(database.dsn_for(role)))
    try:
        reader = pool.reader(timezone=source.timestamps_in or "UTC")
        return await propose(reader, await sessions.bind(reader, source))
    finally:
        await pool.close()


async def served_as_printed(
    database: EmbeddedDatabase, collect: Collect, source_of: Callable[[str], Source], text: str
) -> list[Proposal]:
    """Run the commands of a fresh table; they must serve, and be offered as served from then on."""
    assert await missing(database, collect, text) == BOTH_MISSING
    proposed = await proposals(database, source_of(text))
    assert [(each.collector, each.is_served) for each in proposed] == [
        ("active", False),
        ("daily", False),
    ]
    run(database, *(command for each in proposed for command in each.commands))
    assert await missing(database, collect, text) == BOTH_SERVED
    assert all(each.is_served for each in await proposals(database, source_of(text)))
    return proposed


async def signs_of_life(database: EmbeddedDatabase, source: Source) -> list[Finding]:
    """What `check --live` says about them."""
    ticks: Iterator[float] = map(float, itertools.count())
    pool = Database(declarations.settings_of(database.dsn))
    try:
        found = check_all(pool, [source], Clock(monotonic=lambda: next(ticks), wall=lambda: 0.0))
        return [each async for each in found if each.check == "indexes and signs of life"]
    finally:
        await pool.close()
