"""`check --live` says beforehand which sources would page for what is in them already."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.paging import DOCUMENT, check_paging
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from tests.support.collection import declarations
from tests.support.servers.statements import execute

SourceOf = Callable[[str], Source]

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: 2h
  {more}
"""


async def found(
    database: EmbeddedDatabase, source: Source, verdict: Verdict = NO_EVIDENCE
) -> Finding | None:
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        findings = [each async for each in check_paging(pool, source, verdict)]
    finally:
        await pool.close()
    return findings[0] if findings else None


@pytest.fixture
def orphans(database: EmbeddedDatabase) -> Callable[[int], None]:
    execute(
        database,
        "CREATE TABLE public.chat (id int, is_open bool, started timestamptz)",
        f"GRANT SELECT ON public.chat TO {EXPORTER}",
        "INSERT INTO public.chat SELECT -n, true, now() FROM generate_series(1, 20) AS n",
    )

    def add(count: int) -> None:
        execute(
            database,
            "INSERT INTO public.chat SELECT n, true, now() - n * interval '3 days'"
            f" FROM generate_series(1, {count}) AS n",
        )

    return add


async def test_six_orphans_above_a_limit_of_five_would_page_and_five_would_not(
    database: EmbeddedDatabase, source_of: SourceOf, orphans: Callable[[int], None]
) -> None:
    source = source_of(CHAT.format(more="every: 30s"))
    orphans(5)
    finding = await found(database, source)
    assert finding is not None
    assert (finding.status, finding.message) == (
        Status.OK,
        "5 orphaned, alert_above is 5: no page",
    )
    orphans(1)
    finding = await found(database, source)
    assert finding is not None
    assert finding.status is Status.WARNING
    assert finding.message.startswith(
        "6 orphaned, alert_above is 5: this would page; the oldest was last seen 20"
    )
    assert f", 15d 0h ago; see {DOCUMENT}" in finding.message


async def test_a_source_without_a_limit_never_would(
    database: EmbeddedDatabase, source_of: SourceOf, orphans: Callable[[int], None]
) -> None:
    orphans(50)
    assert await found(database, source_of(CHAT.format(more="alert_above: null"))) is None


async def test_of_a_table_that_cannot_be_read_the_other_checks_speak(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    assert await found(database, source_of(CHAT.format(more="every: 30s"))) is None


def test_the_document_that_it_names_is_there() -> None:
    assert (Path(__file__).parents[3] / DOCUMENT).is_file()
