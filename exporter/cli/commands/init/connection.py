"""Where `init` connects to: the argument, a variable, libpq's environment, or a question."""

import getpass
import os
import re
import sys
from typing import NamedTuple

from exporter.config import DatabaseSettings
from exporter.config.fields.connection_string import as_libpq
from exporter.errors import UsageError
from exporter.postgres import dsn_problem

#: Variables by which libpq knows a server or a database.
_LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")

#: In seconds: `init` waits for no table.
_TIMEOUT, _LOCK_TIMEOUT = 2.0, 0.25


#: The name of the database in the file.
LABEL = "app"


class FoundDatabase(NamedTuple):
    """A connection string, and how the file names it."""

    dsn: str
    variable: str
    is_exported: bool
    """Whether the variable is set to it already."""
    is_of_libpq: bool = False
    """Whether libpq's own variables say where the database is."""

    @property
    def settings(self) -> DatabaseSettings:
        return DatabaseSettings.model_validate(
            {
                "name": LABEL,
                "dsn": self.dsn,
                "statement_timeout": f"{_TIMEOUT:.0f}s",
                "lock_timeout": f"{_LOCK_TIMEOUT * 1000:.0f}ms",
            },
            by_name=False,
        )


def parse_variable(name: str) -> str:
    """The name of a variable; raises UsageError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise UsageError(
            f"--database-url-variable: expected a name such as DATABASE_URL, got {name!a}"
        )
    return name


def find_connection(given: str | None, variable: str) -> FoundDatabase:
    """Raises UsageError if no connection string is given, and there is no terminal to ask on."""
    environment = os.environ.get(variable)
    if given is not None:
        return FoundDatabase(_valid(given, "DSN"), variable, is_exported=given == environment)
    if environment:
        return FoundDatabase(_valid(environment, f"${variable}"), variable, is_exported=True)
    if any(os.environ.get(each) for each in _LIBPQ):
        return FoundDatabase("", variable, is_exported=False, is_of_libpq=True)
    if not sys.stdin.isatty():
        raise UsageError(
            f"which database? Give a connection string such as postgresql://user@host/name, or set "
            f"{variable}, or PGHOST, PGDATABASE and PGUSER"
        )
    # It may hold a password, which no terminal should show.
    answer = getpass.getpass("Connection string, such as postgresql://user@host/name (not shown): ")
    return FoundDatabase(_valid(answer.strip(), "the answer"), variable, is_exported=False)


def _valid(dsn: str, name: str) -> str:
    text = as_libpq(dsn)
    if not text.strip():
        raise UsageError(f"{name}: expected a connection string, got nothing")
    if problem := dsn_problem(text):
        raise UsageError(f"{name}: {problem}")
    return text
