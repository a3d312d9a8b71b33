"""What is on the page when: fresh snapshots whole, stale ones not at all."""

import asyncio
import re
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

import exporter.daemon.pages.metrics_page
from exporter.collection.job import Key
from exporter.collection.size import SizeValues
from exporter.collection.snapshots import SKIPS
from exporter.daemon.pages.metrics_page import PROCESS_METRICS_EVERY
from exporter.errors import REASONS
from exporter.metrics.exposition import OPENMETRICS, TEXT, join
from tests.support.collection.declarations import FULL, PLAIN, LoadSources
from tests.support.collection.exhibit import (
    ACTIVE,
    EVERY,
    SIZE,
    STALE_AFTER,
    SUCCESS,
    Exhibit,
    active_values,
    daily_values,
)
from tests.support.collection.hand_clock import HandClock


@pytest.fixture
def exhibit(load_sources: LoadSources, hand_clock: HandClock) -> Exhibit:
    return Exhibit(load_sources(chats=PLAIN), hand_clock)


# from the start


def test_before_the_first_collection_there_is_no_value_and_no_success(exhibit: Exhibit) -> None:
    assert exhibit.value(SUCCESS, collector="active") == 0
    assert exhibit.value(SUCCESS, collector="size") == 0
    assert exhibit.value("session_exporter_collection_interval_seconds", collector="active") == 30
    assert exhibit.value("sessions_active") is None
    assert exhibit.value("session_exporter_database_up") is None
    for name in ("duration_seconds", "last_success_timestamp_seconds"):
        assert exhibit.value(f"session_exporter_collection_{name}", collector="active") is None
    assert exhibit.value("sessions_orphaned_after_seconds") == 7200


@pytest.mark.parametrize("reason", REASONS)
def test_errors_are_counted_from_0_by_reason(exhibit: Exhibit, reason: str) -> None:
    name = "session_exporter_collection_errors_total"
    assert exhibit.value(name, reason=reason) == 0
    exhibit.fails(ACTIVE, reason)
    exhibit.fails(SIZE, reason)
    assert exhibit.value(name, reason=reason) == 2
    others = [exhibit.value(name, reason=other) for other in REASONS if other != reason]
    assert others == [0] * (len(REASONS) - 1)


@pytest.mark.parametrize("reason", ["overlap", "backoff"])
def test_skips_are_counted_from_0_by_reason(exhibit: Exhibit, reason: str) -> None:
    name = "session_exporter_collection_skipped_total"
    assert [exhibit.value(name, reason=each) for each in SKIPS] == [0] * len(SKIPS)
    if reason == "overlap":
        exhibit.snapshots.overlapped(ACTIVE)
    else:
        exhibit.snapshots.backed_off(ACTIVE, "connect", "out of reach", interval=EVERY)
    assert [exhibit.value(name, reason=each) for each in SKIPS] == [
        each == reason for each in SKIPS
    ]


# success, failure, silence


def test_a_snapshot_is_replaced_whole(exhibit: Exhibit) -> None:
    source = exhibit.config.sources["chats"]
    exhibit.succeeds(ACTIVE, active_values(source, 3))
    assert exhibit.value("sessions_active") == 3
    assert exhibit.value("sessions_oldest_active_start_timestamp_seconds") == 1
    nothing = active_values(source, 0, oldest_start=None, inconsistent={"undated": 0, "future": 4})
    exhibit.succeeds(ACTIVE, nothing)
    assert exhibit.value("sessions_active") == 0
    assert exhibit.value("sessions_oldest_active_start_timestamp_seconds") is None
    assert exhibit.value("sessions_inconsistent", kind="future") == 4
    assert exhibit.value("sessions_active_age_seconds_gcount") == 0


