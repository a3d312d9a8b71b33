"""Runs one collector on one source: the one place that times, catches and counts."""

import asyncio

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.collectors import Collector
from exporter.collection.snapshots import Key, Snapshot, Snapshots, State
from exporter.config import Source
from exporter.errors import BackingOff, BadData, SchemaMismatch, SourceError
from exporter.postgres import Database, Reader
from exporter.sessions import SessionTable

#: A collector spends at most 1/20 of its time in the database.
DUTY = 20

#: Without `stale_after`, values are served for this many intervals.
STALE_INTERVALS = 3

#: Tables change: bindings are made anew after this time, and at once when a query no longer fits.
BIND_AGAIN_AFTER_SECONDS = 300.0

#: Which expression fails is looked for anew after this time, and at once when it fails otherwise.
NAME_AGAIN_AFTER_SECONDS = 300.0

_HOW_TO_FIND_IT = "`session-exporter check --live` tries every expression on all active rows"


class Binding:
    """A source bound to its table in one database, shared by the source's collectors."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._table: SessionTable | None = None
        self._until = 0.0
        self._binding = asyncio.Lock()

    async def table(self, reader: Reader, now: float) -> SessionTable:
        """The bound table; raises SourceError when it does not fit its declaration."""
        async with self._binding:
            if self._table is None or now >= self._until:
                self._table = None
                self._table = await sessions.bind(reader, self.source)
                self._until = now + BIND_AGAIN_AFTER_SECONDS
            return self._table

    def forget(self) -> None:
        """Bind anew at the next use."""
        self._table = None


class Collection:
    """One collector on one source of one database."""

    def __init__(
        self,
        database: Database,
        binding: Binding,
        collector: Collector,
        *,
        snapshots: Snapshots,
        clock: Clock,
    ) -> None:
        self.key = Key(database.name, binding.source.name, collector.name)
        self._database = database
        self._binding = binding
        self._collector = collector
        self._snapshots = snapshots
        self._clock = clock
        self._said, self._named_as, self._name_again_at = "", "", 0.0

    @property
    def interval(self) -> float:
        """Seconds between two runs, stretched while the runs are slow."""
        return self._snapshots.states[self.key].interval

    async def run(self) -> None:
        """Collect once. Never raises but for cancellation: what failed is in the snapshots."""
        source, collector = self._binding.source, self._collector
        before = self._snapshots.states[self.key]
        reader = self._database.reader(
            timezone=sessions.time_zone(source), timeout=collector.timeout(source)
        )
        at, timestamp = self._clock.monotonic(), self._clock.wall()
        reason, message, values, table, is_silent = None, "", None, None, False
        try:
            table = await self._binding.table(reader, at)
            previous = before.snapshot.values if before.snapshot else None
            try:
                values = await collector.collect(reader, table, previous)
            except SchemaMismatch:
                # The table has changed. It may fit as it is now, or be told what does not.
                self._binding.forget()
                table = await self._binding.table(reader, at)
                values = await collector.collect(reader, table, previous)
        except BackingOff as error:
            reason, message = error.reason, str(error)
            self._snapshots.backed_off(self.key, reason, message, interval=self._retry_after(0.0))
            if before.reason is not None:
                self._log_change(before, reason, message)
            return
        except SourceError as error:
            reason, message = error.reason, str(error)
            is_silent = error.is_silent
            if isinstance(error, SchemaMismatch):
                self._binding.forget()
            if isinstance(error, BadData) and table is not None:
                message = await self._named(reader, table, before, message)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the daemon
            logs.bug("collection_bug", error, **self.key._asdict())
            reason, message = "other", f"a bug in session-exporter: {error!r}"
        if reason is None:
            interval = max(collector.every(source) or 0.0, DUTY * reader.seconds)
            snapshot = Snapshot(values, at, timestamp, self._stale_after(interval))
            self._snapshots.succeeded(
                self.key, snapshot, duration=reader.seconds, interval=interval
            )
        else:
            # A server that did not even answer was not kept busy: it is asked again soon.
            interval = self._retry_after(0.0 if is_silent else reader.seconds)
            self._snapshots.failed(
                self.key, reason, message, duration=reader.seconds, interval=interval
            )
        self._log_change(before, reason, message)

    def _retry_after(self, seconds: float) -> float:
        """The interval after a failure: a slow collector tries again as soon as a quick one."""
        source = self._binding.source
        return max(min(self._collector.every(source) or 0.0, source.every), DUTY * seconds)

    async def _named(self, reader: Reader, table: SessionTable, before: State, message: str) -> str:
        """Say which expression failed; looked for now and then, and not at every run.

        The same message may come from another expression than it did: one is mended, one breaks.
        """
        now = self._clock.monotonic()
        is_same = before.reason == BadData.reason and message == self._said
        if not is_same or now >= self._name_again_at:
            key = await sessions.name_failing_expression(reader, table)
            self._said, self._name_again_at = message, now + NAME_AGAIN_AFTER_SECONDS
            self._named_as = f"{key}: {message}" if key else f"{message}; {_HOW_TO_FIND_IT}"
        return self._named_as

    def _stale_after(self, interval: float) -> float:
        """For how long values are served, in seconds, when the next are due after `interval`.

        The source's `stale_after` is about its `every` and not about slower collectors. While slow
        queries stretch the interval it is stretched too, or good values would come and go.
        """
        source, every = self._binding.source, self._collector.every(self._binding.source)
        if source.stale_after is not None and every == source.every:
            return max(source.stale_after, 2 * interval)
        return STALE_INTERVALS * interval

    def overlapped(self) -> None:
        """Count a run that was due while the one before was still going."""
        self._snapshots.overlapped(self.key)

    def _log_change(self, before: State, reason: str | None, message: str) -> None:
        """One line per change of state, not one per run."""
        if reason is None and not before.succeeded:
            logs.info("collection_succeeded", **self.key._asdict())
        elif reason is not None and before.reason != reason:
            logs.warning("collection_failed", **self.key._asdict(), reason=reason, error=message)
