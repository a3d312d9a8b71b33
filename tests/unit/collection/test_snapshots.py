"""Whatever happens in whatever order: nobody reads an old number as a current one."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from prometheus_client.parser import text_string_to_metric_families

from exporter.collection.daily import DailyValues
from exporter.collection.daily.calendar_days import Day, DayCounts
from exporter.collection.job import Key
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import SKIPS, Snapshot
from exporter.config import Config, Source
from exporter.errors import REASONS
from exporter.metrics.exposition import OPENMETRICS, TEXT
from tests.support.collection.declarations import PLAIN, LoadSources
from tests.support.collection.exhibit import Exhibit, active_values
from tests.support.collection.hand_clock import HandClock

SOURCES = ("calls", "chats")
KEYS = [
    Key("app", source, collector) for source in SOURCES for collector in ("active", "daily", "size")
]

#: One metric that tells which of its collector's snapshots is served.
TELLTALE = {
    "active": "sessions_active",
    "daily": "sessions_today_started",
    "size": "sessions_rows_estimated",
}

keys = st.sampled_from(KEYS)
seconds = st.sampled_from([0.0, 0.001, 0.25, 1.0, 29.9, 30.0, 30.1, 90.0, 3600.0])
lives = st.sampled_from([0.0, 0.5, 1.0, 30.0, 90.0, 900.0])


@dataclass
class Known:
    """What must be true of one collection."""

    value: int | None = None
    collected_at: float = float("-inf")
    stale_after: float = 0.0
    succeeded: bool = False
    errors: int = 0
    skipped: int = 0


def values_of(source: Source, key: Key, number: int) -> Any:
    if key.collector == "size":
        return SizeValues(float(number), {})
    if key.collector == "daily":
        day = Day("2026-01-01", 0.0, 1.0, 0.0, DayCounts(started=number))
        return DailyValues((day,), 0.0)
    return active_values(source, number)


class Collecting(RuleBasedStateMachine):
    """Collections succeed, fail and are skipped while time passes and somebody scrapes."""

    config: Config

    @initialize()
    def start(self) -> None:
        self.clock = HandClock()
        self.known = {key: Known() for key in KEYS}
        exhibit = Exhibit(self.config, self.clock)
        self.page, self.snapshots = exhibit.page, exhibit.snapshots
        self.databases = exhibit.databases
        self.number = 0

    @rule(key=keys, took=seconds, stale_after=lives, interval=lives)
    def succeed(self, key: Key, took: float, stale_after: float, interval: float) -> None:
        """It began `took` seconds ago, and from then its values count."""
        self.number += 1
        at = self.clock.now
        self.clock.now += took
        values = values_of(self.config.sources[key.source], key, self.number)
        snapshot = Snapshot(values, at, 1_700_000_000.0 + at, stale_after)
        self.snapshots.succeeded(key, snapshot, duration=took, interval=interval)
        known = self.known[key]
        known.value, known.collected_at, known.stale_after = self.number, at, stale_after
        known.succeeded = True

    @rule(key=keys, reason=st.sampled_from(REASONS), took=seconds, interval=lives)
    def fail(self, key: Key, reason: str, took: float, interval: float) -> None:
        self.clock.now += took
        self.snapshots.failed(key, reason, "it failed", duration=took, interval=interval)
        self.known[key].succeeded = False
        self.known[key].errors += 1

    @rule(key=keys, interval=lives)
    def back_off(self, key: Key, interval: float) -> None:
        self.snapshots.backed_off(key, "connect", "out of reach", interval=interval)
        self.known[key].succeeded = False
        self.known[key].skipped += 1

    @rule(key=keys)
    def overlap(self, key: Key) -> None:
        self.snapshots.overlapped(key)
        self.known[key].skipped += 1

    @rule(passed=seconds)
    def wait(self, passed: float) -> None:
        self.clock.now += passed

    @rule(up=st.sampled_from([None, True, False]), lag=st.sampled_from([None, 0.0, 31.0]))
    def change_of_health(self, up: bool | None, lag: float | None) -> None:
        self.databases["app"].pool.up, self.databases["app"].pool.replica_lag = up, lag

    @rule()
    def scrape_in_the_other_format(self) -> None:
        assert self.page.render(OPENMETRICS).endswith(b"# EOF\n")

    @invariant()
    def only_what_is_true_and_young_is_served(self) -> None:
        now = self.clock.now
        samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.page.render(TEXT).decode())
            for sample in family.samples
        }

        def value(name: str, key: Key, **more: str) -> float | None:
            labels = {"database": key.database, "source": key.source, **more}
            return samples.get((name, frozenset(labels.items())))

        for key, known in self.known.items():
            is_young = now - known.collected_at <= known.stale_after
            # Of the last success or nothing at all: never an older one, never one that is too old.
            assert value(TELLTALE[key.collector], key) == (known.value if is_young else None)
            own = {"collector": key.collector}
            success = value("session_exporter_collection_success", key, **own)
            assert success == (known.succeeded and is_young)
            timestamp = value(
                "session_exporter_collection_last_success_timestamp_seconds", key, **own
            )
            expected = None if known.value is None else 1_700_000_000.0 + known.collected_at
            assert timestamp == expected
        for source in SOURCES:
            of_source = [key for key in KEYS if key.source == source]

            def counted(name: str, reasons: tuple[str, ...], key: Key = of_source[0]) -> float:
                return sum(value(name, key, reason=reason) or 0.0 for reason in reasons)

            errors = counted("session_exporter_collection_errors_total", REASONS)
            assert errors == sum(self.known[key].errors for key in of_source)
            skipped = counted("session_exporter_collection_skipped_total", SKIPS)
            assert skipped == sum(self.known[key].skipped for key in of_source)


def run(load_sources: LoadSources, *, examples: int) -> None:
    daily = {**PLAIN, "daily": {"days": 1}}
    Collecting.config = load_sources(**dict.fromkeys(SOURCES, daily))
    run_state_machine_as_test(
        Collecting, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None)
    )


def test_a_served_value_is_of_the_last_success_and_never_too_old(
    load_sources: LoadSources,
) -> None:
    run(load_sources, examples=4)


@pytest.mark.slow
def test_a_served_value_is_that_in_many_more_orders(load_sources: LoadSources) -> None:
    run(load_sources, examples=100)
