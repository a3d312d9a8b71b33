"""SQL for a DBA: indexes, and a role with its rights."""

from collections.abc import Iterable, Sequence

from exporter.config import Source
from exporter.queries import identifier
from exporter.sessions.indexes.proposals import Proposal


def proposals_sql(source: Source, database: str, proposed: Sequence[Proposal]) -> str:
    """The indexes that a source wants, as SQL with comments."""
    lines = []
    for each in proposed:
        state = "is served by an index already" if each.is_served else "has no index that serves it"
        lines.append(f"-- {source.name} ({database}): collector {each.collector} {state}.")
        if each.remark:
            lines += [f"-- {line}" for line in f"{each.remark}.".splitlines()]
        for command in each.commands:
            # A name may hold any line break, and psql ends a comment at each.
            commented = [f"-- {line}" for line in command.splitlines()]
            lines += commented if each.is_served else [command]
    return "\n".join(lines)


def role_sql(
    name: str,
    granted: Iterable[tuple[str, str, list[str]]],
    *,
    may: str = "read what session-exporter needs",
) -> str:
    """A role and its rights by database (config name, real name, grants), as SQL with comments."""
    lines = [
        f"-- A role that may {may}, and nothing else.",
        f"CREATE ROLE {name} LOGIN;",
        f"-- Give it a password in psql: \\password {name}",
    ]
    statements: dict[str, dict[str, None]] = {}
    for database, real_name, grants in granted:
        connect = f"GRANT CONNECT ON DATABASE {identifier(real_name)} TO {name};"
        statements.setdefault(database, {}).update(dict.fromkeys([connect, *grants]))
    for database, wanted in statements.items():
        lines += [f"\n-- In database {database}:", *wanted]
    return "\n".join(lines)
