"""Session tables and look-alikes of real applications, each with the answers that are right.

A file in `open` or `set_aside` is one application: its tables written anew from public sources,
and rows in the proportions that such tables have. Who works on `init` reads the open half only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase

FOLDER = Path(__file__).parent

#: Where a case needs no rows that are made.
FEW = {"ended": 1, "live": 0, "lost": 0, "median": "1 min", "heartbeat": "1 min"}


@dataclass(frozen=True)
class Case:
    """One application: its tables with rows, and which of them are session tables."""

    name: str
    application: str
    schema: str
    """SQL that creates the tables and fills them, from a table `made` of sessions."""
    rows: Mapping[str, Any] = field(default_factory=lambda: FEW)
    schemas: tuple[str, ...] = ()
    """Where the tables are, the same in each; by default in a schema of the case's name."""
    sessions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By relation: for each key of a source the values that are right, null where it may be
    missing; `above`, which every threshold has to exceed; `optional`, if it need not be found."""
    look_alikes: Mapping[str, str] = field(default_factory=dict)
    """By relation: what it is instead."""

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The schemas that have the tables."""
        return self.schemas or (self.name,)


def read_cases(half: str) -> list[Case]:
    """The cases of `open` or `set_aside`."""
    paths = sorted(FOLDER.joinpath(half).glob("*/*.yaml"))
    found = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}
    return [Case(name=name, **data) for name, data in found.items()]


def load_cases(database: EmbeddedDatabase, cases: Iterable[Case]) -> None:
    """Create the tables of all cases with their rows, and their statistics."""
    made = FOLDER.joinpath("made.sql").read_text(encoding="utf-8")
    with database.connect() as connection:
        connection.execute(made.encode())
        for case in cases:
            for schema in case.places:
                name = sql.Identifier(schema)
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
                connection.execute(sql.SQL("SET search_path TO {}, public").format(name))
                connection.execute(
                    "CREATE TEMPORARY TABLE made AS SELECT * FROM pg_temp.made(%(ended)s, %(live)s,"
                    " %(lost)s, %(median)s::interval, %(heartbeat)s::interval)",
                    case.rows,
                )
                connection.execute(case.schema.encode())
                connection.execute("DROP TABLE pg_temp.made")
        connection.execute("ANALYZE")
