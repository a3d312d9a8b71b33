"""The rows of each session system when the demo starts: days of use, and sessions never ended."""

from datetime import datetime

from exporter.demo.history import coaching, conversations, training
from exporter.demo.history.bulk import Connection


def fill(connection: Connection, now: datetime) -> None:
    """Fill every system's empty tables, over a connection in autocommit mode."""
    for system in (conversations, coaching, training):
        system.fill(connection, now)
