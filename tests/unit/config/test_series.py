"""The number of time series that a source can have."""

from collections.abc import Callable

import pytest

from exporter.config import Source

# What a source with nothing but the required keys has: 2 counts, a histogram of 15, the oldest
# start, the oldest orphan and the excess, 2 kinds, the estimated rows, 2 + 6 * 7 daily, 2 limits,
# 3 modes, the lost sessions.
BASE = 2 + 15 + 3 + 2 + 1 + 44 + 2 + 3 + 1

# 3 triggers, undone, contradicted, returned, 10 reasons of failures and 3 of skips, 8 brakes,
# paused, candidates, held, the last run.
RECOVERY = 3 + 3 + 10 + 3 + 8 + 4

SOURCES = {
    "nothing besides": ([], BASE),
    "no daily statistics": (["daily: null"], BASE - 44),
    "one day": (["daily: {days: 1}"], BASE - 36),
    "no alert": (["alert_above: null"], BASE - 1),
    "an objective": (["objective: 99%"], BASE + 1),
    "a sign of life": (["last_seen_at: x"], BASE + 15),
    "a sign of life and a limit": (["last_seen_at: x", "overlong_after: 1d"], BASE + 15 + 1 + 1),
    "an end": (["ended_at: x"], BASE + 14 + 3),
    "an end, and no daily statistics": (["ended_at: x", "daily: null"], BASE - 44 + 2),
    "a duration": (["duration: x"], BASE + 14 + 1),
    "a recovery": (["id: x", "recovery: {set: {a: true}, end_at: now}"], BASE + RECOVERY),
    "a limit for each user": (["limit_per: {key: x, max: 1}"], BASE + 2),
    "an owner": (["owner: x"], BASE),
    "two conditions": (["integrity: {a: x, b: y}"], BASE + 2),
    "a label with two values": (
        ["labels: {a: {value: a, values: [x, y]}}"],
        BASE + 3 * (2 + 1 + 5 * 7),
    ),
    "two labels": (
        ["labels: {a: {value: a, values: [x, y]}, b: {value: b, values: [z]}}"],
        BASE + 3 * 2 * (2 + 1 + 5 * 7),
    ),
    "two labels and everything": (
        [
            "labels: {a: {value: a, values: [x, y]}, b: {value: b, values: [z]}}",
            "last_seen_at: x",
            "overlong_after: 1d",
            "ended_at: x",
            "duration: x",
            "integrity: {a: x}",
        ],
        7 * 3 + 30 + 3 + 7 + 1 + 7 * (1 + 7 * 7) + 7 + 3 + 3 + 2,
    ),
}


@pytest.mark.parametrize(("lines", "series"), SOURCES.values(), ids=SOURCES)
def test_series(load_source: Callable[..., Source], lines: list[str], series: int) -> None:
    assert load_source(*lines).series() == series


def test_as_many_as_allowed_are_allowed_and_one_more_is_not(
    load_source: Callable[..., Source], problems_of_source: Callable[..., str]
) -> None:
    assert load_source(f"max_series: {BASE}").series() == BASE
    assert f"at most {BASE - 1} series" in problems_of_source(f"max_series: {BASE - 1}")
