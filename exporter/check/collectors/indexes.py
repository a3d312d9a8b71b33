"""Whether collectors have usable indexes, their cost without one, and expensive indexes."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from exporter.check.findings import Finding, FindingWriter
from exporter.errors import BadData, SourceError
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.indexes import heartbeats
from exporter.sessions.indexes.proposals import Proposal, propose
from exporter.text import some_of

#: How the name of the check of each collector begins.
INDEX_CHECK = "index for"

#: Indexes that one finding names: every partition may have its own.
MOST_LISTED = 5

#: Below both of them a missing index is a remark. All of 100,000 rows takes 10 to 40 ms in memory;
#: a larger table may have to be read from disk, however fast it was this time.
FEW_ROWS, SHORT_MS = 100_000, 100.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one execution of a statement; times are milliseconds."""

    planning: float
    execution: float
    blocks: int

    def __str__(self) -> str:
        return f"took {self.planning + self.execution:.1f} ms and read {self.blocks} blocks"


#: The cost of the statement of each collector, or why it failed.
Costs = Mapping[str, Cost | SourceError]


async def measure(reader: Reader, statement: str) -> Cost:
    """Run a statement. Raises SourceError."""
    (explained,) = await reader.value(fill("check/analyze", statement=statement))
    plan = explained["Plan"]
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    return Cost(explained["Planning Time"], explained["Execution Time"], blocks)


async def check_indexes(
    reader: Reader, table: SessionTable, costs: Costs, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding for each collector that needs an index. Raises SourceError."""
    proposals = await propose(reader, table)
    is_any_missing = any(each.commands and not each.is_served for each in proposals)
    rows = await _estimate_rows(reader, table) if is_any_missing else 0
    for proposal in proposals:
        yield _index(proposal, costs[proposal.collector], rows, findings)


async def _estimate_rows(reader: Reader, table: SessionTable) -> int:
    """The planner's estimate of the rows; without statistics, from the size alone."""
    rows: float | None = await reader.value(fill("collection/size", table=literal(table.table)))
    if rows is None:
        statement = f"SELECT FROM {table.table}"
        (explained,) = await reader.value(fill("catalog/explain", statement=statement))
        rows = float(explained["Plan"]["Plan Rows"])
    return round(rows)


def _index(
    proposal: Proposal, cost: Cost | SourceError, rows: int, findings: FindingWriter
) -> Finding:
    name = f"{INDEX_CHECK} {proposal.collector}"
    if proposal.is_served:
        return findings.ok(name, f"an index serves collector {proposal.collector}")
    remark = f"; {proposal.remark}" if proposal.remark else ""
    message = f"no index serves collector {proposal.collector}"
    if not proposal.commands:
        return findings.warning(name, f"{message}{remark}")
    # No index makes the planning of many partitions faster. A value at which a statement failed is
    # reported by another finding; any other failure may be that it takes too long.
    is_short = cost.execution < SHORT_MS if isinstance(cost, Cost) else isinstance(cost, BadData)
    if is_short and rows < FEW_ROWS:
        why = f"at about {rows} rows that costs little{remark}; should the table grow"
        message = f"{message}; {why}, ask a DBA to run:"
        return findings.warning(name, message, *proposal.commands)
    return findings.failed(name, f"{message}{remark}; ask a DBA to run:", *proposal.commands)


async def check_heartbeats(reader: Reader, table: SessionTable, findings: FindingWriter) -> Finding:
    """Whether an index, also the application's own, makes heartbeats more expensive."""
    name = "indexes and signs of life"
    indexes = await heartbeats.find_indexes(reader, table)
    if not indexes:
        return findings.ok(name, "no index holds a column that changes with last_seen_at")
    return findings.warning(
        name,
        "an index holds a column that changes with last_seen_at: "
        f"{some_of(indexes, most=MOST_LISTED)}. An update of such a column is no HOT update: "
        f"it writes every index of the table. Measured with one such index: {heartbeats.COST}. "
        "Drop the index unless the application needs it; then `session-exporter sql index` prints "
        "what session-exporter needs",
    )
