"""The demo's database, ready to be watched: schemas, roles and history in one call."""

from dataclasses import dataclass
from typing import Any

from exporter.demo import history
from exporter.demo.roles import RECOVERY, prepare
from exporter.demo.server.server import PostgresServer
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty

NAME = "demo"


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """How to get into the demo's database: to watch it, to close sessions, and as applications."""

    name: str
    exporter_dsn: str
    recovery_dsn: str
    app_dsn: str


def create(server: PostgresServer, name: str = NAME) -> DemoDatabase:
    """Make the database with a history that ends now, by the database's own clock."""
    database = create_empty(server, name)
    prepare(database)
    with database.connect(APP) as connection:
        row: tuple[Any, ...] = connection.execute("SELECT now()").fetchall()[0]
        history.fill(connection, row[0])
    return DemoDatabase(name, *map(database.dsn_for, (EXPORTER, RECOVERY, APP)))
