"""`defaults`: what a source inherits, and where a problem in them is reported."""

from collections.abc import Callable

import pytest

from exporter.config import Config, DailySettings, Source

HEAD = "databases: {app: {dsn: ''}}\n"
REQUIRED = "table: t, active: a, started_at: b"


@pytest.fixture
def merged(load: Callable[..., Config]) -> Callable[[str, str], Source]:
    """The source `a` of a file with these defaults and these keys."""

    def merged(defaults: str, own: str) -> Source:
        keys = ", ".join(filter(None, (REQUIRED, own)))
        return load(f"{HEAD}defaults: {defaults}\nsources: {{a: {{{keys}}}}}").sources["a"]

    return merged


def test_a_source_inherits_what_it_does_not_write(merged: Callable[[str, str], Source]) -> None:
    source = merged("{orphaned_after: 2h, every: 1m, timezone: Asia/Tokyo}", "every: 5s")
    assert (source.orphaned_after, source.every, source.timezone) == (7200, 5, "Asia/Tokyo")


def test_null_takes_a_default_back(merged: Callable[[str, str], Source]) -> None:
    source = merged(
        "{orphaned_after: 2h, where: x, daily: {days: 3}, recovery: {mode: auto}, id: id}",
        "where: null, daily: null, recovery: null",
    )
    assert (source.where, source.daily, source.recovery.mode) == (None, None, "disabled")


def test_daily_and_recovery_are_merged_key_by_key(merged: Callable[[str, str], Source]) -> None:
    source = merged("{orphaned_after: 2h, daily: {days: 3, timeout: 1m}}", "daily: {days: 5}")
    assert source.daily == DailySettings.model_validate({"days": 5, "timeout": "1m"})


def test_a_source_has_daily_statistics_again_although_the_defaults_have_none(
    merged: Callable[[str, str], Source],
) -> None:
    source = merged("{orphaned_after: 2h, daily: null}", "daily: {days: 5}")
    assert source.daily == DailySettings(days=5)


def test_everything_else_is_replaced_as_a_whole(merged: Callable[[str, str], Source]) -> None:
    source = merged(
        "{orphaned_after: 2h, labels: {x: {value: x, values: [a]}}, started_at: {column: c}}",
        "labels: {y: {value: y, values: [b]}}",
    )
    assert list(source.labels) == ["y"]


def test_required_keys_may_stand_in_the_defaults(load: Callable[..., Config]) -> None:
    config = load(
        f"{HEAD}defaults: {{{REQUIRED}, orphaned_after: 1h, database: app}}\n"
        "sources: {a: {}, b: {table: u}}"
    )
    assert [str(source.table) for source in config.sources.values()] == ["t", "u"]


PROBLEMS = {
    "a wrong default is reported once, where it is written": (
        "defaults: {every: soon}\n",
        "orphaned_after: 1h",
        "config.yaml:2: defaults.every: expected a duration such as 30s, 10m, 2h or 7d, got 'soon'",
    ),
    "a misspelt default": (
        "defaults: {evry: 1m}\n",
        "orphaned_after: 1h",
        "config.yaml:2: defaults.evry: unknown key; did you mean every?",
    ),
    "a wrong default that every source replaces is still wrong": (
        "defaults: {orphaned_after: 0s}\n",
        "orphaned_after: 1h",
        "config.yaml:2: defaults.orphaned_after: expected a duration longer than 0, got '0s'",
    ),
    "a wrong value inside merged defaults": (
        "defaults: {daily: {days: 0}}\n",
        "orphaned_after: 1h, daily: {every: 1m}",
        "config.yaml:2: defaults.daily.days: expected a whole number, at least 1, got 0",
    ),
    "a wrong value inside the source's own part": (
        "defaults: {daily: {days: 1}}\n",
        "orphaned_after: 1h, daily: {every: 0s}",
        (
            "config.yaml:4: sources.a.daily.every: expected a duration longer than 0, got '0s'\n"
            "config.yaml:5: sources.b.daily.every: expected a duration longer than 0, got '0s'"
        ),
    ),
    "an unknown database in the defaults": (
        "defaults: {database: ap}\n",
        "orphaned_after: 1h",
        (
            "config.yaml:2: defaults.database: expected the name of a database, got 'ap'; "
            "did you mean app?"
        ),
    ),
    "a contradiction of two defaults is reported once": (
        "defaults: {stale_after: 1s, every: 1m}\n",
        "orphaned_after: 1h",
        (
            "config.yaml:2: defaults.stale_after: expected stale_after to be at least twice every, "
            "got stale_after '1s' and every '1m'; values would disappear between two collections"
        ),
    ),
    "a contradiction with a default is reported at the source": (
        "defaults: {stale_after: 45s}\n",
        "orphaned_after: 1h, every: 1m",
        (
            "config.yaml:4: sources.a.every: expected stale_after to be at least twice every, "
            "got stale_after '45s' and every '1m'; values would disappear between two collections\n"
            "config.yaml:5: sources.b.every: expected stale_after to be at least twice every, "
            "got stale_after '45s' and every '1m'; values would disappear between two collections"
        ),
    ),
    "a default that lacks something in each source": (
        "defaults: {overlong_after: 1d}\n",
        "orphaned_after: 1h",
        (
            "config.yaml:4: sources.a.overlong_after: expected last_seen_at beside overlong_after, "
            "got overlong_after '1d' and no last_seen_at; without a sign of life, orphaned_after "
            "alone decides\n"
            "config.yaml:5: sources.b.overlong_after: expected last_seen_at beside overlong_after, "
            "got overlong_after '1d' and no last_seen_at; without a sign of life, orphaned_after "
            "alone decides"
        ),
    ),
    "too many series because of a default": (
        "defaults: {max_series: 10}\n",
        "orphaned_after: 1h",
        (
            "config.yaml:4: sources.a: expected at most 10 series (max_series), got 73, of which "
            "43 are daily statistics; use fewer labels, values or days, or raise max_series\n"
            "config.yaml:5: sources.b: expected at most 10 series (max_series), got 73, of which "
            "43 are daily statistics; use fewer labels, values or days, or raise max_series"
        ),
    ),
}


@pytest.mark.parametrize(("defaults", "own", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_problems(problems: Callable[..., str], defaults: str, own: str, message: str) -> None:
    keys = f"{{{REQUIRED}, {own}}}"
    assert problems(f"{HEAD}{defaults}sources:\n  a: {keys}\n  b: {keys}\n") == message
