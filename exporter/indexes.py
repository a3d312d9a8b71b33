"""Whether an index serves what a collector has to find."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from exporter.queries import fill, literal
from exporter.relation import Reads
from exporter.sessions import SessionTable, interval

Plan = Mapping[str, Any]


async def missing(reader: Reads, table: SessionTable) -> dict[str, bool]:
    """For each collector whether no index serves it, planned with sequential scans discouraged.

    On a small table the planner would prefer a sequential scan whatever indexes exist.
    """
    searches = _searches(table)
    discourage = "SELECT set_config('enable_seqscan', 'off', true)"
    explains = [fill("explain", statement=search) for search in searches.values()]
    _, *plans = await reader.read(discourage, *explains)
    scans = {
        collector: list(_scans(plan.rows[0][0][0]["Plan"], table))
        for collector, plan in zip(searches, plans, strict=True)
    }
    names = {node["Index Name"] for each in scans.values() for scan in each for node in scan}
    indexes: dict[str, tuple[bool, str]] = {}
    if names:
        listed = ", ".join(literal(name) for name in sorted(names))
        (result,) = await reader.read(fill("indexes", names=listed))
        indexes = {name: (is_partial, first) for name, is_partial, first in result.rows}
    return {
        collector: not all(any(_serves(node, indexes) for node in scan) for scan in each)
        for collector, each in scans.items()
    }


def _searches(table: SessionTable) -> dict[str, str]:
    """For each collector that reads rows, a query for the rows that it must find quickly."""

    def search(rows: str) -> str:
        return fill("rows", start=f"({table.started_at.raw})", table=table.table, rows=rows)

    searches = {"active": search(table.rows)}
    if table.source.daily is not None:
        today = table.started_at.from_(f"(now() - {interval(86400)})")
        searches["daily"] = search(f"{table.exists} AND {today}")
    return searches


def _scans(plan: Plan, table: SessionTable) -> Iterator[list[Plan]]:
    """For each scan of the table or a partition of it, the index nodes that it uses, if any.

    The alias of our table is s, and s_1, s_2, … for its partitions; below a view every scan counts.
    """
    is_ours = re.fullmatch(r"s(_\d+)?", plan.get("Alias", "")) or table.relation.kind == "view"
    if "Relation Name" in plan and is_ours:
        yield list(_index_nodes(plan))
    else:
        for child in plan.get("Plans", []):
            yield from _scans(child, table)


def _index_nodes(plan: Plan) -> Iterator[Plan]:
    if "Index Name" in plan:
        yield plan
    for child in plan.get("Plans", []):
        yield from _index_nodes(child)


def _serves(node: Plan, indexes: Mapping[str, tuple[bool, str]]) -> bool:
    """An index serves if it is partial, or if its first column is in the index condition.

    A plan can show an index scan that reads the whole index: that one does not count.
    """
    is_partial, first = indexes.get(node["Index Name"], (False, ""))
    return is_partial or (bool(first) and first in node.get("Index Cond", ""))
