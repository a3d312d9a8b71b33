"""A database that has nothing but what a test creates in it."""

from collections.abc import Callable, Iterator

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, create_database
from tests.support.servers.fresh_databases import FreshDatabases, drop_database


@pytest.fixture
def empty_database(databases_of: Callable[[int], FreshDatabases]) -> Iterator[EmbeddedDatabase]:
    """On PostgreSQL 18, without the tables of the demo."""
    database = create_database(databases_of(18).server, "application")
    yield database
    drop_database(database)
