"""One run of one collector: what is made of its outcome, and when the next one is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter import sessions
from exporter.collection.binding import Binding
from exporter.collection.collection import Collection
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshots, State
from exporter.config import Source
from exporter.errors import (
    AuthFailed,
    BackingOff,
    BadData,
    ConnectFailed,
    Locked,
    NoAnswer,
    PermissionDenied,
    ReplicaLagging,
    SchemaMismatch,
    SourceError,
    TimedOut,
)
from exporter.metrics.catalog import Sample
from exporter.postgres import Database, Reader
from tests.support.collection.declarations import PLAIN, LoadSources
from tests.support.collection.hand_clock import HandClock

KEY = Key("app", "chats", "scripted")


@dataclass
class Scripted:
    """A collector that reads nothing: each run takes so long and ends so."""

    interval: float = 30.0
    seconds: float = 0.01
    outcome: object = "values"
    given: list[object] = field(default_factory=list)
    name: str = "scripted"

    def every(self, source: Source) -> float:
        return self.interval

    def timeout(self, source: Source) -> None:
        return None

    async def collect(
        self, reader: Any, table: object, previous: object, verdict: object = None
    ) -> object:
        self.given.append(previous)
        assert isinstance(reader, Reader)
        reader.seconds += self.seconds
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def samples(self, source: Source, values: object) -> Iterator[Sample]:
        return iter(())


class Bound(Binding[Any]):
    """A binding that needs no table."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, sessions.bind)
        self.forgotten = 0

    async def get(self, reader: Any, now: float) -> Any:
        return None

    def forget(self) -> None:
        self.forgotten += 1


@dataclass
class Stage:
    collection: Collection
    collector: Scripted
    binding: Bound
    snapshots: Snapshots
    clock: HandClock

    @property
    def state(self) -> State:
        return self.snapshots.states[KEY]

    async def run(self, outcome: object = "values", *, seconds: float = 0.01) -> State:
        self.collector.outcome, self.collector.seconds = outcome, seconds
        await self.collection.run()
        return self.state


@pytest.fixture
def stage(load_sources: LoadSources, hand_clock: HandClock) -> Callable[..., Stage]:
    """`stage(interval=30.0, stale_after="60s")`: a collector and keys of its source."""

    def build(*, interval: float = 30.0, **keys: Any) -> Stage:
        config = load_sources(chats={**PLAIN, "every": "30s", **keys})
        snapshots = Snapshots([(KEY, State(interval=interval))])
        collector, binding = Scripted(interval), Bound(config.sources["chats"])
        collection = Collection(
            Database(config.databases["app"]),
            binding,
            collector,
            snapshots=snapshots,
            clock=hand_clock.clock,
        )
        return Stage(collection, collector, binding, snapshots, hand_clock)

    return build


async def test_a_success_is_a_snapshot_of_the_time_at_which_it_began(
    stage: Callable[..., Stage],
) -> None:
    it = stage()
    state = await it.run("first")
    assert state.succeeded
    assert state.snapshot is not None
    assert state.snapshot.values == "first"
    assert state.snapshot.at == it.clock.now
    assert state.snapshot.timestamp == 1_700_000_000.0 + it.clock.now
    assert state.duration == 0.01


async def test_a_collector_is_given_the_values_of_its_last_success(
    stage: Callable[..., Stage],
) -> None:
    it = stage()
    await it.run("first")
    await it.run(Locked("locked"))
    await it.run("third")
    assert it.collector.given == [None, "first", "first"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectFailed, "connect"),
        (AuthFailed, "auth"),
        (TimedOut, "timeout"),
        (NoAnswer, "timeout"),
        (Locked, "lock"),
        (PermissionDenied, "permission"),
        (SchemaMismatch, "schema"),
        (BadData, "data"),
        (ReplicaLagging, "lag"),
        (SourceError, "other"),
    ],
)
async def test_a_failure_is_counted_by_its_reason_and_keeps_the_old_snapshot(
    stage: Callable[..., Stage], error: type[SourceError], reason: str
) -> None:
    it = stage()
    before = (await it.run("good")).snapshot
    state = await it.run(error("why it failed"))
    assert not state.succeeded
    assert (state.reason, state.failure) == (reason, "why it failed")
    assert state.snapshot is before
    counted = it.snapshots.counters["app", "chats"].errors
    assert {name: count for name, count in counted.items() if count} == {reason: 1}
    assert it.binding.forgotten == (2 if reason == "schema" else 0)  # tried anew, in vain
    assert (await it.run("good")).reason is None


