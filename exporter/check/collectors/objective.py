"""Whether enough sessions start for the objective of a source to say anything."""

from collections.abc import AsyncIterator, Iterator

from exporter.check.findings import Finding, FindingWriter
from exporter.collection.daily import calendar_days
from exporter.config import Config
from exporter.config.source import settled_days_ago
from exporter.postgres import Reader
from exporter.sessions import SessionTable

#: The days over which the share of lost sessions is taken.
DAYS = 28

#: So many sessions may be lost in these days, or a single one decides about most of the budget.
FEWEST_LOSSES = 4


def objective_remarks(config: Config) -> Iterator[str]:
    """How many sessions each objective needs, which takes no database."""
    for source in config.sources.values():
        if source.objective is not None:
            needs = needs_of(source.objective)
            yield f"sources.{source.name}: {needs}; `check --live` counts them"


def sessions_needed(objective: float) -> int:
    """How many sessions have to start in DAYS days."""
    return round(FEWEST_LOSSES / (1 - objective))


def needs_of(objective: float) -> str:
    """The same in a sentence."""
    needed = sessions_needed(objective)
    return f"objective {objective * 100:g} % needs about {needed} sessions in {DAYS} days"


async def check_objective(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """One finding for a source with an objective. Raises SourceError.

    The days end with the last whose sessions can no longer become orphaned, as in the rules.
    """
    source = table.source
    if source.objective is None:
        return
    settled = settled_days_ago(source.orphaned_after)
    listed = await reader.rows(calendar_days.days_query(table, days=DAYS + settled))
    days = calendar_days.days_from(listed)[:DAYS]
    started = calendar_days.started_within(table, days)
    needed = sessions_needed(source.objective)
    count = await reader.value(
        table.statement("collection/daily/started", started=started, most=str(needed))
    )
    if count < needed:
        text = f"{needs_of(source.objective)}; you have {count}"
        yield findings.warning("objective", text)
    else:
        yield findings.ok("objective", f"{needs_of(source.objective)}, and has them")
