"""One collector on one source: its values or its failure, and its next run."""

from collections.abc import Callable
from typing import Any

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.active.history import next_history
from exporter.collection.binding import Binding
from exporter.collection.collectors import Collector
from exporter.collection.job import STALE_INTERVALS, Job, Key, stretch_interval
from exporter.collection.snapshots import Snapshot, Snapshots
from exporter.errors import BackingOff, BadData, SchemaMismatch, SourceError
from exporter.postgres import Database, Reader
from exporter.sessions import SessionTable
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: The failing expression is searched for again after this time, and at once for another message.
NAME_AGAIN_AFTER_SECONDS = 300.0

_HOW_TO_FIND = "`session-exporter check --live` tries every expression on all active rows"


def no_evidence() -> Verdict:
    """The verdict on a source without owners and lists."""
    return NO_EVIDENCE


def ignore_values(_values: object, _at: float) -> None:
    """Take what a run found where no evidence is compared with it."""


class Collection(Job):
    """One collector on one source of one database; its outcome is in the snapshots."""

    FAILED = "collection_failed"
    SUCCEEDED = "collection_succeeded"
    BUG = "collection_bug"
    LOGS_FIRST_SUCCESS = True
    SHARES_MESSAGES = True

    def __init__(
        self,
        database: Database,
        binding: Binding[SessionTable],
        collector: Collector,
        *,
        snapshots: Snapshots,
        clock: Clock,
        evidence: Callable[[], Verdict] = no_evidence,
        on_values: Callable[[Any, float], None] = ignore_values,
    ) -> None:
        """`evidence` is requested before each run.

        `on_values` gets the values of each run, and the monotonic time of its answer.
        """
        key = Key(database.name, binding.source.name, collector.name)
        self._every = snapshots.states[key].interval
        super().__init__(key, interval=self._every)
        self._database = database
        self._binding = binding
        self._collector = collector
        self._snapshots = snapshots
        self._clock = clock
        self._evidence = evidence
        self._on_values = on_values
        self._reader: Reader
        self._unnamed, self._named, self._name_again_at = "", "", 0.0

    def report_to(
        self,
        snapshots: Snapshots,
        *,
        evidence: Callable[[], Verdict],
        on_values: Callable[[Any, float], None],
    ) -> None:
        """Continue with other stores, also in the current run."""
        self._snapshots, self._evidence, self._on_values = snapshots, evidence, on_values

    def overlapped(self) -> None:
        self._snapshots.overlapped(self.key)

    async def _run(self) -> None:
        source = self._binding.source
        self._reader = reader = self._database.reader(
            f"{source.name} {self._collector.name}",
            user=source.name,
            timezone=sessions.time_zone(source),
            timeout=self._collector.timeout(source),
        )
        at, timestamp = self._clock.monotonic(), self._clock.wall()
        values = await self._collect(reader, at)
        answered_at = self._clock.monotonic()
        self._on_values(values, answered_at)
        self.interval = stretch_interval(self._every, reader.seconds)
        before = self._snapshots.states[self.key].snapshot
        history = None if before is None else before.history
        snapshot = Snapshot(
            values,
            at,
            timestamp,
            self._stale_after(self.interval),
            next_history(history, values, timestamp, source.alert_above),
            (reader.began_at - answered_at, reader.began_at - at),
        )
        self._snapshots.succeeded(
            self.key, snapshot, duration=reader.seconds, interval=self.interval
        )
        logs.debug("collected", **self._names, seconds=reader.seconds, next_in=self.interval)

    async def _collect(self, reader: Reader, now: float) -> Any:  # noqa: ANN401 - each collector's own values
        snapshot = self._snapshots.states[self.key].snapshot
        previous = snapshot.values if snapshot else None
        table: SessionTable | None = None
        try:
            table = await self._binding.get(reader, now)
            sessions.isolate_foreign_reads(reader, table)
            try:
                return await self._collector.collect(reader, table, previous, self._evidence())
            except SchemaMismatch:
                # The table has changed: either it still fits, or binding reports the mismatch.
                self._binding.forget()
                table = await self._binding.get(reader, now)
                return await self._collector.collect(reader, table, previous, self._evidence())
        except BadData as error:
            if table is None:
                raise
            raise BadData(await self._name_failing(reader, table, str(error))) from None

    async def _name_failing(self, reader: Reader, table: SessionTable, message: str) -> str:
        """The message with the key of the failing expression, which is searched for at intervals.

        The same message may come from another expression later.
        """
        now = self._clock.monotonic()
        is_same = self._snapshots.states[self.key].reason == BadData.reason
        if not is_same or message != self._unnamed or now >= self._name_again_at:
            key = await sessions.name_failing_expression(reader, table)
            self._unnamed, self._name_again_at = message, now + NAME_AGAIN_AFTER_SECONDS
            self._named = f"{key}: {message}" if key else f"{message}; {_HOW_TO_FIND}"
        return self._named

    def _failed(self, error: SourceError) -> None:
        if isinstance(error, SchemaMismatch):
            self._binding.forget()
        # A server that did not answer was not kept busy: it is retried soon.
        seconds = self._reader.seconds
        self.interval = self._retry_after(0.0 if error.is_silent else seconds)
        self._snapshots.failed(
            self.key, error.reason, str(error), duration=seconds, interval=self.interval
        )

    def _backed_off(self, error: BackingOff) -> None:
        self.interval = self._retry_after(0.0)
        self._snapshots.backed_off(self.key, error.reason, str(error), interval=self.interval)

    @property
    def _names(self) -> dict[str, str]:
        return self.key._asdict()

    def _retry_after(self, seconds: float) -> float:
        """The interval after a failure: a slow collector retries as soon as a fast one."""
        return stretch_interval(min(self._every, self._binding.source.every), seconds)

    def _stale_after(self, interval: float) -> float:
        """How long values are served, in seconds, if the next values are due after `interval`.

        `stale_after` of the source refers to its `every`, not to slower collectors. It grows while
        slow queries stretch the interval; otherwise good values would disappear between
        collections.
        """
        source = self._binding.source
        if source.stale_after is not None and self._every == source.every:
            return max(source.stale_after, 2 * interval)
        return STALE_INTERVALS * interval
