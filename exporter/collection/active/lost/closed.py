"""Sessions that recovery closed before a collection counted them as lost, by its audit."""

from exporter.collection.active.lost import statement
from exporter.queries import fill, literal
from exporter.sessions import STATEMENT_TIME, SessionTable, interval
from exporter.sessions.orphaned import causes

#: The cell of the row that counts them: no active session has it.
CELL = -1

#: The threshold of the row, where each has its own.
_OWN = "(a.evidence ->> 'orphaned_after_seconds'::text)::float8"


def is_audited(table: SessionTable) -> bool:
    """Whether recovery may close sessions of the source."""
    return table.source.recovery.is_declared


def closed_losses(table: SessionTable, *, measures: int) -> str:
    """What follows the statement that counts active rows with so many measures.

    A session that was closed without being orphaned, as where its server stops, is not lost.
    """
    source = table.source
    after = f"{_OWN} * interval '1 second'"
    if source.fixed_threshold is not None:
        after = interval(source.fixed_threshold)
    key = "a.session[1]" if len(table.id) == 1 else "pg_catalog.to_jsonb(a.session)::text"
    return "\n" + fill(
        "collection/closed_losses",
        now=STATEMENT_TIME.now,
        lost=_is_lost(table),
        nothing=", ".join(["NULL"] * measures),
        id=key,
        after=after,
        source=literal(source.name),
        begin=statement.BEGIN,
    )


def _is_lost(table: SessionTable) -> str:
    end = STATEMENT_TIME.ago(table.source.future_tolerance)
    by_age = f"orphaned_at >= {statement.BEGIN} AND orphaned_at < {end} AND orphaned_at < closed_at"
    if not table.source.has_evidence:
        return by_age
    # What was active at the collection before, and counted by then, is known by its owner or id.
    # What a list calls stale is left out: the audit does not have the times of the list.
    since = f"{statement.BEGIN} + {interval(table.source.future_tolerance)}"
    by_evidence = f"closed_at > {since} AND (orphaned_at < {statement.BEGIN}) IS NOT TRUE"
    whens = f"WHEN cause IN ('ownerless', 'ghost') THEN {by_evidence}"
    crossed = f"CASE {whens} WHEN cause = 'stale_in_list' THEN false ELSE {by_age} END"
    counted = []
    if table.source.owners_name is not None:
        counted.append(causes.is_in(statement.COUNTED_OWNERS, "lost_owner"))
    if table.source.list is not None:
        counted.append(causes.is_in(statement.COUNTED_GHOSTS, "lost_id"))
    return " AND ".join([crossed, *(f"{each} IS NOT TRUE" for each in counted)])
