"""What an exporter takes over from the one before it, when the config is read again."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from exporter.collection.active import ActiveValues
from exporter.collection.daily import DailyValues
from exporter.collection.job import Job, Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Counters, Pair, Snapshot, State
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.evidence.evidence import NOTHING_KNOWN, EvidencePast
from exporter.postgres import Database
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatus


@dataclass(frozen=True, slots=True)
class Kept:
    """What an exporter takes over from the one before it."""

    databases: Mapping[str, Database] = field(default_factory=dict)
    connections: RecoveryConnections | None = None
    jobs: Mapping[Key, Job] = field(default_factory=dict)
    """They go on, also in a run that is going on."""
    ended: Mapping[Key, Job] = field(default_factory=dict)
    """They run no more, and others go on with what they remember."""
    same_orphans: Set[Pair] = frozenset()
    """The sources of which recovery would have found the same sessions under this config."""
    states: Mapping[Key, State] = field(default_factory=dict)
    counters: Mapping[Pair, Counters] = field(default_factory=dict)
    statuses: Mapping[Pair, RecoveryStatus] = field(default_factory=dict)
    evidence: EvidencePast = NOTHING_KNOWN
    was_ready: bool = False
    http: HttpConnections | None = None
    reloads: ReloadStatus | None = None
    row_limit: RowLimit | None = None

    def state(self, key: Key, every: float) -> State:
        """The state of a collection that runs `every` so many seconds, as it is known.

        Where another job collects now, the rows that were listed are not among it.
        """
        known = self.states.get(key)
        if known is None:
            return State(interval=every)
        if key in self.jobs:
            return known
        snapshot = _without_rows(known.snapshot)
        if snapshot is known.snapshot and every == known.interval:
            return known
        return replace(known, interval=every, snapshot=snapshot)


NOTHING_KEPT = Kept()


def _without_rows(snapshot: Snapshot | None) -> Snapshot | None:
    """Its counts alone: the columns of the rows that it lists may be others now."""
    if snapshot is None:
        return None
    values = snapshot.values
    if isinstance(values, ActiveValues) and (values.orphans or values.inconsistent_rows):
        return replace(snapshot, values=replace(values, orphans=None, inconsistent_rows=None))
    if isinstance(values, DailyValues) and values.inconsistent_rows:
        return replace(snapshot, values=replace(values, inconsistent_rows=None))
    return snapshot
