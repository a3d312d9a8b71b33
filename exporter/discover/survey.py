"""Surveys a database: reads, cheap to dear, and judges every table that may hold sessions."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from exporter.discover.facts import ServerFacts, TableFacts
from exporter.discover.judgement import lookalikes
from exporter.discover.judgement.draft.access import unseen
from exporter.discover.judgement.draft.known import declare_known
from exporter.discover.judgement.judge import judge
from exporter.discover.judgement.surveyed_table import SurveyedTable, may_hold_sessions
from exporter.discover.known import find_application
from exporter.discover.names import source_names
from exporter.discover.proposal import LeftOut, SourceProposal, Survey
from exporter.discover.reading.catalog import complete, read_server, read_tables
from exporter.discover.reading.sample import RowSample, read_sample
from exporter.discover.reading.statements import UpdateStatement, read_updates
from exporter.discover.reading.statistics import read_statistics
from exporter.discover.roles.roles import roles_of
from exporter.discover.sql_text import table_sql
from exporter.errors import SourceError
from exporter.postgres import Database
from exporter.postgres.connections.address.hop import is_behind_pooler

#: In seconds, of each statement.
TIMEOUT = 2.0

#: Tables that are looked at closely; of a database with more, the largest.
MOST_TABLES = 200

#: Copies of a table in more schemas than this are one kind of tenants: one is declared.
MOST_COPIES = 5

#: The tables of frameworks that write timestamps without zone in UTC.
_FRAMEWORKS = {
    "ar_internal_metadata": "Active Record",
    "_prisma_migrations": "Prisma",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at."""

    schemas: Collection[str] = ()
    tables: Collection[str] = ()
    """Names, with or without a schema; empty: all."""
    reads_data: bool = True

    def has(self, table: TableFacts) -> bool:
        names = {table.name, f"{table.schema}.{table.name}", table_sql(table.schema, table.name)}
        is_in_schema = not self.schemas or table.schema in self.schemas
        return is_in_schema and (not self.tables or bool(names & set(self.tables)))


class Surveyor:
    """Looks at one database, read-only."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._reader = database.reader("init", timeout=TIMEOUT)
        self._scope = scope
        #: All that there are, by their oid.
        self._tables: dict[int, TableFacts] = {}
        #: By schema, what is known to write UTC there.
        self._frameworks: dict[str, str] = {}
        #: The tables of known applications that are no sources, and whose they are.
        self._covered: dict[tuple[str, str], str] = {}
        self._unseen: list[str] = []
        self._updates: list[UpdateStatement] = []
        self.table_count: int | None = None
        """Of tables that are looked at closely; None until the catalog has been read."""
        self.tables_done = 0

    async def survey(self) -> Survey:
        """Raises SourceError."""
        server = await read_server(self._reader)
        is_pooled = is_behind_pooler(
            (each.pgconn for each in self._database.pool.idle), server.backend_pid
        )
        server = replace(server, is_pooled=is_pooled)
        tables = await read_tables(self._reader)
        self._tables = {each.oid: each for each in tables}
        chosen, copies = _without_copies(filter(self._is_wanted, tables))
        if len(chosen) > MOST_TABLES:
            self._unseen.append(
                f"{len(chosen)} tables may hold sessions; only {MOST_TABLES} were looked at: name "
                "others with --table or --schema"
            )
            chosen = sorted(chosen, key=lambda each: -each.rows)[:MOST_TABLES]
        unnamed = [each for each in chosen if not each.can_be_named]
        locked = await complete(self._reader, [each for each in chosen if each.can_be_named])
        self._unseen += [
            f"{table_sql(each.schema, each.name)}: another transaction held a lock on it; run init "
            "again for this table"
            for each in locked
        ]
        skipped = {each.oid for each in (*unnamed, *locked)}
        chosen = [each for each in chosen if each.oid not in skipped]
        await read_statistics(self._reader, chosen, _columns_with_roles(chosen))
        self._updates = await read_updates(self._reader, server, chosen)
        self._unseen += unseen(server, chosen)
        survey = Survey(
            server, len(tables), [], [], self._unseen, reads_data=self._scope.reads_data
        )
        survey.left_out += [
            LeftOut(
                table_sql(each.schema, each.name),
                "a name in it has a control character, which no config file can hold",
            )
            for each in unnamed
        ]
        for table in chosen:
            application = find_application(table.name, table.columns)
            if application is not None:
                owner = f"{application.name}, whose sessions are above"
                self._covered |= {(table.schema, each): owner for each in application.covers}
        names = source_names(chosen)
        self.table_count = len(chosen)
        for table in sorted(chosen, key=lambda each: (each.schema, each.name)):
            found = await self._judge(table, names[table.oid], server)
            self.tables_done += 1
            if isinstance(found, LeftOut):
                survey.left_out.append(found)
            else:
                if table.oid in copies:
                    found.remarks.append(
                        f"{copies[table.oid]} more schemas have this table: a source for each."
                    )
                survey.sources.append(found)
        return survey

    def _is_wanted(self, table: TableFacts) -> bool:
        if table.name in _FRAMEWORKS:
            self._frameworks[table.schema] = _FRAMEWORKS[table.name]
        is_known = find_application(table.name, table.columns) is not None
        return self._scope.has(table) and (is_known or may_hold_sessions(table))

    async def _judge(
        self, table: TableFacts, name: str, server: ServerFacts
    ) -> SourceProposal | LeftOut:
        application = find_application(table.name, table.columns)
        if application is not None:
            return declare_known(table, name, application)
        if (owner := self._covered.get((table.schema, table.name))) is not None:
            return LeftOut(table_sql(table.schema, table.name), f"it belongs to {owner}")
        sample = RowSample(now=server.now)
        roles = roles_of(table)
        against = lookalikes.by_names(table, roles)
        if self._scope.reads_data and (against is None or against.is_weak) and table.is_usable:
            try:
                sample = await read_sample(self._reader, table, roles)
            except SourceError as error:
                self._unseen.append(f"{table_sql(table.schema, table.name)}: {error}")
        surveyed = SurveyedTable.of(table, sample)
        surveyed.updates = [each for each in self._updates if each.is_of(table)]
        writes_utc = self._frameworks.get(table.schema)
        return judge(surveyed, name, server, frameworks=writes_utc, tables=self._tables)


def _columns_with_roles(tables: Iterable[TableFacts]) -> set[str]:
    return {
        column.name for table in tables for found in roles_of(table).values() for column in found
    }


def _without_copies(tables: Iterable[TableFacts]) -> tuple[list[TableFacts], dict[int, int]]:
    """One of each table that many schemas have, the largest, and how many more there are."""
    groups = defaultdict(list)
    for table in tables:
        groups[table.signature()].append(table)
    chosen, copies = list[TableFacts](), dict[int, int]()
    for group in groups.values():
        if len(group) <= MOST_COPIES:
            chosen += group
            continue
        largest = max(group, key=lambda each: each.rows)
        chosen.append(largest)
        copies[largest.oid] = len(group) - 1
    return chosen, copies
