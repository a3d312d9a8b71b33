"""Which losses are counted of a list without a table, and which across a step of the clock."""

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.clock import Offsets
from exporter.collection.active import ActiveValues
from exporter.collection.active.listed import listed_values
from exporter.collection.active.lost import Losses
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshot, Snapshots, State
from exporter.config import ListedSource, load_config
from exporter.evidence.answers import ListedSession

NOW = 1_800_000_000.0
HOUR = 3600.0
FILE = """\
lists:
  calls: {urls: {main: "http://calls/live"}, key: user, started_at: s, last_seen_at: l}
sources:
  calls: {list: calls, orphaned_after: 2h, future_tolerance: 10s}
"""
KEY = Key("list calls", "calls", "active")


@pytest.fixture
def source(tmp_path: Path) -> ListedSource:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return load_config(path, {}).listed["calls"]


def seen(*silences: float) -> dict[str, ListedSession]:
    """Listed sessions that are silent for so many seconds at NOW."""
    return {
        f"{number}": ListedSession(NOW - 9 * HOUR, NOW - each, "anna")
        for number, each in enumerate(silences)
    }


def test_what_a_list_holds_is_lost_once_when_it_crosses_the_line(source: ListedSource) -> None:
    sessions = seen(2 * HOUR + 5.0, 2 * HOUR - 5.0, 2 * HOUR - 80.0, 60.0)
    values: ActiveValues | None = None
    lost = []
    for seconds in (0.0, 10.0, 10.0, 40.0, 4 * HOUR):  # the last one after an outage
        values = listed_values(source, sessions, NOW + seconds, values)
        assert values.losses is not None
        lost.append(values.losses.lost)
    # The first crossed it 5 s before NOW, when the slice had not come so far.
    assert lost == [0, 1, 0, 1, 2]


def test_what_left_its_list_before_its_slice_is_not_lost(source: ListedSource) -> None:
    before = listed_values(source, seen(2 * HOUR - 5.0), NOW, None)
    after = listed_values(source, {}, NOW + 30.0, before)
    assert after.losses is not None
    assert after.losses.lost == 0


@pytest.mark.parametrize(
    ("step", "lost", "skipped"), [(0.0, 7, 0), (4.9, 7, 0), (5.2, 4, 1), (-5.2, 4, 1), (9e4, 4, 1)]
)
def test_a_slice_across_a_step_of_the_clock_is_dropped_and_counted_as_skipped(
    source: ListedSource, step: float, lost: int, skipped: int
) -> None:
    snapshots = Snapshots([(KEY, State(interval=30.0))])
    offset = 0.0

    def collect(at: float, number: int) -> None:
        values = replace(listed_values(source, {}, NOW, None), losses=Losses(NOW + at, number))
        offsets: Offsets = (NOW + offset - 0.05, NOW + offset + 0.05)
        snapshot = Snapshot(values, at, NOW + offset + at, 90.0, None, offsets)
        snapshots.succeeded(KEY, snapshot, duration=0.1, interval=30.0)

    collect(0.0, 0)
    collect(30.0, 1)
    offset = step
    collect(60.0, 3)
    collect(90.0, 3)
    counters = snapshots.counters[KEY[:2]]
    assert (counters.lost, counters.skipped["clock"]) == (lost, skipped)
