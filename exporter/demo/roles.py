"""The demo's audit, and its roles with the rights that `sql role` prints for the example."""

from psycopg import sql

from exporter import sessions
from exporter.demo.example import load_example
from exporter.demo.server.databases import EmbeddedDatabase, create_role
from exporter.demo.systems.schemas import APP
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import grants

RECOVERY = grants.RECOVERY_ROLE  # runs `recover`; the demo's daemon closes nothing


async def prepare(database: EmbeddedDatabase) -> None:
    """Create the audit and the role that closes sessions in a database of create_empty()."""
    if RECOVERY not in database.server.passwords:
        create_role(database.server, RECOVERY)
    connect = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
        sql.Identifier(database.name), sql.Identifier(RECOVERY)
    )
    with database.connect(APP) as connection:
        connection.execute(audit_script().encode())
        connection.execute(connect)
        for grant in await _printed_grants(database.dsn_for(APP)):
            connection.execute(grant.encode())


async def _printed_grants(dsn: str) -> list[str]:
    config = load_example(dsn)
    printed = list[str]()
    for source in config.sources.values():
        pool = Database(config.databases[source.databases[0]])
        try:
            reader = pool.reader(timezone=sessions.time_zone(source))
            printed += await grants.grants(reader, source)
            printed += await grants.recovery_grants(reader, source, role=RECOVERY)
        finally:
            await pool.close()
    return printed
