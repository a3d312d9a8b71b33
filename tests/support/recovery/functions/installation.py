"""A source that is recovered by the functions that are printed for it, with the rights printed."""

from exporter import sessions
from exporter.cli.commands.printed_sql.role_script import role_sql
from exporter.config import Config, Source, TableName
from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database, Reader
from exporter.recovery.functions.script import script
from exporter.recovery.rule.binding import bind_rule
from exporter.sessions import grants
from tests.support.servers.statements import execute


def calling(source: Source, *, function: str = "") -> Source:
    """The source with `recovery.call`: of what is printed for it, or of another function."""
    called = TableName.parse(function or f"session_exporter.recover_{source.name}", "a function")
    return source.model_copy(
        update={"recovery": source.recovery.model_copy(update={"call": called})}
    )


async def install(database: EmbeddedDatabase, config: Config, source: Source) -> str:
    """Have a DBA run what `sql role` and `sql function` print; return what the latter did.

    Whatever other rights these roles had in the database is taken from them before.
    """
    roles = (EXPORTER, grants.RECOVERY_ROLE)
    for role in roles:
        require_role(database.server, role)
    execute(database, *(f"DROP OWNED BY {role}" for role in roles))
    pool = Database(config.databases["app"].model_copy(update={"dsn": database.dsn}))
    try:
        reader = pool.reader(timezone=sessions.time_zone(source))
        rights = (
            await grants.grants(reader, source),
            await grants.recovery_grants(reader, source, role=grants.RECOVERY_ROLE),
        )
        name = await grants.database_name(reader)
        for_roles = [
            role_sql(role, [("app", name, each)]) for role, each in zip(roles, rights, strict=True)
        ]
        printed = await printed_for(reader, source)
    finally:
        await pool.close()
    execute(database, *for_roles, printed)
    return printed


async def printed_for(reader: Reader, source: Source) -> str:
    rule = await bind_rule(reader, source)
    return await script(reader, rule, named_after=rule.relation.name)
