"""What the API shows of a source whose columns a reload has changed."""

from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.api.busy_exporter import SOURCES, ask, busy_exporter
from tests.support.processes.reloading import remade

pytestmark = pytest.mark.slow  # it collects with every collector


@pytest.fixture
def has_audit() -> bool:
    return True


def changed(before: Exporter, database: EmbeddedDatabase, folder: Path, text: str) -> Exporter:
    """The exporter after a reload of a file with this text."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return remade(before, load_config(path, {"DATABASE_URL": database.dsn}))


async def test_a_column_that_is_shown_no_more_is_gone_at_once_and_no_count_is(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    text = SOURCES.replace("      - who\n", "      - note\n")
    assert text != SOURCES
    async with busy_exporter(database, tmp_path) as before:
        assert "eve" in (await ask(before, "orphans?source=chat")).text
        counted = (await ask(before, "sources?source=chat")).body["sources"][0]
        after = changed(before, database, tmp_path, text)
        found = await ask(after, "orphans?source=chat")
        assert found.status == 200
        assert "eve" not in found.text
        known = (await ask(after, "sources?source=chat")).body["sources"][0]
        assert known["orphaned_count"] == counted["orphaned_count"] > 0
        await after.collect_once()
        again = await ask(after, "orphans?source=chat")
        assert '"note"' in again.text
        assert "eve" not in again.text
        await after.close()


async def test_a_source_without_recovery_has_no_runs_to_undo(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as before:
        assert (await ask(before, "runs?source=chat")).body["total_count"] == 1
        text = SOURCES.partition("    recovery:")[0] + SOURCES.partition('"{end}"}}\n')[2]
        after = changed(before, database, tmp_path, text)
        assert (await ask(after, "runs?source=chat")).body["total_count"] == 0
        await after.close()
