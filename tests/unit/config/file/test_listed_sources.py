"""Sources without a table: which keys they have, and what is wrong with others."""

from collections.abc import Callable

import pytest

from exporter.config import Config
from exporter.errors import ConfigError

LISTS = """\
lists:
  calls: {urls: {a: "http://a/calls", b: "http://b/calls"}, started_at: startedAt}
  seen: {urls: {main: "http://a/seen"}, last_seen_at: seen, key: user}
  locks: {sql: SELECT id FROM live}
"""
DATABASES = 'databases: {app: {dsn: ""}, other: {dsn: ""}}\n'
TABLE = "  chat: {table: t, active: a, started_at: b, orphaned_after: 2h, database: app}\n"


def sources(*lines: str) -> str:
    return LISTS + "sources:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_list_needs_neither_table_nor_database(load: Callable[..., Config]) -> None:
    config = load(sources("calls: {list: calls, orphaned_after: 10m}"))
    source = config.listed["calls"]
    assert (dict(config.sources), dict(config.databases)) == ({}, {})
    assert source.databases == ("list calls",)
    assert (source.of.name, source.orphaned_after, source.alert_above) == ("calls", 600.0, 5)
    assert list(config.all_sources) == ["calls"]


def test_a_list_of_a_query_is_read_in_its_databases(load: Callable[..., Config]) -> None:
    config = load(
        DATABASES + sources("locks: {list: locks, orphaned_after: 1h, database: [app, other]}")
    )
    assert config.listed["locks"].databases == ("app", "other")


@pytest.mark.parametrize("query", ["SELECT id, who AS key FROM live", "SELECT * FROM live"])
def test_a_query_may_say_whose_a_session_is(load: Callable[..., Config], query: str) -> None:
    limited = sources(
        "locks: {list: locks, orphaned_after: 1h, database: app, limit_per: {max: 1}}"
    )
    config = load(DATABASES + limited.replace("SELECT id FROM live", f'"{query}"'))
    assert config.listed["locks"].limit_per is not None


def test_it_stands_beside_tables_and_takes_the_defaults_that_it_knows(
    load: Callable[..., Config],
) -> None:
    defaults = "defaults: {timezone: Europe/Berlin, alert_above: 9, database: app, daily: null}\n"
    config = load(
        DATABASES + defaults + sources("calls: {list: calls, orphaned_after: 1h}") + TABLE
    )
    assert config.listed["calls"].alert_above == 9
    assert config.sources["chat"].alert_above == 9
    assert list(config.all_sources) == ["chat", "calls"]


WRONG = {
    "a table is meant": (
        sources("chat: {list: calls, active: a, orphaned_after: 1h}"),
        "sources.chat.table: expected this key",
    ),
    "no such list": (
        sources("calls: {list: cals, orphaned_after: 1h}"),
        "sources.calls.list: expected the name of one of the lists, got 'cals'; did you mean calls",
    ),
    "no threshold": (
        sources("calls: {list: calls}"),
        "sources.calls.orphaned_after: expected this key, for example `orphaned_after: 2h`",
    ),
    "a key of tables": (
        sources("calls: {list: calls, orphaned_after: 1h, daily: null}"),
        "sources.calls.daily: unknown key; known here: list, database, orphaned_after",
    ),
    "a threshold of rows": (
        sources('calls: {list: calls, orphaned_after: {sql: "x"}}'),
        "sources.calls.orphaned_after: expected a duration",
    ),
    "no times": (
        LISTS.replace(", started_at: startedAt", "")
        + "sources: {calls: {list: calls, orphaned_after: 1h}}\n",
        "sources.calls.list: expected started_at or last_seen_at in lists.calls, got 'calls'",
    ),
    "overlong without a sign of life": (
        sources("calls: {list: calls, orphaned_after: 1h, overlong_after: 2h}"),
        "sources.calls.overlong_after: expected last_seen_at in lists.calls beside overlong_after",
    ),
    "a limit without a key": (
        sources("calls: {list: calls, orphaned_after: 1h, limit_per: {max: 1}}"),
        "sources.calls.limit_per: expected key in lists.calls beside limit_per",
    ),
    "a limit without a key in the query": (
        DATABASES
        + sources("locks: {list: locks, orphaned_after: 1h, database: app, limit_per: {max: 1}}"),
        "sources.locks.limit_per: expected a column key of lists.locks.sql beside limit_per",
    ),
    "stale too soon": (
        sources("calls: {list: calls, orphaned_after: 1h, stale_after: 20s}"),
        "sources.calls.stale_after: expected at least twice every of lists.calls",
    ),
    "a database that is not asked": (
        DATABASES + sources("calls: {list: calls, orphaned_after: 1h, database: app}"),
        "sources.calls.database: expected no database, as lists.calls has urls, got 'app'",
    ),
    "a query without a database": (
        sources("locks: {list: locks, orphaned_after: 1h}"),
        "databases: expected at least one of the databases, got none",
    ),
    "a query in one of several databases": (
        DATABASES + sources("locks: {list: locks, orphaned_after: 1h}"),
        "sources.locks.database: expected the name of a database, got nothing",
    ),
    "too many series": (
        sources("calls: {list: calls, orphaned_after: 1h, max_series: 40}"),
        "sources.calls: expected at most 40 series (max_series), got 51",
    ),
    "a table without a database": (
        sources("calls: {list: calls, orphaned_after: 1h}") + TABLE,
        "databases: expected at least one of the databases, got none",
    ),
}


@pytest.mark.parametrize(("file", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(load: Callable[..., Config], file: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert problem in str(raised.value)


def test_everything_that_is_wrong_is_said_at_once(load: Callable[..., Config]) -> None:
    file = LISTS.replace("http://a/calls", "ftp://a") + (
        "sources:\n  calls: {list: calls, orphaned_after: 1}\n  chat: {table: t}\n"
    )
    with pytest.raises(ConfigError) as raised:
        load(file)
    text = str(raised.value)
    for part in ("lists.calls.urls.a: ", "sources.calls.orphaned_after: ", "chat.active: "):
        assert part in text
