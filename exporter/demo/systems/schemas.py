"""The schemas of the session systems, their owner, and the role that reads them."""

from pathlib import Path

from exporter.demo.server.databases import EmbeddedDatabase, create_database, require_role
from exporter.demo.server.server import PostgresServer
from exporter.queries import identifier
from exporter.sessions.grants import ROLE, Right, grants_of

APP = "app"  # the applications; owns every table
EXPORTER = ROLE

SYSTEMS = ("conversations", "coaching", "training")
WATCHED = (
    ("conversations", "conversation_sessions"),
    ("coaching", "roleplay_sessions"),
    ("coaching", "transcripts"),
    ("training", "roleplay_sessions"),
)


def create_empty(server: PostgresServer, name: str) -> EmbeddedDatabase:
    """Create a database with the empty tables of every session system, and the two roles."""
    for role in (APP, EXPORTER):
        require_role(server, role)
    database = create_database(server, name, owner=APP)
    with database.connect(APP) as connection:
        for system in SYSTEMS:
            path = Path(__file__).with_name(f"{system}.sql")
            connection.execute(path.read_bytes())
        connection.execute(_grants(name).encode())
    return database


def _grants(name: str) -> str:
    """CONNECT, and to read every column of the watched tables."""
    rights = [
        *(Right("USAGE", system) for system in SYSTEMS),
        *(Right("SELECT", schema, table) for schema, table in WATCHED),
    ]
    database = identifier(name)
    statements = [
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {EXPORTER}",
        *grants_of(rights, EXPORTER),
    ]
    return ";\n".join(statement.rstrip(";") for statement in statements)
