"""The overview of one source in one database, from what is in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.job import Key
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import Counters, State
from exporter.config import AnySource, ListedSource
from exporter.daemon.pages.overview import collected
from exporter.daemon.pages.overview.advice import find_advice
from exporter.daemon.pages.overview.evidence import EvidenceState
from exporter.daemon.pages.overview.recovery import Viewer, recovery_overview
from exporter.daemon.pages.overview.rows import source_details
from exporter.daemon.pages.overview.values import CollectorOverview, SourceOverview, Standing
from exporter.recovery.status import RecoveryStatus
from exporter.text import finite

#: Worst first.
STANDINGS: tuple[Standing, ...] = get_args(Standing)


@dataclass(frozen=True, slots=True)
class SourceState:
    """The state in memory of one source in one database."""

    source: AnySource
    database: str
    states: Mapping[str, State]
    """By collector."""
    next_runs: Mapping[str, float | None]
    """By collector, as Unix time."""
    counters: Counters
    recovery: RecoveryStatus | None
    evidence: EvidenceState


#: By database and source, the state from which an overview was built, and the overview.
KeptOverviews = dict[tuple[str, str], tuple[tuple[object, ...], SourceOverview]]


def current_overview(
    state: SourceState, now: float, viewer: Viewer, kept: KeptOverviews
) -> SourceOverview:
    """The overview at monotonic time `now`; the cached one if only ages differ.

    States are compared by identity.
    """
    pair = state.database, state.source.name
    recovery = state.recovery
    made_from = (
        *((each, each.is_fresh(now)) for each in state.states.values()),
        recovery,
        recovery is not None and now <= recovery.expires_at,
        state.counters,
        state.evidence,
        viewer,
    )
    before = kept.get(pair)
    if before is not None and before[0] == made_from:
        return replace(before[1], collectors=_collectors(state, now, viewer))
    found = source_overview(state, now, viewer)
    kept[pair] = made_from, found
    return found


def source_overview(state: SourceState, now: float, viewer: Viewer) -> SourceOverview:
    """The overview at monotonic time `now`."""
    source, states = state.source, state.states
    active: ActiveValues | None = collected.fresh_values(states, "active", now)
    daily: DailyValues | None = collected.fresh_values(states, "daily", now)
    size: SizeValues | None = collected.fresh_values(states, "size", now)
    snapshot = states["active"].snapshot if "active" in states else None
    history = None if snapshot is None else snapshot.history
    oldest, at = (None, None) if active is None else (active.oldest_orphan_last_seen, active.now)
    newest = daily or active  # of a source without a table, which has no daily statistics
    evidence = state.evidence.overviews
    if not viewer.sees_details:
        evidence = tuple(replace(each, why=None) for each in evidence)
    found = SourceOverview(
        source=source.name,
        database=state.database,
        standing="fine",
        is_fresh=active is not None,
        active=None if active is None else active.total.active,
        orphaned=None if active is None else active.total.orphaned,
        overlong=None if active is None or source.overlong_after is None else active.total.overlong,
        lost=state.counters.lost,
        returned=(None if state.recovery is None else state.recovery.returned) or 0,
        settings=collected.settings_overview(source),
        limit=collected.limit_overview(source, history, is_fresh=active is not None),
        causes=collected.causes(active),
        dead_owners=len(state.evidence.dead_owners) if _has_owners(source) else None,
        oldest_orphan_last_seen_at=oldest,
        oldest_silence=None if oldest is None or at is None else at - oldest,
        excess=None if active is None else active.excess,
        oldest_start_at=None if active is None else active.oldest_start,
        newest_start_at=None if newest is None else newest.newest_start,
        silences=collected.silence_buckets(active),
        is_silence_age=active is not None and active.silence is None,
        inconsistent=collected.inconsistent_counts((active, daily)),
        keys_at_limit=None if active is None or active.keys is None else active.keys.at_limit,
        keys_blocked=None if active is None or active.keys is None else active.keys.blocked,
        days=tuple(collected.day_overviews(daily)),
        rows_estimated=None if size is None else finite(size.rows),
        indexes_missing=()
        if size is None
        else tuple(name for name, is_missing in size.index_missing.items() if is_missing),
        live=state.evidence.live,
        untracked=state.evidence.untracked,
        disagreeing=state.evidence.disagreeing,
        collectors=_collectors(state, now, viewer),
        recovery=recovery_overview(source, state.recovery, now, viewer),
        evidence=evidence,
        errors={reason: count for reason, count in state.counters.errors.items() if count},
        skipped={reason: count for reason, count in state.counters.skipped.items() if count},
        advice=(),
        details=source_details(
            source,
            active,
            daily,
            () if state.recovery is None else state.recovery.runs,
            dead_owners=state.evidence.dead_owners,
            command_prefix=viewer.command_prefix,
        )
        if viewer.sees_details
        else None,
    )
    advice = tuple(find_advice(found, viewer.command_prefix))
    return replace(found, standing=_standing(found), advice=advice)


def _collectors(state: SourceState, now: float, viewer: Viewer) -> tuple[CollectorOverview, ...]:
    return tuple(
        collected.collector_overview(
            Key(state.database, state.source.name, name),
            each,
            now=now,
            next_at=state.next_runs.get(name),
            sees_details=viewer.sees_details,
        )
        for name, each in state.states.items()
    )


def order(overview: SourceOverview) -> tuple[object, ...]:
    """Sorts the worst first."""
    return (
        STANDINGS.index(overview.standing),
        -(overview.orphaned or 0),
        overview.source,
        overview.database,
    )


def _standing(overview: SourceOverview) -> Standing:
    recovery, collectors = overview.recovery, overview.collectors
    if overview.limit.above_since is not None:
        return "above_limit"
    is_recovering = recovery.mode != "disabled"
    fails = any(each.reason is not None for each in collectors)
    is_old = any(each.has_run and not each.is_fresh for each in collectors)
    if fails or is_old or (is_recovering and recovery.reason is not None):
        return "failing"
    waits = recovery.pause is not None or recovery.held or recovery.brakes
    is_unknown = any(not each.is_known for each in overview.evidence)
    if waits or is_unknown or overview.inconsistent:
        return "attention"
    return "fine" if all(each.has_run for each in collectors) else "waiting"


def _has_owners(source: AnySource) -> bool:
    return not isinstance(source, ListedSource) and source.owners_name is not None
