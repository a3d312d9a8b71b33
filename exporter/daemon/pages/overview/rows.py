"""The details of one source: its orphans, inconsistent rows, dead owners and newest runs."""

from collections.abc import Iterable, Iterator, Mapping

from exporter.collection.active import ActiveValues
from exporter.collection.active.kept_rows import InconsistentRow
from exporter.collection.daily import DailyValues
from exporter.config import AnySource
from exporter.daemon.pages.overview.commands import make_command
from exporter.daemon.pages.overview.details import (
    InconsistentDetail,
    OrphanDetail,
    OwnerDetail,
    RunDetail,
    SourceDetails,
)
from exporter.recovery.status import Run


def source_details(
    source: AnySource,
    active: ActiveValues | None,
    daily: DailyValues | None,
    runs: Iterable[Run],
    *,
    dead_owners: Mapping[str, int],
    command_prefix: str,
) -> SourceDetails:
    """Of values that are fresh; None where none are."""
    kept = None if active is None else active.orphans
    orphans = () if active is None else tuple(_orphans(source, active))
    lists = [each.inconsistent_rows for each in (active, daily) if each is not None]
    contradicting = [row for each in lists if each is not None for row in each.rows]
    counts = [dict[str, int]() if active is None else active.inconsistent]
    counts += [] if daily is None else [daily.kinds]
    failures = [each.failure for each in lists if each is not None and each.failure]
    return SourceDetails(
        orphans=orphans,
        orphans_read_at=None if kept is None else kept.read_at,
        orphans_failure=None if kept is None else kept.failure,
        orphans_are_cut=active is not None and len(orphans) < active.total.orphaned,
        inconsistent=tuple(map(_inconsistent, contradicting)),
        inconsistent_failure="; ".join(failures) or None,
        # A row of several kinds is listed once.
        inconsistent_are_cut=sum(len(row.kinds) for row in contradicting)
        < sum(count for each in counts for count in each.values()),
        runs=tuple(_run(run, command_prefix) for run in runs),
        dead_owners=tuple(OwnerDetail(owner, count) for owner, count in dead_owners.items()),
    )


def _orphans(source: AnySource, active: ActiveValues) -> Iterator[OrphanDetail]:
    """Ages as of the last collection, whenever the rows were read."""
    kept = active.orphans
    if kept is None:
        return
    now = kept.read_at if active.now is None else active.now
    for each in kept.rows:
        passed = now - each.last_seen - each.silence
        yield OrphanDetail(
            id=each.id,
            last_seen_at=each.last_seen,
            silence=each.silence + passed,
            age=None if each.age is None else each.age + passed,
            orphaned_after=source.fixed_threshold or each.threshold,
            cause=each.cause or "age",
            owner=each.owner,
            show=each.show,
        )


def _inconsistent(row: InconsistentRow) -> InconsistentDetail:
    return InconsistentDetail(
        id=row.id,
        kinds=row.kinds,
        started_at=row.started,
        last_seen_at=row.last_seen,
        ended_at=row.ended,
        show=row.show,
    )


def _run(run: Run, command_prefix: str) -> RunDetail:
    undo = None
    if run.undone < run.sessions:
        purpose = "show what undoing this run would do"
        undo = make_command(command_prefix, "undo", str(run.run), purpose=purpose)
    return RunDetail(
        run=str(run.run),
        at=run.at,
        trigger=run.trigger,
        role=run.role,
        sessions=run.sessions,
        undone=run.undone,
        reason=run.reason,
        undo_reason=run.undo_reason,
        undo=undo,
    )