def test_after_a_failure_success_is_0_at_once_and_old_values_stay_until_they_are_stale(
    exhibit: Exhibit,
) -> None:
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3))
    collected_at = exhibit.clock.now
    assert exhibit.value(SUCCESS, collector="active") == 1

    exhibit.clock.now += 30
    exhibit.fails(ACTIVE)
    assert exhibit.value(SUCCESS, collector="active") == 0
    assert exhibit.value("sessions_active") == 3

    exhibit.clock.now = collected_at + STALE_AFTER
    exhibit.fails(ACTIVE)
    assert exhibit.value("sessions_active") == 3
    exhibit.clock.now += 0.001
    assert exhibit.value("sessions_active") is None
    assert exhibit.value("sessions_active_age_seconds_gcount") is None
    assert exhibit.value(SUCCESS, collector="active") == 0
    name = "session_exporter_collection_last_success_timestamp_seconds"
    assert exhibit.value(name, collector="active") == 1_700_000_000.0 + collected_at
    assert exhibit.value("sessions_orphaned_after_seconds") == 7200

    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 4))
    assert exhibit.value("sessions_active") == 4
    assert exhibit.value(SUCCESS, collector="active") == 1


def test_values_also_vanish_when_nothing_is_collected_any_more(exhibit: Exhibit) -> None:
    """However it came about: without a failure, and without any other change to the page."""
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3))
    assert exhibit.value("sessions_active") == 3
    exhibit.clock.now += STALE_AFTER + 0.001
    assert exhibit.value("sessions_active") is None
    assert exhibit.value(SUCCESS, collector="active") == 0


def test_each_snapshot_goes_stale_at_its_own_time(exhibit: Exhibit) -> None:
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3), stale_after=10)
    exhibit.succeeds(SIZE, SizeValues(5.0, {}), stale_after=20)
    assert exhibit.value("sessions_rows_estimated") == 5
    exhibit.clock.now += 15
    assert exhibit.value("sessions_active") is None
    assert exhibit.value("sessions_rows_estimated") == 5
    exhibit.clock.now += 15
    assert exhibit.value("sessions_rows_estimated") is None


def test_a_failure_of_one_collector_leaves_the_values_of_the_others(exhibit: Exhibit) -> None:
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3))
    exhibit.fails(SIZE)
    assert exhibit.value(SUCCESS, collector="active") == 1
    assert exhibit.value(SUCCESS, collector="size") == 0
    assert exhibit.value("sessions_active") == 3


def test_what_is_unknown_has_no_sample(exhibit: Exhibit) -> None:
    exhibit.succeeds(SIZE, SizeValues(None, {}))
    assert exhibit.value("sessions_rows_estimated") is None
    assert exhibit.value(SUCCESS, collector="size") == 1


def test_the_health_of_a_database_is_on_the_page_without_a_collection(exhibit: Exhibit) -> None:
    assert exhibit.value("session_exporter_database_up") is None
    exhibit.databases["app"].pool.up = False
    assert exhibit.value("session_exporter_database_up", database="app") == 0
    exhibit.databases["app"].pool.up = True
    exhibit.databases["app"].pool.replica_lag = 1.5
    assert exhibit.value("session_exporter_database_up", database="app") == 1
    assert exhibit.value("session_exporter_database_replica_lag_seconds") == 1.5


# readiness


def test_is_ready_when_every_collector_has_succeeded_or_said_why_not(exhibit: Exhibit) -> None:
    assert not exhibit.snapshots.is_ready()
    exhibit.fails(ACTIVE)
    assert not exhibit.snapshots.is_ready()
    exhibit.snapshots.backed_off(SIZE, "connect", "out of reach", interval=EVERY)
    assert exhibit.snapshots.is_ready()


def test_a_run_that_overlaps_says_nothing_about_the_one_that_is_going_on(exhibit: Exhibit) -> None:
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3))
    exhibit.snapshots.overlapped(ACTIVE)
    assert exhibit.value(SUCCESS, collector="active") == 1
    exhibit.snapshots.backed_off(ACTIVE, "connect", "out of reach", interval=EVERY)
    assert exhibit.value(SUCCESS, collector="active") == 0


# how often it is made


