"""A temporary PostgreSQL 18 with production settings: commits are flushed to disk."""

from collections.abc import Iterator
from contextlib import contextmanager

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries

SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",  # checkpoints come when a benchmark asks for one
    "checkpoint_timeout": "1h",
    "autovacuum": "off",  # it would come in the middle of some repeats; each one vacuums first
    "timezone": "UTC",
}


@contextmanager
def started(**settings: str) -> Iterator[EmbeddedDatabase]:
    """Its database `postgres`, empty, as long as the block lasts."""
    with PostgresServer(wheel_binaries(18), settings=SETTINGS | settings) as server:
        yield EmbeddedDatabase(server, "postgres")
