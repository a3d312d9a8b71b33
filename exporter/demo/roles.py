"""The demo's audit, and its roles with the rights that `sql role` prints for the example."""

from pathlib import Path

from psycopg import sql

from exporter import sessions
from exporter.config import Config
from exporter.demo.example import load_example, load_live_applications
from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import grants
from exporter.sessions.grants.owners import owner_rights

RECOVERY = grants.RECOVERY_ROLE  # runs `recover`; the demo's daemon closes nothing


async def prepare(database: EmbeddedDatabase) -> None:
    """Create the audit and the role that closes sessions in a database of create_empty()."""
    require_role(database.server, RECOVERY)
    connect = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
        sql.Identifier(database.name), sql.Identifier(RECOVERY)
    )
    with database.connect(APP) as connection:
        connection.execute(audit_script().encode())
        connection.execute(connect)
        config = load_example(database.dsn_for(APP))
        for grant in await _printed_grants(config):
            connection.execute(grant.encode())


async def prepare_live_applications(database: EmbeddedDatabase) -> None:
    """Create the tables of the applications in memory, for the role that collects."""
    urls = dict.fromkeys(("CALLS_URL", "ROLE_PLAYS_URL"), "http://127.0.0.1")  # never asked
    config = load_live_applications(database.dsn_for(APP), urls)
    with database.connect(APP) as connection:
        script = Path(schemas.__file__).with_name("practice_calls.sql")
        connection.execute(script.read_bytes())
        for grant in await _printed_grants(config):
            connection.execute(grant.encode())


async def _printed_grants(config: Config) -> list[str]:
    printed = list[str]()
    for source in config.sources.values():
        pool = Database(config.databases[source.databases[0]])
        try:
            reader = pool.reader(timezone=sessions.time_zone(source))
            printed += await grants.grants(reader, source)
            of_owners = await owner_rights(reader, config, source)
            printed += grants.grants_of(of_owners, grants.ROLE)
            if source.recovery.is_declared:
                printed += await grants.recovery_grants(reader, source, role=RECOVERY)
        finally:
            await pool.close()
    return printed
