"""The latest snapshot of each collector, its age, and the handling of failures.

All values are immutable and replaced whole, so that a scrape never sees half a collection. They are
compared by identity, so that unchanged values are not rendered again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from exporter.clock import Offsets, was_set
from exporter.collection.active import ActiveValues
from exporter.collection.active.history import OrphanHistory
from exporter.collection.job import Key
from exporter.errors import REASONS, reason_label

SKIPS = ("overlap", "backoff", "clock")

Pair = tuple[str, str]
"""A database and a source."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The values of a successful collection. `at` is its start, monotonic; `timestamp` Unix time.

    How long it may be served is decided when it is created: later slow, and therefore rare, runs
    must not keep old values alive.
    """

    values: Any
    at: float
    timestamp: float
    stale_after: float
    history: OrphanHistory | None = None
    """The orphan counts up to this collection; None if the collector counts no orphans."""
    clock_offsets: Offsets | None = None
    """Of the clock by which sessions were judged."""

    @property
    def expires_at(self) -> float:
        """The monotonic time after which it is no longer served."""
        return self.at + self.stale_after


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The state of one collector. `interval` and `duration` are seconds."""

    interval: float
    snapshot: Snapshot | None = None
    succeeded: bool = False
    reason: str | None = None
    """Why the last collection failed, as one word, and in `failure` as a sentence."""
    failure: str | None = None
    duration: float | None = None

    @property
    def has_run(self) -> bool:
        """Whether there was a collection, or an attempt at one."""
        return self.succeeded or self.reason is not None or self.failure is not None

    def is_fresh(self, now: float) -> bool:
        """Whether there is a snapshot young enough to be served at monotonic time `now`."""
        return self.snapshot is not None and now <= self.snapshot.expires_at


@dataclass(frozen=True, slots=True, eq=False)
class Counters:
    """Counters of one source in one database since the start: failures, skips, lost sessions."""

    errors: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    skipped: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SKIPS, 0))
    lost: int = 0


class Snapshots:
    """The store. `version` grows with every change."""

    def __init__(
        self,
        states: Iterable[tuple[Key, State]],
        *,
        counters: Mapping[Pair, Counters] = MappingProxyType({}),
        was_ready: bool = False,
    ) -> None:
        """`counters` continue; `was_ready` keeps readiness."""
        self.states = dict(states)
        pairs = dict.fromkeys(key[:2] for key in self.states)
        self.counters = {pair: counters.get(pair) or Counters() for pair in pairs}
        self.was_ready = was_ready
        self.version = 0
        self.on_change: Callable[[Key], None] = lambda _key: None
        """Called with the key of each collection that has ended."""

    def succeeded(self, key: Key, snapshot: Snapshot, *, duration: float, interval: float) -> None:
        before = self.states[key].snapshot
        self.states[key] = State(interval, snapshot, succeeded=True, duration=duration)
        if isinstance(snapshot.values, ActiveValues) and snapshot.values.losses is not None:
            if before is not None and _is_clock_set(before, snapshot):
                self._count(key, "skipped", "clock")  # the number of lost sessions is unknown
            else:
                self._count_lost(key[:2], snapshot.values.losses.lost)
        self.version += 1
        self.on_change(key)

    def failed(
        self, key: Key, reason: str, message: str, *, duration: float, interval: float
    ) -> None:
        """Count a failure. The old snapshot stays until it is stale."""
        old = self.states[key].snapshot
        self.states[key] = State(interval, old, reason=reason, failure=message, duration=duration)
        self._count(key, "errors", reason_label(reason))
        self.on_change(key)

    def backed_off(self, key: Key, reason: str, message: str, *, interval: float) -> None:
        """Count a collection that did not begin because its database was unreachable just before.

        It replaces an earlier failure, unless that is the same failure to connect.
        """
        state = replace(self.states[key], succeeded=False, interval=interval)
        if state.failure is None or not message.startswith(state.failure):
            known = reason if state.reason is not None else None
            state = replace(state, failure=message, reason=known)
        self.states[key] = state
        self._count(key, "skipped", "backoff")

    def overlapped(self, key: Key) -> None:
        """Count a collection that did not begin because the previous one was still running."""
        self._count(key, "skipped", "overlap")

    def _count_lost(self, pair: Pair, sessions: int) -> None:
        if sessions:
            counters = self.counters[pair]
            self.counters[pair] = replace(counters, lost=counters.lost + sessions)
            self.version += 1

    def _count(self, key: Key, field_: Literal["errors", "skipped"], reason: str) -> None:
        counters = self.counters[key.database, key.source]
        counts: Mapping[str, int] = getattr(counters, field_)
        counted: dict[str, Any] = {field_: {**counts, reason: counts[reason] + 1}}
        self.counters[key.database, key.source] = replace(counters, **counted)
        self.version += 1

    def is_ready(self) -> bool:
        """Whether every collector has succeeded or reported a failure, now or earlier."""
        states = self.states.values()
        return self.was_ready or all(each.succeeded or each.failure for each in states)


def _is_clock_set(before: Snapshot, after: Snapshot) -> bool:
    """Whether the clock was set between two collections."""
    if before.clock_offsets is None or after.clock_offsets is None:
        return False
    return was_set(before.clock_offsets, after.clock_offsets)
