"""What the session systems have behind them when the demo begins: days of use, and lost ends."""

from datetime import datetime

from exporter.demo.history import coaching, conversations, training
from exporter.demo.history.bulk import Connection


def fill(connection: Connection, now: datetime) -> None:
    """Fill every system's empty tables, over a connection in autocommit mode."""
    for system in (conversations, coaching, training):
        system.fill(connection, now)
