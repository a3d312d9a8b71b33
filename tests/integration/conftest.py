"""`collect(database, *sources)` collects once, as the daemon does, and gives the served page."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection import declarations, pages
from tests.support.collection.pages import Page


@pytest.fixture
def collect(tmp_path: Path) -> Callable[..., Awaitable[Page]]:
    async def collect(database: EmbeddedDatabase, *sources: str, role: str = "postgres") -> Page:
        environ = {"DATABASE_URL": database.dsn_for(role)}
        text = declarations.one_database(*sources)
        return await pages.collect_config(tmp_path / "config.yaml", text, environ)

    return collect


@pytest.fixture
def source_of(tmp_path: Path) -> Callable[[str], Source]:
    return lambda text: declarations.source_of(tmp_path, text)
