"""The demo's database: schemas, roles and history in one call."""

import asyncio
from dataclasses import dataclass
from typing import Any

from exporter.demo import history
from exporter.demo.roles import RECOVERY, prepare, prepare_live_applications
from exporter.demo.server.server import PostgresServer
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty

NAME = "demo"


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """The demo's database, with a dsn for each of its three roles."""

    name: str
    exporter_dsn: str
    recovery_dsn: str
    app_dsn: str


def create(server: PostgresServer, name: str = NAME) -> DemoDatabase:
    """Create the database with a history that ends now, by the database's own clock."""
    database = create_empty(server, name)
    asyncio.run(prepare(database))
    asyncio.run(prepare_live_applications(database))
    with database.connect(APP) as connection:
        row: tuple[Any, ...] = connection.execute("SELECT now()").fetchall()[0]
        history.fill(connection, row[0])
    return DemoDatabase(name, *map(database.dsn_for, (EXPORTER, RECOVERY, APP)))
