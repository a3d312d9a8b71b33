"""The repository's own config.yaml on the databases that it was written for."""

from datetime import UTC, datetime
from pathlib import Path

from exporter.config import load_config
from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from tests.support.collection import pages
from tests.support.collection.pages import Page

EXAMPLE = Path(__file__).parents[3] / "config.yaml"
SOURCES = ("conversations", "coaching", "transcripts", "training")


async def collected(database: EmbeddedDatabase, folder: Path) -> Page:
    environ = {"DATABASE_URL": database.dsn_for(EXPORTER)}
    return await pages.collect_config(folder / "config.yaml", EXAMPLE.read_text(), environ)


async def test_the_example_collects_every_source_and_finds_the_orphans(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
    page = await collected(database, tmp_path)
    assert not page.failures
    orphaned = page.by("source", "sessions_orphaned")
    assert orphaned.keys() == set(SOURCES)
    assert orphaned["conversations"] == 18
    assert orphaned["coaching"] == 9
    assert orphaned["transcripts"] == 3
    assert orphaned["training"] >= 40
    missing = {
        key: value for key, value in page.samples.items() if key[0].endswith("index_missing")
    }
    assert len(missing) == 2 * len(SOURCES)
    assert set(missing.values()) == {0}


async def test_the_example_collects_from_empty_tables(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    page = await collected(database, tmp_path)
    assert not page.failures
    assert set(page.by("source", "sessions_active").values()) == {0}
    assert set(page.by("source", "sessions_rows_estimated").values()) == {0}
    inconsistent = [v for (name, _), v in page.samples.items() if name == "sessions_inconsistent"]
    assert inconsistent
    assert not any(inconsistent)


async def test_no_source_serves_more_series_than_its_config_says(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
    page = await collected(database, tmp_path)
    sources = load_config(EXAMPLE, {"DATABASE_URL": ""}).sources
    for name in SOURCES:
        served = [
            key
            for key in page.samples
            if key[0].startswith("sessions_") and ("source", name) in key[1]
        ]
        assert page("session_exporter_series", source=name) == len(served)
        assert len(served) <= sources[name].series()
