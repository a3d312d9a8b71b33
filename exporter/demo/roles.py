"""What closing sessions by hand takes in the demo: the audit table, and a role that may write."""

from collections.abc import Iterator

from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase, create_role
from exporter.demo.systems.schemas import APP, EXPORTER, SYSTEMS, WATCHED
from exporter.queries import fill

RECOVERY = "session_exporter_recovery"  # `recover` is run as this one; the daemon never is

#: What closing a session writes in each table: the keys of recovery.set, and mark, in config.yaml.
WRITTEN = {
    ("conversations", "conversation_sessions"): (
        "is_active",
        "session_end",
        "ended_at",
        "duration_seconds",
    ),
    ("coaching", "roleplay_sessions"): ("status", "ended_at", "session_config"),
    ("coaching", "transcripts"): ("status",),
    ("training", "roleplay_sessions"): ("completedAt", "duration"),
}
#: What recovery reports besides: the names of those who took part.
REPORTED = (("coaching", "profiles"), ("coaching", "roleplay_personas"))
AUDIT = sql.Identifier("session_exporter", "recovery")
PAUSE = sql.Identifier("session_exporter", "pause")


def prepare(database: EmbeddedDatabase) -> None:
    """Create the role and the audit table, in a database that create_empty made."""
    if RECOVERY not in database.server.passwords:
        create_role(database.server, RECOVERY)
    with database.connect(APP) as connection:
        connection.execute(fill("recovery/audit/installation").encode())
        for statement in _grants(database.name):
            connection.execute(statement)


def _grants(name: str) -> Iterator[sql.Composed]:
    """Least rights: to read what is watched, and to write the columns that closing writes."""
    role = sql.Identifier(RECOVERY)
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), role)
    for schema in (*SYSTEMS, "session_exporter"):
        yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role)
    for table in (*WATCHED, *REPORTED):
        yield sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(*table), role)
    for table, columns in WRITTEN.items():
        written = sql.SQL(", ").join(map(sql.Identifier, columns))
        update = sql.SQL("GRANT UPDATE ({}) ON {} TO {}")
        yield update.format(written, sql.Identifier(*table), role)
    every = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}")
    yield every.format(AUDIT, role)
    yield sql.SQL("GRANT SELECT, INSERT, DELETE ON {} TO {}").format(PAUSE, role)
    # The daemon counts what was recovered, whoever did it, and tells whether it is paused.
    reader = sql.Identifier(EXPORTER)
    usage = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
    yield usage.format(sql.Identifier("session_exporter"), reader)
    yield sql.SQL("GRANT SELECT ON {}, {} TO {}").format(AUDIT, PAUSE, reader)
