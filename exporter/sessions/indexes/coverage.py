"""Whether a collector has a usable index for the rows that it has to find."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from exporter.config.fields.sql_lexer import Token
from exporter.postgres import Lookup, Reader, Result, Row
from exporter.queries import fill, join_lines, literal
from exporter.sessions import SessionTable, interval
from exporter.sessions.sql_names import code

Plan = Mapping[str, Any]

#: Parts of a condition without its alias. An index and a condition differ in parentheses.
_PUNCTUATION = {".", "(", ")"}

#: Children of a scan that are not parts of its own index lookup.
_SUBQUERIES = frozenset({"SubPlan", "InitPlan"})


class _Use(NamedTuple):
    """The use of an index by a scan: its schema and name, and the lookup condition."""

    name: tuple[str, str]
    condition: list[Token]


#: For each collector the scans of its plan, and for each scan the indexes that it uses.
Uses = Mapping[str, list[list[_Use]]]


async def missing(reader: Reader, table: SessionTable) -> dict[str, bool]:
    """For each collector whether no index serves it. Raises SourceError."""
    uses = uses_in(table, await reader.read(*plan_statements(table)))
    used = used_statement(uses)
    return missing_among(table, uses, await reader.rows(used) if used else [])


def plan_statements(table: SessionTable) -> list[str]:
    """The statements of the first read; they discourage sequential scans, so they come last.

    On a small table the planner would prefer a sequential scan whatever indexes exist.
    """
    discourage = "SELECT pg_catalog.set_config('enable_seqscan', 'off', true)"
    searches = _searches(table).values()
    return [discourage, *(fill("catalog/explain", statement=search) for search in searches)]


def uses_in(table: SessionTable, results: Sequence[Result]) -> Uses:
    """The use of indexes by the planner, from the results of the first read."""
    _, *plans = results
    return {
        collector: list(_scans(plan.rows[0][0][0]["Plan"], table))
        for collector, plan in zip(_searches(table), plans, strict=True)
    }


def used_statement(uses: Uses) -> Lookup | None:
    """The statement of the second read; None where no index is used."""
    names = {use.name for scans in uses.values() for use in chain(*scans)}
    return Lookup(_used_query, tuple(sorted(names))) if names else None


def _used_query(used: Sequence[Sequence[tuple[str, str]]]) -> str:
    """The statement that looks up the indexes which several tables use."""
    names = [
        f"({number}, {literal(schema)}::name, {literal(name)}::name)"
        for number, names in enumerate(used)
        for schema, name in names
    ]
    return fill("indexes/used", names=join_lines(names))


def missing_among(table: SessionTable, uses: Uses, rows: Iterable[Row]) -> dict[str, bool]:
    """For each collector whether no index serves it, from the rows of the second read."""
    known = {(schema, name): facts for _, schema, name, *facts in rows}

    def serves(use: _Use, collector: str) -> bool:
        return use.name in known and _serves(table, collector, use.condition, *known[use.name])

    return {
        collector: not all(any(serves(use, collector) for use in scan) for scan in scans)
        for collector, scans in uses.items()
    }


def _serves(
    table: SessionTable, collector: str, condition: list[Token], first: str, predicate: str | None
) -> bool:
    """An index serves if it is one of the active rows, or if its first column is looked up.

    A plan can show an index scan that reads the whole index: it does not count, nor does a scan by
    a condition that every row of the source satisfies. For the tables of a view the columns are
    unknown.
    """
    is_active = collector == "active"
    deciding = table.expressions.get(table.deciding_key or "", "")
    wanted = _columns(table, deciding if is_active else table.started_at.raw)

    def holds_wanted(held: str) -> bool:
        return table.relation.kind == "view" or not wanted.isdisjoint(_columns(table, held))

    if is_active and predicate is not None and holds_wanted(predicate):
        return True
    return holds_wanted(first) and _looks_up(condition, first)


def _columns(table: SessionTable, text: str) -> set[str]:
    """The columns that an expression reads, and those from which generated ones are computed."""
    found = table.relation.columns_in([text])
    return {*found, *(each for n in found for each in table.relation.columns[n].generated_from)}


def _searches(table: SessionTable) -> dict[str, str]:
    """For each collector that reads rows, a query for the rows that it must find quickly."""
    # If every row is active, no index is needed.
    rows = {} if table.deciding_key is None else {"active": table.rows}
    if table.source.daily is not None:
        today = table.started_at.from_(f"(pg_catalog.now() - {interval(86400)})")
        rows["daily"] = f"{table.exists} AND {today}"
    start = f"({table.started_at.raw})"
    return {
        collector: table.statement("indexes/search", start=start, rows=found)
        for collector, found in rows.items()
    }


def _scans(plan: Plan, table: SessionTable) -> Iterator[list[_Use]]:
    """For each scan of the table or a partition of it, how it uses indexes, if any.

    The alias of our table is s, and s_1, s_2, … for its partitions; below a view every scan counts.
    """
    alias = plan.get("Alias", "")
    is_ours = re.fullmatch(r"s(_\d+)?", alias) or table.relation.kind == "view"
    if "Relation Name" in plan and is_ours:
        yield [
            # An index is in the schema of its table. Conditions name columns as alias.column.
            _Use(
                (plan["Schema"], node["Index Name"]),
                [each for each in code(node.get("Index Cond", "")) if each.value != alias],
            )
            for node in _nodes_with("Index Name", plan, without=_SUBQUERIES)
        ]
    else:
        for child in plan.get("Plans", []):
            yield from _scans(child, table)


def relations(plan: Plan) -> Iterator[tuple[str, str]]:
    """Schema and name of every relation in a plan that EXPLAIN (VERBOSE) gave."""
    for node in _nodes_with("Relation Name", plan):
        yield node["Schema"], node["Relation Name"]


def _nodes_with(key: str, plan: Plan, *, without: frozenset[str] = frozenset()) -> Iterator[Plan]:
    """The nodes that have a key, but for those `without` is the relationship to their parent."""
    if key in plan:
        yield plan
    for child in plan.get("Plans", []):
        if child.get("Parent Relationship") not in without:
            yield from _nodes_with(key, child, without=without)


def _looks_up(condition: list[Token], first: str) -> bool:
    """Whether a condition compares the first column of an index; every row may have a value."""
    column = [token.text for token in code(first) if token.text not in _PUNCTUATION]
    found = [token.text for token in condition if token.text not in _PUNCTUATION]
    size = len(column)
    return any(
        found[n : n + size] == column and found[n + size : n + size + 3] != ["IS", "NOT", "NULL"]
        for n in range(len(found) - size + 1 if column else 0)
    )
