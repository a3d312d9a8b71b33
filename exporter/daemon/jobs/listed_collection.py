"""Collects a source without a table each time its list has answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from exporter.clock import Clock
from exporter.collection.active import ActiveValues
from exporter.collection.active.history import next_history
from exporter.collection.active.kept_rows import KeptRows
from exporter.collection.active.listed import listed_values, rows_of
from exporter.collection.active.listed_orphans import listed_orphans
from exporter.collection.job import STALE_INTERVALS, Job, Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Snapshot, Snapshots
from exporter.config import ListedSource
from exporter.errors import BadData, ConnectFailed, PermissionDenied, SourceError, TimedOut
from exporter.evidence.answers import ListAnswer, ListedSession, Unknown
from exporter.evidence.evidence import Evidence, Pair

#: The errors of the reasons that Unknown has; BadData of all others.
_ERRORS: dict[str, type[SourceError]] = {
    "timeout": TimedOut,
    "connection": ConnectFailed,
    "permission": PermissionDenied,
}

#: The collector whose values it finds.
COLLECTOR = "active"


class ListedCollection(Job):
    """Counts the sessions of a list. It succeeds if every store gave a complete answer."""

    FAILED = "collection_failed"
    SUCCEEDED = "collection_succeeded"
    BUG = "collection_bug"
    LOGS_FIRST_SUCCESS = True

    def __init__(
        self,
        source: ListedSource,
        database: str,
        *,
        evidence: Evidence,
        snapshots: Snapshots,
        clock: Clock,
        row_limit: RowLimit,
    ) -> None:
        """`row_limit` limits the orphans that are kept beside their count."""
        super().__init__(key_of(source, database), interval=source.of.every)
        self.source = source
        self._pair: Pair = (database, source.name)
        self._evidence = evidence
        self._snapshots = snapshots
        self._clock = clock
        self._row_limit = row_limit
        self._answer = ListAnswer()
        self._asked_at = 0.0
        self._seconds = 0.0

    def report_to(self, snapshots: Snapshots, *, evidence: Evidence) -> None:
        """Go on with other stores."""
        self._snapshots, self._evidence = snapshots, evidence

    async def take(self, answer: ListAnswer, asked_at: float, interval: float) -> None:
        """Count the answer to a request of this monotonic time. Raises nothing."""
        self._answer, self._asked_at, self.interval = answer, asked_at, interval
        self._seconds = self._clock.monotonic() - asked_at
        await self.run()

    async def _run(self) -> None:
        unknown = [each for each in self._answer.stores.values() if isinstance(each, Unknown)]
        if unknown:
            error = _ERRORS.get(unknown[0].reason, BadData)
            raise error(self._evidence.why_incomplete(self._pair))
        at, timestamp = self._asked_at, self._clock.wall() - self._seconds
        sessions = self._evidence.sessions(self._pair)
        # A hundred thousand sessions would block the event loop for too long.
        before = self._snapshots.states[self.key].snapshot
        known = None if before is None else before.values
        values = await asyncio.to_thread(self._count, sessions, timestamp, known)
        stale_after = self.source.stale_after or STALE_INTERVALS * self.source.of.every
        history = None if before is None else before.history
        history = next_history(history, values, timestamp, self.source.alert_above)
        snapshot = Snapshot(
            values,
            at,
            timestamp,
            max(stale_after, 2 * self.interval),
            history,
            (timestamp - at, timestamp - at),
        )
        self._snapshots.succeeded(
            self.key, snapshot, duration=self._seconds, interval=self.interval
        )

    def _count(
        self, sessions: Mapping[str, ListedSession], now: float, before: ActiveValues | None
    ) -> ActiveValues:
        values = listed_values(self.source, sessions, now, before)
        limit = self._row_limit.rows
        if not limit or not values.total.orphaned:
            return values
        orphans = listed_orphans(rows_of(self.source, sessions, now), limit=limit).orphans
        return replace(values, orphans=KeptRows(self._row_limit.first_of(orphans), None, now, 0.0))

    def _failed(self, error: SourceError) -> None:
        self._snapshots.failed(
            self.key, error.reason, str(error), duration=self._seconds, interval=self.interval
        )

    @property
    def _names(self) -> dict[str, str]:
        return self.key._asdict()


def key_of(source: ListedSource, database: str) -> Key:
    """The key under which its values are found."""
    return Key(database, source.name, COLLECTOR)
