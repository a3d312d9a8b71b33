"""The roles that may create objects which expressions of the config could use."""

from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.text import some_of


@dataclass(frozen=True, slots=True)
class SchemaCreators:
    """A schema of the search path, and the other roles that may create objects in it."""

    schema: str
    roles: tuple[str, ...]
    """Empty for PUBLIC, which is every role."""

    @property
    def sentence(self) -> str:
        roles = f"role {some_of(map(identifier, self.roles))}" if self.roles else "every role"
        return f"{roles} may create objects in {identifier(self.schema)}"

    @property
    def revoke(self) -> str:
        roles = ", ".join(map(identifier, self.roles)) or "PUBLIC"
        return f"REVOKE CREATE ON SCHEMA {identifier(self.schema)} FROM {roles};"


async def find_creators(reader: Reader) -> list[SchemaCreators]:
    """The schemas in this role's search path in which other roles may create objects."""
    found = dict[str, list[str]]()
    for schema, role in await reader.rows(fill("recovery/functions/creators")):
        found.setdefault(schema, []).extend([role] if role is not None else [])
    return [SchemaCreators(schema, tuple(roles)) for schema, roles in found.items()]
