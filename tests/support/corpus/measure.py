"""Compares what `init` proposes with what is right: each live line, and what was not found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from exporter.config import parse_duration
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.corpus.cases import Case

#: Keys whose values are compared. What others mean follows from these, or from the application.
TIMES = ("started_at", "ended_at", "last_seen_at")
COMPARED = ("active", *TIMES, "timestamps_in", "id", "owner")


@dataclass
class Findings:
    """What was compared."""

    wrong: list[str] = field(default_factory=list)
    """Live lines that are wrong, and live sources that are none."""
    missed: list[str] = field(default_factory=list)
    """Session tables of which something is neither live nor asked."""
    tables: int = 0
    """How many session tables there are."""

    @property
    def recall(self) -> float:
        """The share of the session tables of which everything is live or asked."""
        return 1 - len(self.missed) / self.tables


@dataclass(frozen=True)
class Table:
    """A session table in the database, in which values of a config are compared row by row."""

    connection: psycopg.Connection[Any]
    schema: str
    name: str
    columns: frozenset[str]

    def same(self, key: str, given: object, right: object) -> bool:
        """Whether two values of a key mean the same for every row."""
        match given, right:
            case _ if given == right:
                return True
            case dict(), dict():
                column = given["column"], right["column"]
                return given.get("epoch") == right.get("epoch") and self.same(key, *column)
            case str() | list() | bool(), str() | list() | bool() if key == "id":
                return self._id(given) == self._id(right)
            case str() | bool(), str() | bool() if key != "timestamps_in":
                return self._equal(key, str(given), str(right))
        return False

    def _id(self, value: object) -> list[str]:
        return sorted(map(self._sql, value if isinstance(value, list) else [value]))

    def _equal(self, key: str, given: str, right: str) -> bool:
        one, other = (
            f"coalesce(({self._sql(each)}), false)"
            if key == "active"
            else f"nullif(({self._sql(each)})::text, '0')"
            for each in (given, right)
        )
        query = sql.SQL("SELECT count(*) FROM {} AS s WHERE ").format(
            sql.Identifier(self.schema, self.name)
        )
        text = query.as_string(self.connection) + f"({one}) IS DISTINCT FROM ({other})"
        (different,) = self.connection.execute(text.encode()).fetchone() or (None,)
        return different == 0

    def _sql(self, value: object) -> str:
        """A value as SQL: a single word is a column, in its own or in lower case."""
        text = str(value).strip().removeprefix("s.")
        for word in (text, text.lower(), text.removeprefix('"').removesuffix('"')):
            if word in self.columns:
                return sql.Identifier("s", word).as_string(self.connection)
        return str(value)


def measure(
    database: EmbeddedDatabase, proposal: Mapping[str, Any], cases: Iterable[Case]
) -> Findings:
    """Compare the JSON that `init` prints with the answers of the cases in the database."""
    findings = Findings()
    proposed = {(each["schema"], each["relation"]): each for each in proposal["sources"]}
    expected = {
        (schema, relation): (case, right)
        for case in cases
        for schema in case.places
        for relation, right in case.sessions.items()
    }
    for place, source in proposed.items():
        if place not in expected and source["status"] == "live":
            findings.wrong.append(f"{'.'.join(place)} is no session table")
    with database.connect() as connection:
        for (schema, relation), (_, right) in expected.items():
            findings.tables += not right.get("optional")
            found = proposed.get((schema, relation))
            if found is None:
                if not right.get("optional"):
                    findings.missed.append(f"{schema}.{relation} was not found")
                continue
            table = Table(connection, schema, relation, _columns(connection, schema, relation))
            findings.wrong += _wrong_lines(table, found, right)
            if unknown := _unknown(found, right):
                findings.missed.append(f"{schema}.{relation}: {', '.join(unknown)}")
    return findings


def _columns(connection: psycopg.Connection[Any], schema: str, relation: str) -> frozenset[str]:
    query = (
        "SELECT attname FROM pg_attribute WHERE attnum > 0"
        " AND attrelid = format('%%I.%%I', %s::text, %s::text)::regclass"
    )
    return frozenset(name for (name,) in connection.execute(query, (schema, relation)))


def _wrong_lines(table: Table, found: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[str]:
    if found["status"] != "live":
        return
    settings = found["settings"]
    for key in COMPARED:
        value = settings.get(key)
        if isinstance(value, dict) and "of" in value:
            value = value["of"]
        if value is None or key not in right:
            continue
        if not any(table.same(key, value, each) for each in right[key]):
            yield f"{table.schema}.{table.name}: {key}: {value!r}, right is {right[key]}"
    threshold, above = settings.get("orphaned_after"), right["above"]
    if isinstance(threshold, str) and parse_duration(threshold) <= parse_duration(above):
        yield f"{table.schema}.{table.name}: orphaned_after: {threshold} is not above {above}"


def _unknown(found: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """The keys that the table needs, and that are neither live nor asked."""
    if found["status"] != "live":
        return []
    known = {key for key, value in found["settings"].items() if value is not None}
    known |= {*found["suggestions"], *(each["key"] for each in found["questions"])}
    return [key for key in ("active", *TIMES) if None not in right[key] and key not in known]
