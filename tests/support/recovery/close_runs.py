"""Candidates of recovery, and runs that close them by statements."""

from collections.abc import Sequence

from exporter.postgres import Reader, Writer
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Candidate, Outcome, find_candidates
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions
from exporter.recovery.status import Trigger


async def all_candidates(
    reader: Reader,
    rule: Rule,
    *,
    with_backlog: bool = False,
    selection: Selection | None = None,
) -> list[Candidate]:
    """Return all pages of `find_candidates` in one list."""
    selection = selection or orphaned_sessions(rule, with_backlog=with_backlog)
    return [each async for page in find_candidates(reader, selection) for each in page]


async def close_found(
    writer: Writer,
    rule: Rule,
    found: Sequence[Candidate],
    *,
    trigger: Trigger = "manual",
    with_backlog: bool = False,
    selection: Selection | None = None,
    batch: int = 50,
) -> Outcome:
    """Close these candidates in one run, if they are orphaned, or in the selection, still."""
    selection = selection or orphaned_sessions(rule, with_backlog=with_backlog)
    closer = StatementCloser(writer, trigger, selection)
    return await CloseRun(closer, batch, pause=0).close(found)
