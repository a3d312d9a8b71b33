"""What the status page says in words."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.daemon.pages.overview.values import LimitOverview
from exporter.daemon.pages.status import words
from tests.support.pages.overviews import NOW, a_collector, a_recovery, a_source, an_overview
from tests.support.pages.overviews import a_stopped_recovery as stopped


@pytest.mark.parametrize(
    ("standings", "text", "tone"),
    [
        ([], "All is well: 0 sources within limits", "good"),
        (["fine", "fine"], "All is well: 2 sources within limits", "good"),
        (["above_limit", "fine"], "1 of 2 sources is above its limit", "bad"),
        (
            ["above_limit", "above_limit", "failing"],
            "2 of 3 sources are above their limit, 1 cannot be collected",
            "bad",
        ),
        (["failing", "fine"], "1 of 2 sources cannot be collected", "bad"),
        (["attention", "attention"], "2 need attention", "warn"),
        (["waiting", "fine"], "1 is not collected yet", "quiet"),
    ],
)
def test_the_first_sentence_says_how_many_sources_need_a_person(
    standings: list[Any], text: str, tone: str
) -> None:
    sources = [a_source(f"s{n}", 0, standing=each) for n, each in enumerate(standings)]
    assert words.headline_of(an_overview(*sources)) == words.Headline(text, tone)


def test_the_title_counts_what_needs_a_person() -> None:
    assert words.title_of(an_overview(a_source("a", 18))) == "(1) session-exporter"
    assert words.title_of(an_overview(a_source("a", 0))) == "session-exporter"


@pytest.mark.parametrize(
    ("seconds", "text"), [(600.0, "10m"), (90.0, "1m 30s"), (86_400.0, "1d"), (0.0, "0s")]
)
def test_an_age_has_no_unit_of_0(seconds: float, text: str) -> None:
    assert words.brief(seconds) == text


@pytest.mark.parametrize(
    ("limit", "since", "trend"),
    [
        (LimitOverview(5, None, False, None, None, None), "", ""),
        (
            LimitOverview(5, NOW - 3600, False, "rising", 3, 600.0),
            "above for 1h",
            "↗ rising (+3 in 10m)",
        ),
        (
            LimitOverview(5, NOW - 3600, True, "falling", -2, 600.0),
            "above for at least 1h",
            "↘ falling (-2 in 10m)",
        ),
        (LimitOverview(5, None, False, "steady", 0, 600.0), "", "steady"),
    ],
)
def test_since_when_it_is_above_and_where_it_goes(
    limit: LimitOverview, since: str, trend: str
) -> None:
    assert (words.since_of(limit, NOW), words.trend_of(limit)) == (since, trend)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "next in 18s"),
        ({"next_at": NOW - 1}, "next is due"),
        ({"next_at": None}, "running now"),
        ({"next_at": None, "has_run": False}, ""),
    ],
)
def test_when_it_is_collected_next(changes: dict[str, Any], text: str) -> None:
    assert words.next_of(a_collector(**changes), NOW) == text


def test_recovery_is_its_mode_and_what_keeps_it_from_closing() -> None:
    assert words.recovery_of(a_recovery()) == ["off"]
    assert words.recovery_of(a_recovery(mode="dry_run")) == ["dry run"]
    assert words.recovery_of(stopped("x")) == ["automatic", "paused", "stopped: share", "40 held"]


def test_a_source_without_a_limit_is_not_called_within_it() -> None:
    source = a_source("a", 3)
    assert words.state_of(source) == "within limit"
    without = replace(source, limit=replace(source.limit, alert_above=None))
    assert words.state_of(without) == "no limit set"


def test_rows_of_before_a_change_of_the_count_are_told_from_current_ones() -> None:
    source = a_source("a", 3)
    assert not words.lists_another_number(source)
    assert words.lists_another_number(replace(source, orphaned=2))
    assert not words.lists_another_number(replace(source, orphaned=None))