async def test_a_bug_of_ours_is_counted_and_does_not_end_the_daemon(
    stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture
) -> None:
    it = stage()
    state = await it.run(ZeroDivisionError("oh"))
    assert state.reason == "other"
    assert state.failure == "a bug in session-exporter: ZeroDivisionError('oh')"
    assert it.snapshots.counters["app", "chats"].errors["other"] == 1
    (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert record.exc_info


async def test_a_database_that_is_left_alone_is_a_skip_and_not_an_error(
    stage: Callable[..., Stage],
) -> None:
    it = stage()
    await it.run(ConnectFailed("connection refused"))
    state = await it.run(BackingOff("connection refused (a moment ago)"))
    counters = it.snapshots.counters["app", "chats"]
    assert (counters.errors["connect"], counters.skipped["backoff"]) == (1, 1)
    assert not state.succeeded
    assert state.failure == "connection refused"  # what the user can do something about


@pytest.mark.parametrize(
    "before", [SchemaMismatch("no such column"), ConnectFailed("refused"), TimedOut("slow")]
)
async def test_what_failed_before_is_history_while_a_database_is_left_alone(
    stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture, before: SourceError
) -> None:
    """Another collector has tried to connect, and learned why nobody can."""
    it = stage()
    await it.run(before)
    for _ in range(2):
        state = await it.run(BackingOff("wrong password (a moment ago)", reason="auth"))
        assert (state.reason, state.failure) == ("auth", "wrong password (a moment ago)")
    state = await it.run(AuthFailed("wrong password"))
    assert (state.reason, state.failure) == ("auth", "wrong password")
    state = await it.run(BackingOff("wrong password (a moment ago)", reason="auth"))
    assert (state.reason, state.failure) == ("auth", "wrong password")
    counters = it.snapshots.counters["app", "chats"]
    assert (counters.errors["auth"], counters.skipped["backoff"]) == (1, 3)
    said = [vars(each)["fields"]["reason"] for each in caplog.records]
    assert said == [before.reason, "auth"]


async def test_only_a_change_of_state_is_logged(
    stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "session_exporter")
    it = stage()
    for outcome in ("good", "good", Locked("l"), Locked("l"), TimedOut("t"), "good", "good"):
        await it.run(outcome)
    events = [(each.message, vars(each)["fields"].get("reason")) for each in caplog.records]
    assert events == [
        ("collection_succeeded", None),
        ("collection_failed", "lock"),
        ("collection_failed", "timeout"),
        ("collection_succeeded", None),
    ]


# at most 5 % of the time


@pytest.mark.parametrize(
    ("seconds", "interval"), [(0.0, 30.0), (1.0, 30.0), (1.5, 30.0), (1.501, 30.02), (6.0, 120.0)]
)
@pytest.mark.parametrize("outcome", ["good", TimedOut("slow")], ids=["success", "failure"])
async def test_the_interval_is_20_times_the_last_duration_where_that_is_longer(
    stage: Callable[..., Stage], seconds: float, interval: float, outcome: object
) -> None:
    it = stage()
    state = await it.run(outcome, seconds=seconds)
    assert state.duration == seconds
    assert state.interval == pytest.approx(interval)
    assert it.collection.interval == state.interval
    await it.run("good", seconds=0.01)
    assert it.collection.interval == 30.0


@pytest.mark.parametrize(
    "outcome", [ConnectFailed("refused"), BackingOff("a moment ago"), Locked("locked")]
)
async def test_a_slow_collector_that_failed_tries_again_as_soon_as_a_quick_one(
    stage: Callable[..., Stage], outcome: object
) -> None:
    it = stage(interval=300.0)
    assert (await it.run(outcome)).interval == 30
    assert (await it.run("good")).interval == 300


async def test_a_quick_collector_that_failed_tries_again_no_sooner_than_usual(
    stage: Callable[..., Stage],
) -> None:
    it = stage(interval=10.0)
    assert (await it.run(Locked("locked"))).interval == 10


# how long values are served


async def expires_after(it: Stage, *, seconds: float = 0.01) -> float:
    snapshot = (await it.run("good", seconds=seconds)).snapshot
    assert snapshot is not None
    assert it.state.is_fresh(it.clock.now + snapshot.stale_after)
    assert not it.state.is_fresh(it.clock.now + snapshot.stale_after + 0.001)
    return snapshot.stale_after


async def test_values_are_served_for_three_intervals(stage: Callable[..., Stage]) -> None:
    assert await expires_after(stage()) == 90
    assert await expires_after(stage(interval=300.0)) == 900


async def test_values_are_served_for_stale_after_where_the_source_says_so(
    stage: Callable[..., Stage],
) -> None:
    assert await expires_after(stage(stale_after="10m")) == 600
    assert await expires_after(stage(stale_after="60s")) == 60


async def test_stale_after_is_not_about_slower_collectors(stage: Callable[..., Stage]) -> None:
    assert await expires_after(stage(interval=300.0, stale_after="60s")) == 900


async def test_good_values_outlast_a_stretched_interval(stage: Callable[..., Stage]) -> None:
    assert await expires_after(stage(), seconds=6.0) == 360
    assert await expires_after(stage(stale_after="60s"), seconds=6.0) > 120


async def test_a_slightly_stretched_interval_does_not_shorten_stale_after(
    stage: Callable[..., Stage],
) -> None:
    assert await expires_after(stage(stale_after="10m"), seconds=1.6) == 600


async def test_slow_failures_do_not_keep_old_values_alive(stage: Callable[..., Stage]) -> None:
    it = stage()
    began = it.clock.now
    await it.run("good")
    await it.run(TimedOut("slow"), seconds=6.0)
    assert it.state.interval == 120
    assert it.state.is_fresh(began + 90)
    assert not it.state.is_fresh(began + 90.001)


async def test_a_server_that_does_not_answer_was_not_kept_busy(
    stage: Callable[..., Stage],
) -> None:
    it = stage()
    await it.run(NoAnswer("frozen"), seconds=6.0)
    assert it.state.interval == 30
