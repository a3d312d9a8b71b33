"""The rights to read the table in which owners report that they live."""

from exporter.config import Config, Source
from exporter.postgres import Reader
from exporter.sessions import relation
from exporter.sessions.grants import Right, reading_rights


async def owner_rights(reader: Reader, config: Config, source: Source) -> list[Right]:
    """The rights of ROLE to read the table of the owners of a source, if there is one.

    Raises SchemaMismatch if the table or a column does not exist.
    """
    owners = config.owners.get(source.owners_name or "")
    if owners is None or owners.table is None:
        return []
    found = await relation.find(reader, owners.table.table)
    declared = filter(None, (owners.table.id, owners.table.seen_at))
    return await reading_rights(reader, found, [found.expression(text) for text in declared])
