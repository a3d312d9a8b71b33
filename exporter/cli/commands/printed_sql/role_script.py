"""Roles and their rights as a script for psql: the output of `sql role`."""

import re
from collections.abc import Iterable, Sequence

from exporter.queries import fill, identifier
from exporter.sessions import grants
from exporter.text import printable

#: The name of a database in the config, its real name or "" if unknown, and commands that
#: change rights in it, with comments.
Granted = tuple[str, str, list[str]]


def role_sql(
    name: str,
    granted: Sequence[Granted],
    *,
    may: str = "read what session-exporter needs",
    is_one_of_several: bool = False,
) -> str:
    """A role and its rights by database, as SQL with comments.

    `is_one_of_several` says that the script is also about other databases than these.
    """
    lines = [
        f"-- A role that may {may}, and nothing else.",
        fill("roles/printed/create_role", role=name, login="LOGIN"),
        f"-- Give it a password in psql: \\password {name}",
    ]
    return "\n".join([*lines, *_by_database(name, granted, is_one_of_several)])


def operator_sql(recovered: Iterable[Granted], *, is_one_of_several: bool = False) -> str:
    """The role of persons in the databases with recovery, as SQL with comments."""
    name = grants.OPERATOR_ROLE
    lines = [
        "-- A role of persons, its members: besides what the role for recovery may do, they end",
        "-- stops and pauses (session-exporter resume). The exporter itself must not be a member.",
        fill("roles/printed/create_role", role=name, login="NOLOGIN"),
        f"GRANT {grants.RECOVERY_ROLE} TO {name};",
        f"-- For each person, who needs a login of their own: GRANT {name} TO alice;",
    ]
    granted = [(database, real, grants.operator_grants()) for database, real, _ in recovered]
    return "\n".join([*lines, *_by_database(name, granted, is_one_of_several)])


def missing_sql(
    name: str, login: str, granted: Sequence[Granted], *, is_there: bool, is_one_of_several: bool
) -> str:
    """The missing rights of a role by database; also the role itself, if it does not exist."""
    lines = [f"-- What role {name} lacks:"]
    lines += [] if is_there else [fill("roles/printed/create_role", role=name, login=login)]
    return "\n".join([*lines, *_in_databases(granted, is_one_of_several)])


def connect(real_name: str) -> str:
    r"""A script for one database goes through any client; more take psql, and its \connect.

    It takes a name with these characters for a connection string.
    """
    if not re.search(r"=|^postgres(ql)?://", real_name):
        return f"\\connect {identifier(real_name)}"
    escaped = re.sub(r"(['\\])", r"\\\1", real_name)
    connection_string = f"dbname='{escaped}'"
    return f"\\connect -reuse-previous=on {identifier(connection_string)}"


def grant_connect(real_name: str, role: str) -> str:
    """The command that lets a role connect to a database."""
    return f"GRANT CONNECT ON DATABASE {identifier(real_name)} TO {role};"


def _by_database(name: str, granted: Iterable[Granted], is_one_of_several: bool) -> list[str]:
    return _in_databases(
        [(database, real, _with_connect(name, real, rights)) for database, real, rights in granted],
        is_one_of_several,
    )


def _with_connect(name: str, real_name: str, rights: list[str]) -> list[str]:
    if rights and all(each.startswith(("REVOKE ", "--")) for each in rights):
        return rights
    if not real_name:
        return ["-- The connection string names no database: GRANT CONNECT is left out.", *rights]
    return [grant_connect(real_name, name), *rights]


def _in_databases(granted: Iterable[Granted], is_one_of_several: bool) -> list[str]:
    """The commands in each database, in one transaction: no exporter lacks any while it is run."""
    lines = list[str]()
    statements: dict[tuple[str, str], dict[str, None]] = {}
    for database, real_name, commands in granted:
        statements.setdefault((database, real_name), {}).update(dict.fromkeys(commands))
    for (database, real_name), wanted in statements.items():
        is_named = real_name and (is_one_of_several or len(statements) > 1)
        change = [connect(real_name)] if is_named else []
        place = f"\n-- In database {printable(database)}:"
        lines += [place, *change, "BEGIN;", *wanted, "COMMIT;"]
    return lines
