"""What a source without a table counts of its list, and which of its sessions are orphaned."""

from pathlib import Path

import pytest

from exporter.collection.active.listed import listed_values, rows_of
from exporter.collection.active.listed_orphans import listed_blocked_keys, listed_orphans
from exporter.config import ListedSource, load_config
from exporter.evidence.answers import ListedSession

NOW = 1_800_000_000.0
HOUR = 3600.0
FILE = """\
lists:
  calls: {urls: {main: "http://calls/live"}, key: user, started_at: s, last_seen_at: l}
sources:
  calls: {list: calls, orphaned_after: 2h, overlong_after: 4h, limit_per: {max: 2}}
"""

SESSIONS = {
    "fresh": ListedSession(NOW - 5 * HOUR, NOW - 60.0, "anna"),
    "silent": ListedSession(NOW - 6 * HOUR, NOW - 3 * HOUR, "anna"),
    "only started, old": ListedSession(NOW - 3 * HOUR, None, "ben"),
    "only seen": ListedSession(None, NOW - 1.0, "cleo"),
    "on the boundary": ListedSession(NOW - 2 * HOUR, NOW - 2 * HOUR, "ben"),
    "seen before it started": ListedSession(NOW - 60.0, NOW - 9 * HOUR, "dora"),
    "without times": ListedSession(None, None, "dora"),
    "ahead": ListedSession(NOW + 61.0, None, None),
}


def source_of(folder: Path, file: str) -> ListedSource:
    path = folder / "config.yaml"
    path.write_text(file)
    return load_config(path, {}).listed["calls"]


@pytest.fixture
def source(tmp_path: Path) -> ListedSource:
    return source_of(tmp_path, FILE)


def test_each_session_is_judged_by_its_newest_sign_of_life(source: ListedSource) -> None:
    causes = {row.id: row.cause for row in rows_of(source, SESSIONS, NOW) if row.cause}
    assert causes == {"silent": "stale_in_list", "only started, old": "age"}
    sooner = rows_of(source, SESSIONS, NOW, older_than=59.0)
    assert {row.id for row in sooner if row.cause} == {
        *("fresh", "silent", "only started, old", "on the boundary", "seen before it started"),
    }


def test_counts_and_ages_are_those_of_a_table_with_these_rows(source: ListedSource) -> None:
    values = listed_values(source, SESSIONS, NOW)
    assert (values.total.active, values.total.orphaned, values.total.overlong) == (8, 2, 1)
    assert values.by_cause == {"ownerless": 0, "stale_in_list": 1, "ghost": 0, "age": 1}
    assert values.oldest_start == NOW - 6 * HOUR
    assert values.oldest_orphan_last_seen == NOW - 3 * HOUR
    assert values.excess == 2 * HOUR
    assert values.inconsistent == {"undated": 1, "future": 1}
    assert values.age.buckets[-1] == 6
    assert values.age.sum == 16 * HOUR + 60.0
    assert values.silence is not None
    assert values.silence.buckets[-1] == 7
    assert values.keys is not None
    assert (values.keys.at_limit, values.keys.blocked) == (3, 2)


def test_a_store_whose_clock_is_ahead_has_no_orphans_sooner_and_its_sessions_are_counted(
    source: ListedSource,
) -> None:
    """Nothing else shows how old these sessions are; the start is old of each that is long."""
    ahead = {"live": ListedSession(NOW - 5 * HOUR, NOW + HOUR)}
    values = listed_values(source, ahead, NOW)
    assert (values.total.orphaned, values.inconsistent["future"]) == (0, 1)
    later = listed_values(source, ahead, NOW + 3 * HOUR + 1)
    assert (later.total.orphaned, later.inconsistent["future"]) == (1, 0)


def test_an_empty_list_is_no_session_and_no_clock(source: ListedSource) -> None:
    values = listed_values(source, {}, NOW)
    assert (values.now, values.total.active, values.total.orphaned) == (None, 0, 0)
    assert values.oldest_start is None
    assert values.excess == 0.0
    assert values.silence is not None  # the list declares signs of life


def test_without_signs_of_life_there_is_no_silence(tmp_path: Path) -> None:
    file = FILE.replace(", last_seen_at: l", "").replace("overlong_after: 4h, ", "")
    values = listed_values(source_of(tmp_path, file), {"a": ListedSession(NOW - 1.0)}, NOW)
    assert values.silence is None


def test_the_orphans_that_are_silent_for_longest_come_first(source: ListedSource) -> None:
    found = listed_orphans(rows_of(source, SESSIONS, NOW), limit=1)
    assert found.orphaned_count == 2
    (orphan,) = found.orphans
    assert (orphan.id, orphan.cause, orphan.silence) == ("only started, old", "age", 3 * HOUR)


def test_keys_that_orphans_block_are_listed(source: ListedSource) -> None:
    found = listed_blocked_keys(source, rows_of(source, SESSIONS, NOW), limit=1)
    assert found.blocked_count == 2
    (key,) = found.keys
    assert (key.key, key.active, key.orphaned, key.silence) == ("ben", 2, 1, 3 * HOUR)