class Counted(dict[str, bool]):
    """Tells how often it was rendered."""

    rendered = 0

    def items(self) -> Any:
        self.rendered += 1
        return super().items()


@pytest.mark.parametrize("format_", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_a_page_is_kept_until_something_changes(exhibit: Exhibit, format_: Any) -> None:
    first = exhibit.page.render(format_)
    exhibit.clock.now += PROCESS_METRICS_EVERY / 2
    assert exhibit.page.render(format_) is first
    exhibit.fails(ACTIVE)
    changed = exhibit.page.render(format_)
    assert changed != first
    assert exhibit.page.render(format_) is changed


def test_only_what_changed_is_rendered_again(exhibit: Exhibit) -> None:
    missing = Counted(active=True)
    exhibit.succeeds(SIZE, SizeValues(5.0, missing), stale_after=1000)
    source = exhibit.config.sources["chats"]
    for number in range(3):
        exhibit.clock.now += 30
        exhibit.succeeds(ACTIVE, active_values(source, number))
        assert exhibit.value("sessions_active") == number
        assert exhibit.value("session_exporter_index_missing", collector="active") == 1
        exhibit.page.render(OPENMETRICS)
    assert missing.rendered == 1
    exhibit.succeeds(SIZE, SizeValues(6.0, missing), stale_after=1000)
    exhibit.page.render(TEXT)
    assert missing.rendered == 2


def test_nothing_is_rendered_until_somebody_scrapes(exhibit: Exhibit) -> None:
    missing = Counted(active=True)
    for _ in range(5):
        exhibit.succeeds(SIZE, SizeValues(5.0, missing))
    assert missing.rendered == 0
    exhibit.page.render(TEXT)
    assert missing.rendered == 1


def test_once_scraped_a_collection_is_rendered_when_it_ends(exhibit: Exhibit) -> None:
    exhibit.page.render(TEXT)
    missing = Counted(active=True)
    exhibit.succeeds(SIZE, SizeValues(5.0, missing))
    assert missing.rendered == 1
    assert exhibit.value("session_exporter_index_missing", collector="active") == 1
    assert missing.rendered == 1
    exhibit.fails(SIZE)
    assert missing.rendered == 2
    assert exhibit.value(SUCCESS, collector="size") == 0
    assert missing.rendered == 2


def test_a_source_of_many_series_is_rendered_by_the_scrape_alone(
    load_sources: LoadSources, hand_clock: HandClock
) -> None:
    exhibit = Exhibit(load_sources(chats={**FULL, "daily": {"days": 15}}), hand_clock)
    exhibit.page.render(TEXT)
    missing = Counted(active=True)
    exhibit.succeeds(SIZE, SizeValues(5.0, missing))
    assert missing.rendered == 0
    exhibit.page.render(TEXT)
    assert missing.rendered == 1


@pytest.mark.parametrize("format_", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_a_compressed_page_is_the_page_as_one_gzip_member(exhibit: Exhibit, format_: Any) -> None:
    exhibit.succeeds(ACTIVE, active_values(exhibit.config.sources["chats"], 3))
    compressed = exhibit.page.render(format_, gzip=True)
    inflate = zlib.decompressobj(wbits=31)
    page = inflate.decompress(compressed)
    assert (inflate.eof, inflate.unused_data) == (True, b"")
    assert without_process(page) == without_process(exhibit.page.render(format_))


def without_process(page: bytes) -> list[bytes]:
    """process_* may change between two pages."""
    return [line for line in page.splitlines() if not line.startswith(b"process_")]


def test_process_metrics_are_read_anew_while_nothing_else_changes(exhibit: Exhibit) -> None:
    first = exhibit.page.render(TEXT)
    assert exhibit.value("process_resident_memory_bytes")
    exhibit.clock.now += PROCESS_METRICS_EVERY
    assert exhibit.page.render(TEXT) is not first


def test_an_openmetrics_page_ends_with_its_end_mark_and_once(exhibit: Exhibit) -> None:
    page = exhibit.page.render(OPENMETRICS)
    assert page.endswith(b"\n# EOF\n")
    assert page.count(b"# EOF") == 1
    assert b"# EOF" not in exhibit.page.render(TEXT)


# how many series


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "plain", PLAIN
    yield "full", FULL
    for key in ("last_seen_at", "ended_at", "duration", "overlong_after", "labels", "integrity"):
        without = {name: value for name, value in FULL.items() if name != key}
        if key == "last_seen_at":
            del without["overlong_after"]  # which needs it
        yield f"full without {key}", without
    neither = {k: v for k, v in FULL.items() if k not in {"ended_at", "duration"}}
    yield "full without any end", neither
    yield "full without daily", {**FULL, "daily": None}
    yield "plain with daily", {**PLAIN, "daily": {"days": 1}}
    yield "full with recovery", {**FULL, "recovery": {"set": {"is_active": False}}}
    yield "plain with an alert", {**PLAIN, "alert_above": 0}


def series_of(exhibit: Exhibit, name: str) -> int:
    pattern = rf'^sessions_[^ ]*source="{name}"'
    return len(re.findall(pattern, exhibit.page.render(TEXT).decode(), re.MULTILINE))


@pytest.mark.parametrize("declared", [pytest.param(keys, id=name) for name, keys in variants()])
def test_a_source_has_as_many_series_as_its_config_says_and_as_the_page_says(
    load_sources: LoadSources, hand_clock: HandClock, declared: dict[str, Any]
) -> None:
    exhibit = Exhibit(load_sources(chats=declared, other=PLAIN), hand_clock)
    source = exhibit.config.sources["chats"]

    def matches(*, full: bool) -> None:
        lines = series_of(exhibit, "chats")
        assert exhibit.value("session_exporter_series", source="chats") == lines
        assert (lines == source.series()) if full else (lines < source.series())

    matches(full=False)
    exhibit.succeeds(ACTIVE, active_values(source, 0, oldest_start=None))
    exhibit.succeeds(SIZE, SizeValues(1.0, {"active": True, "daily": True}))
    if source.daily:
        key = Key("app", "chats", "daily")
        exhibit.succeeds(key, daily_values(source, durations=0))
        matches(full=False)
        has_durations = source.ended_at is not None or source.duration is not None
        exhibit.succeeds(key, daily_values(source, durations=int(has_durations)))
    matches(full=False)  # the oldest start is unknown
    exhibit.succeeds(ACTIVE, active_values(source, 1))
    if source.id is not None:
        matches(full=False)
        exhibit.recoveries.change(("app", "chats"), returned=0)
    if source.recovery.set:
        matches(full=False)
        exhibit.recoveries.change(
            ("app", "chats"),
            brakes=frozenset(),
            paused=False,
            candidates=1,
            held=0,
            last_run=1.0,
            expires_at=2000.0,
        )
    matches(full=True)
    hand_clock.now += STALE_AFTER + 1
    matches(full=False)
    assert series_of(exhibit, "other") == exhibit.value("session_exporter_series", source="other")


@pytest.mark.parametrize("sources", [3, 1000])
async def test_a_page_of_many_sources_is_made_off_the_event_loop(
    load_sources: LoadSources,
    hand_clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    sources: int,
) -> None:
    (plain,) = load_sources(chats=PLAIN).sources.values()
    named = dict.fromkeys(map("chats_{}".format, range(sources)), plain)
    config = load_sources(chats=PLAIN).model_copy(update={"sources": named})
    exhibit = Exhibit(config, hand_clock)
    threads = []

    def recorded(*args: Any) -> Iterator[bytes]:
        threads.append(threading.current_thread() is threading.main_thread())
        return join(*args)

    monkeypatch.setattr(exporter.daemon.pages.metrics_page, "join", recorded)
    pages = await asyncio.gather(*(exhibit.page.rendered(TEXT) for _ in range(5)))
    assert threads == [False]
    assert set(pages) == {exhibit.page.render(TEXT)}
