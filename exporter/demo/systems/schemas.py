"""The session systems' schemas, who owns them, and what the exporter's role may read."""

from pathlib import Path

from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase, create_database, create_role
from exporter.demo.server.server import PostgresServer

APP = "app"  # the applications: owns every table
EXPORTER = "session_exporter"  # reads what is watched, and can do nothing else

SYSTEMS = ("conversations", "coaching", "training")
WATCHED = (
    ("conversations", "conversation_sessions"),
    ("coaching", "roleplay_sessions"),
    ("coaching", "transcripts"),
    ("training", "roleplay_sessions"),
)


def create_empty(server: PostgresServer, name: str) -> EmbeddedDatabase:
    """Make a database that has every session system and no row in it, and the two roles."""
    for role in (APP, EXPORTER):
        if role not in server.passwords:
            create_role(server, role)
    database = create_database(server, name, owner=APP)
    with database.connect(APP) as connection:
        for system in SYSTEMS:
            path = Path(__file__).with_name(f"{system}.sql")
            connection.execute(path.read_bytes())
        connection.execute(_grants(name))
    return database


def _grants(name: str) -> sql.Composed:
    """Least rights: CONNECT here, USAGE on the schemas, SELECT on the watched tables."""
    role = sql.Identifier(EXPORTER)
    database = sql.Identifier(name)
    statements = [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, role),
    ]
    for system in SYSTEMS:
        usage = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
        statements.append(usage.format(sql.Identifier(system), role))
    for table in WATCHED:
        select = sql.SQL("GRANT SELECT ON {} TO {}")
        statements.append(select.format(sql.Identifier(*table), role))
    return sql.SQL(";\n").join(statements)
