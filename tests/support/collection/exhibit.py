"""The /metrics page of one source, and the snapshots behind it, filled by the test."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.collection import label_split
from exporter.collection.active import ActiveValues, Counts
from exporter.collection.age_cells import Histogram
from exporter.collection.daily import DailyValues
from exporter.collection.daily.calendar_days import Day, DayCounts
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshot, Snapshots, State
from exporter.config import Config, Source
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.pages.metrics_page import Page
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.evidence.evidence import Evidence
from exporter.metrics.catalog import BUCKETS
from exporter.metrics.exposition import TEXT
from exporter.postgres import Database
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatuses
from tests.support.collection.hand_clock import HandClock

EVERY = 30.0

STALE_AFTER = 90.0

ACTIVE = Key("app", "chats", "active")

SIZE = Key("app", "chats", "size")

SUCCESS = "session_exporter_collection_success"


class Exhibit:
    """A page, the snapshots behind it, and the clock that both go by."""

    def __init__(self, config: Config, clock: HandClock) -> None:
        self.config = config
        self.clock = clock
        self.databases = {name: Database(each) for name, each in config.databases.items()}
        keys = [
            Key("app", name, collector)
            for name, source in config.sources.items()
            for collector in ("active", "daily", "size")
            if collector != "daily" or source.daily
        ]
        self.snapshots = Snapshots((key, State(interval=EVERY)) for key in keys)
        self.recoveries = RecoveryStatuses(
            ("app", name) for name, each in config.sources.items() if each.id is not None
        )
        self.page = Page(
            config=config,
            databases=self.databases,
            snapshots=self.snapshots,
            recoveries=self.recoveries,
            recovery_connections=RecoveryConnections(),
            evidence=Evidence(config, clock.clock),
            http=HttpConnections(),
            reloads=ReloadStatus(0.0),
            clock=clock.clock,
        )

    def succeeds(self, key: Key, values: object, *, stale_after: float = STALE_AFTER) -> None:
        now = self.clock.now
        snapshot = Snapshot(values, now, 1_700_000_000.0 + now, stale_after)
        self.snapshots.succeeded(key, snapshot, duration=0.01, interval=EVERY)

    def fails(self, key: Key, reason: str = "timeout") -> None:
        self.snapshots.failed(key, reason, "it failed", duration=0.01, interval=EVERY)

    def value(self, name: str, **labels: str) -> float | None:
        found = [
            sample.value
            for family in text_string_to_metric_families(self.page.render(TEXT).decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) < 2, found
        return found[0] if found else None


def active_values(source: Source, active: int, **changes: Any) -> ActiveValues:
    """As much as one collection can find."""
    histogram = Histogram((active,) * (len(BUCKETS) + 1), 1.5)
    kinds = [
        "undated",
        "future",
        *(["ended_but_active", "impossible_end"] if source.ended_at else []),
    ]
    values: dict[str, Any] = {
        "now": 3.0,
        "total": Counts(active, active, active),
        "by_label": {labels: Counts(active) for labels in label_split.combinations(source)},
        "age": histogram,
        "silence": histogram if source.last_seen_at else None,
        "oldest_start": 1.0,
        "oldest_orphan_last_seen": 2.0,
        "excess": 4.0,
        "inconsistent": dict.fromkeys([*kinds, *source.integrity], 0),
    }
    return ActiveValues(**(values | changes))


def daily_values(source: Source, *, durations: int) -> DailyValues:
    assert source.daily is not None
    has_durations = source.ended_at is not None or source.duration is not None
    timed = durations if has_durations else None
    counts = DayCounts(started=2, still_active=1, timed=timed, duration_sum=60.0)
    by_label = dict.fromkeys(label_split.combinations(source), counts)
    days = (
        Day(f"2026-01-0{number}", 0.0, 1.0, 0.0, counts, by_label)
        for number in range(source.daily.days, 0, -1)
    )
    counts_seen = source.ended_at is not None and source.last_seen_at is not None
    return DailyValues(tuple(days), 0.0, counts_seen_after_end=counts_seen, newest_start=5.0)
