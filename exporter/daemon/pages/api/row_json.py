"""Orphans, inconsistent rows and runs as JSON. Only viewers who see details get any."""

from collections.abc import Iterator

from exporter.daemon.pages.api.encoding import seconds
from exporter.daemon.pages.overview.details import InconsistentDetail, OrphanDetail, RunDetail
from exporter.daemon.pages.overview.values import SourceOverview
from exporter.sessions.orphan_list import IdText
from exporter.text import iso

Row = dict[str, object]


def orphan_list(of: SourceOverview) -> Row | None:
    """How complete the list of one source is; None where it has no orphans."""
    details = of.details
    if of.orphaned == 0 or details is None:
        return None
    return {
        "source": of.source,
        "database": of.database,
        "orphaned_count": of.orphaned,
        "listed_count": len(details.orphans),
        "read_at": iso(details.orphans_read_at),
        "failure": details.orphans_failure,
    }


def inconsistent_list(of: SourceOverview) -> Row | None:
    """The same of its inconsistent rows."""
    details = of.details
    if not of.inconsistent or details is None:
        return None
    return {
        "source": of.source,
        "database": of.database,
        "inconsistent": dict(of.inconsistent),
        "listed_count": len(details.inconsistent),
        "failure": details.inconsistent_failure,
    }


def orphans(of: SourceOverview) -> Iterator[tuple[SourceOverview, OrphanDetail]]:
    """The orphans of a source, longest silent first."""
    for each in () if of.details is None else of.details.orphans:
        yield of, each


def inconsistent_rows(of: SourceOverview) -> Iterator[tuple[SourceOverview, InconsistentDetail]]:
    """The inconsistent rows of a source."""
    for each in () if of.details is None else of.details.inconsistent:
        yield of, each


def runs(of: SourceOverview) -> Iterator[tuple[SourceOverview, RunDetail]]:
    """The newest runs of a source."""
    for each in () if of.details is None else of.details.runs:
        yield of, each


def orphan_json(of: SourceOverview, row: OrphanDetail) -> Row:
    """The fields are those of `orphans --format json`, where they mean the same."""
    return {
        "source": of.source,
        "database": of.database,
        "id": _id(row.id),
        "last_seen_at": iso(row.last_seen_at),
        "silence_seconds": seconds(row.silence),
        "age_seconds": seconds(row.age),
        "orphaned_after_seconds": seconds(row.orphaned_after),
        "cause": row.cause,
        "owner": row.owner,
        "show": dict(row.show),
    }


def inconsistent_json(of: SourceOverview, row: InconsistentDetail) -> Row:
    """The fields are those of `inconsistent --format json`, where they mean the same."""
    return {
        "source": of.source,
        "database": of.database,
        "kinds": list(row.kinds),
        "id": _id(row.id),
        "started_at": iso(row.started_at),
        "last_seen_at": iso(row.last_seen_at),
        "ended_at": iso(row.ended_at),
        "show": dict(row.show),
    }


def run_json(of: SourceOverview, row: RunDetail) -> Row:
    """The fields are those of `runs --format json`, where they mean the same."""
    return {
        "source": of.source,
        "database": of.database,
        "run": row.run,
        "began_at": iso(row.at),
        "trigger": row.trigger,
        "role": row.role,
        "sessions": row.sessions,
        "undone": row.undone,
        "reason": row.reason,
        "undo_reason": row.undo_reason,
        "undo_command": None if row.undo is None else row.undo.text,
    }


def _id(of: IdText) -> object:
    return list(of) if isinstance(of, tuple) else of
