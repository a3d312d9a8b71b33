"""Whether an index serves what a collector has to find."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from exporter.config.fields.sql_lexer import Token
from exporter.postgres import Reader, Result, Row
from exporter.queries import fill, literal
from exporter.sessions import SessionTable, interval
from exporter.sessions.sql_names import code

Plan = Mapping[str, Any]
_Name = tuple[str, str]

#: Of a condition, after its alias was dropped. An index writes other parentheses than a condition.
_PUNCTUATION = {".", "(", ")"}

#: What a scan has below it besides the parts of its own index lookup.
_SUBQUERIES = frozenset({"SubPlan", "InitPlan"})


class _Use(NamedTuple):
    """How a scan uses one index: its schema and name, and the condition that it looks up."""

    name: _Name
    condition: list[Token]


class _Index(NamedTuple):
    """What EXPLAIN calls its first column, and its predicate if it is partial."""

    first: str
    predicate: str | None


class IndexSearch:
    """Looks up for each collector whether an index serves it, in two reads."""

    def __init__(self, table: SessionTable) -> None:
        self._table = table
        self._searches = _searches(table)

    @property
    def plans(self) -> list[str]:
        """The statements of the first read; they discourage sequential scans, so they come last.

        On a small table the planner would prefer a sequential scan whatever indexes exist.
        """
        discourage = "SELECT set_config('enable_seqscan', 'off', true)"
        searches = self._searches.values()
        return [discourage, *(fill("catalog/explain", statement=search) for search in searches)]

    def uses(self, results: Sequence[Result]) -> "IndexUses":
        """How the planner uses indexes, of the results of the first read."""
        _, *plans = results
        return IndexUses(
            self._table,
            {
                collector: list(_scans(plan.rows[0][0][0]["Plan"], self._table))
                for collector, plan in zip(self._searches, plans, strict=True)
            },
        )


class IndexUses:
    """For each collector the scans of its plan, and for each scan the indexes that it uses."""

    def __init__(self, table: SessionTable, scans: Mapping[str, list[list[_Use]]]) -> None:
        self._table = table
        self._scans = scans

    @property
    def indexes(self) -> str | None:
        """The statement of the second read; None where no index is used."""
        names = {use.name for scans in self._scans.values() for use in chain(*scans)}
        if not names:
            return None
        listed = ", ".join(
            f"({literal(schema)}, {literal(name)})" for schema, name in sorted(names)
        )
        return fill("indexes/used", names=listed)

    def missing(self, rows: Iterable[Row]) -> dict[str, bool]:
        """For each collector whether no index serves it, of the rows of the second read."""
        known = {(schema, name): _Index(*facts) for schema, name, *facts in rows}

        def serves(use: _Use, collector: str) -> bool:
            index = known.get(use.name)
            return index is not None and self._serves(use, index, is_active=collector == "active")

        return {
            collector: not all(any(serves(use, collector) for use in scan) for scan in scans)
            for collector, scans in self._scans.items()
        }

    def _serves(self, use: _Use, index: "_Index", *, is_active: bool) -> bool:
        """An index serves if it is one of the active rows, or if its first column is looked up.

        A plan can show an index scan that reads the whole index: that one does not count, nor one
        that finds only what every row of the source has.
        """
        wanted = self._table.expressions["active"] if is_active else self._table.started_at.raw
        if is_active and index.predicate is not None and self._shares(index.predicate, wanted):
            return True
        return self._shares(index.first, wanted) and _looks_up(use.condition, index.first)

    def _shares(self, held: str, wanted: str) -> bool:
        """Whether an index holds a column that is wanted; of a view's tables it is unknown."""
        if self._table.relation.kind == "view":
            return True
        return not self._columns(wanted).isdisjoint(self._columns(held))

    def _columns(self, text: str) -> set[str]:
        relation = self._table.relation
        found = relation.columns_in([text])
        return {*found, *(each for name in found for each in relation.columns[name].generated_from)}


async def missing(reader: Reader, table: SessionTable) -> dict[str, bool]:
    """For each collector whether no index serves it. Raises SourceError."""
    search = IndexSearch(table)
    uses = search.uses(await reader.read(*search.plans))
    return uses.missing(await reader.rows(uses.indexes) if uses.indexes else [])


def _searches(table: SessionTable) -> dict[str, str]:
    """For each collector that reads rows, a query for the rows that it must find quickly."""

    def search(rows: str) -> str:
        start = f"({table.started_at.raw})"
        return table.statement("indexes/search", start=start, rows=rows)

    searches = {"active": search(table.rows)}
    if table.source.daily is not None:
        today = table.started_at.from_(f"(now() - {interval(86400)})")
        searches["daily"] = search(f"{table.exists} AND {today}")
    return searches


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
