"""One source as JSON: the fields of /api/v1/sources."""

from exporter.daemon.pages.api.encoding import seconds
from exporter.daemon.pages.overview.commands import ShownCommand
from exporter.daemon.pages.overview.values import (
    CollectorOverview,
    RecoveryOverview,
    SourceOverview,
)
from exporter.text import iso


def source_json(of: SourceOverview) -> dict[str, object]:
    """The fields, in the order of docs/api.md."""
    limit = of.limit
    return {
        "source": of.source,
        "database": of.database,
        "standing": of.standing,
        "is_fresh": of.is_fresh,
        "active_count": of.active,
        "orphaned_count": of.orphaned,
        "overlong_count": of.overlong,
        "lost_count": of.lost,
        "returned_count": of.returned,
        "orphaned_after_seconds": seconds(of.settings.orphaned_after),
        "overlong_after_seconds": seconds(of.settings.overlong_after),
        "objective_ratio": of.settings.objective,
        "alert_above": limit.alert_above,
        "above_since": iso(limit.above_since),
        "is_above_longer": limit.is_above_longer,
        "trend": limit.trend,
        "trend_change": limit.change,
        "trend_seconds": seconds(limit.trend_seconds),
        "orphaned_by_cause": dict(of.causes),
        "dead_owner_count": of.dead_owners,
        "oldest_orphan_last_seen_at": iso(of.oldest_orphan_last_seen_at),
        "oldest_orphan_silence_seconds": seconds(of.oldest_silence),
        "orphaned_excess_seconds": seconds(of.excess),
        "oldest_active_start_at": iso(of.oldest_start_at),
        "newest_start_at": iso(of.newest_start_at),
        "silence": [
            {"at_most_seconds": each.at_most, "active_count": each.sessions} for each in of.silences
        ],
        "is_silence_age": of.is_silence_age,
        "inconsistent": dict(of.inconsistent),
        "keys_at_limit": of.keys_at_limit,
        "keys_blocked_by_orphans": of.keys_blocked,
        "days": [
            {
                "date": day.date,
                "started": day.started,
                "ended": day.ended,
                "recovered": day.recovered,
                "lost": day.lost,
                "still_active": day.still_active,
                "average_duration_seconds": seconds(day.average_duration),
            }
            for day in of.days
        ],
        "rows_estimated": of.rows_estimated,
        "indexes_missing": list(of.indexes_missing),
        "live": dict(of.live),
        "untracked": of.untracked,
        "disagreeing": of.disagreeing,
        "collectors": [_collector(each) for each in of.collectors],
        "recovery": _recovery(of.recovery),
        "evidence": [
            {
                "name": each.name,
                "kind": each.kind,
                "is_known": each.is_known,
                "why": each.why,
                "never_listed": each.never_listed,
            }
            for each in of.evidence
        ],
        "collection_errors": dict(of.errors),
        "collection_skipped": dict(of.skipped),
        "advice": [
            {
                "text": each.text,
                "command": None if each.command is None else _command(each.command),
                "runbook": each.runbook,
            }
            for each in of.advice
        ],
    }


def _collector(of: CollectorOverview) -> dict[str, object]:
    return {
        "collector": of.collector,
        "has_run": of.has_run,
        "is_fresh": of.is_fresh,
        "last_success_at": iso(of.last_success_at),
        "age_seconds": seconds(of.age),
        "interval_seconds": seconds(of.interval),
        "next_at": iso(of.next_at),
        "duration_seconds": seconds(of.duration),
        "reason": of.reason,
        "failure": of.failure,
    }


def _recovery(of: RecoveryOverview) -> dict[str, object]:
    pause = of.pause
    return {
        "mode": of.mode,
        "is_fresh": of.is_fresh,
        "last_run_at": iso(of.last_run_at),
        "brakes": [
            {
                "brake": each.name,
                "is_stop": each.is_stop,
                "since": iso(each.since),
                "why": each.why,
            }
            for each in of.brakes
        ],
        "pause": None
        if pause is None
        else {"since": iso(pause.since), "role": pause.role, "reason": pause.reason},
        "candidates": of.candidates,
        "held": of.held,
        "recovered": dict(of.recovered),
        "undone": of.undone,
        "contradicted": of.contradicted,
        "failed": dict(of.failed),
        "skipped": dict(of.skipped),
        "words": list(of.words),
        "reason": of.reason,
        "failure": of.failure,
        "commands": [_command(each) for each in of.commands],
    }


def _command(of: ShownCommand) -> dict[str, str]:
    return {"text": of.text, "purpose": of.purpose}
