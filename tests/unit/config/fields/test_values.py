"""What right values become."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    Config,
    DailySettings,
    DatabaseSettings,
    Label,
    OutputColumn,
    Source,
    TableName,
    TimeColumn,
    format_duration,
)
from exporter.config.fields import values
from exporter.config.fields.parser import ExpectedError

DURATIONS = {
    "250ms": 0.25,
    "30s": 30,
    "10m": 600,
    "2h": 7200,
    "7d": 604800,
    "1h30m": 5400,
    "9m59s": 599,
    "1d1h1m1s1ms": 90061.001,
    " 5s ": 5,
    "90m": 5400,
    "3650d": 315360000,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations_become_seconds(
    load_source: Callable[..., Source], text: str, seconds: float
) -> None:
    assert load_source(f"future_tolerance: '{text}'").future_tolerance == seconds


WRITTEN = {
    7200: "2h",
    599: "9m59s",
    0.25: "250ms",
    90061.001: "1d1h1m1s1ms",
    0: "0s",
    0.0001: "0s",
    0.9996: "1s",
    59.9999: "1m",
    -30: "-30s",
    604800: "7d",
}


@pytest.mark.parametrize(("seconds", "text"), WRITTEN.items())
def test_seconds_are_written_as_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(1, 3650 * 86_400_000))
def test_a_duration_that_is_written_reads_the_same(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert DailySettings.model_validate({"timeout": format_duration(seconds)}).timeout == seconds


TABLES = {
    "sessions": TableName(None, "sessions"),
    "public.conversation_sessions": TableName("public", "conversation_sessions"),
    '"Weird Schema"."My Table"': TableName("Weird Schema", "My Table", True, True),
    'public."roleplaySessions"': TableName("public", "roleplaySessions", False, True),
    '"a ""quoted"" name"': TableName(None, 'a "quoted" name', False, True),
    '"a.b".c': TableName("a.b", "c", True, False),
    "größe.straße_2$": TableName("größe", "straße_2$"),
}


@pytest.mark.parametrize(("text", "table"), TABLES.items())
def test_tables_are_parsed_and_written_back_as_declared(text: str, table: TableName) -> None:
    assert TableName.parse(text, "a table") == table
    assert str(table) == text


def test_only_what_is_required(load: Callable[..., Config]) -> None:
    config = load("""
databases: {app: {dsn: ""}}
sources: {chat: {table: t, active: a, started_at: b, orphaned_after: 2h}}
""")
    assert config.path == Path("config.yaml")
    assert config.databases == {"app": DatabaseSettings(name="app", dsn="")}
    assert config.databases["app"].model_dump() == {
        "name": "app",
        "dsn": "",
        "password_file": None,
        "password_command": None,
        "password_lifetime": 900.0,
        "password_timeout": 10.0,
        "max_connections": 2,
        "max_recovery_connections": 2,
        "connect_timeout": 5.0,
        "lock_timeout": 1.0,
        "statement_timeout": 5.0,
        "max_replica_lag": 30.0,
        "row_security": "refuse",
    }
    source = config.sources["chat"]
    assert {key: value for key, value in source if key != "recovery"} == {
        "name": "chat",
        "databases": ("app",),
        "table": TableName(None, "t"),
        "where": None,
        "active": "a",
        "started_at": TimeColumn(sql="b", epoch=None),
        "last_seen_at": None,
        "ended_at": None,
        "duration": None,
        "id": None,
        "owner": None,
        "list": None,
        "orphaned_after": 7200.0,
        "overlong_after": None,
        "limit_per": None,
        "alert_above": 5,
        "objective": None,
        "timezone": "UTC",
        "timestamps_in": None,
        "every": 30.0,
        "stale_after": None,
        "daily": DailySettings.model_validate({"every": "5m", "timeout": "30s", "days": 7}),
        "labels": {},
        "integrity": {},
        "show": (),
        "max_series": 1000,
        "future_tolerance": 60.0,
    }
    assert source.recovery.mode == "disabled"


def test_everything_there_is(load: Callable[..., Config], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    config = load("""
databases:
  app:
    dsn: postgresql://app@db/app
    password_file: password
    max_connections: 3
    max_recovery_connections: 4
    connect_timeout: 2s
    statement_timeout: 10s
    lock_timeout: 500ms
    max_replica_lag: 1m
    row_security: trust
  audit:
    dsn: service=audit
    password_command: [token, "5"]
    password_lifetime: 1h
    password_timeout: 1m
sources:
  chat:
    database: [app, audit]
    table: |
      "My Schema".sessions
    where: deleted_at IS NULL
    active: |
      "completedAt" IS NULL   -- not yet
    started_at: {column: CreateAt, epoch: ms}
    last_seen_at: greatest(a, b)
    ended_at: completedAt
    duration: extract(epoch from a - b)
    id: session_id
    orphaned_after: 10m
    overlong_after: 8h
    alert_above: null
    timezone: Europe/Berlin
    timestamps_in: Asia/Kathmandu
    every: 15s
    stale_after: 30s
    daily: null
    labels:
      size: {value: size, values: [S, 42, "yes"]}
    integrity: {done: messages > 9}
    show: [user_id, {hours: age(a)}]
    max_series: 5000
    future_tolerance: 5s
    recovery:
      mode: dry_run
      set: {is_open: false, "Ended": "{end}", tries: 3, note: null}
      end_at: least(now(), s.started + interval '2 h')
      mark: {column: config, merge: {by: [exporter, 1]}}
      returning: [user_id, {who: upper(user_id)}]
      evidence: EXISTS (SELECT)
      exempt: vip
      max_age: 3d
      max_share: 50%
      max_count: 7
      batch: 10
      pause: 1s
""")
    database = config.databases["app"]
    assert database.dsn == "postgresql://app@db/app"
    assert database.password_file == Path("password")
    assert (database.max_connections, database.max_recovery_connections) == (3, 4)
    assert database.row_security == "trust"
    assert (database.connect_timeout, database.lock_timeout) == (2, 0.5)
    assert (database.statement_timeout, database.max_replica_lag) == (10, 60)
    audit = config.databases["audit"]
    assert audit.password_command == ("token", "5")
    assert (audit.password_lifetime, audit.password_timeout) == (3600, 60)
    source = config.sources["chat"]
    assert source.databases == ("app", "audit")
    assert source.table == TableName("My Schema", "sessions", schema_quoted=True)
    assert source.where == "deleted_at IS NULL"
    assert source.active == '"completedAt" IS NULL   -- not yet'
    assert source.started_at == TimeColumn(sql="CreateAt", epoch="ms")
    assert source.last_seen_at == TimeColumn(sql="greatest(a, b)")
    assert source.ended_at == TimeColumn(sql="completedAt")
    assert (source.duration, source.id) == ("extract(epoch from a - b)", "session_id")
    assert (source.orphaned_after, source.overlong_after) == (600, 28800)
    assert (source.alert_above, source.daily) == (None, None)
    assert (source.timezone, source.timestamps_in) == ("Europe/Berlin", "Asia/Kathmandu")
    assert (source.every, source.stale_after) == (15, 30)
    assert source.labels == {"size": Label(value="size", values=("S", "42", "yes"))}
    assert source.integrity == {"done": "messages > 9"}
    assert source.show == (
        OutputColumn(name="user_id", sql="user_id"),
        OutputColumn(name="hours", sql="age(a)"),
    )
    assert (source.max_series, source.future_tolerance) == (5000, 5)
    recovery = source.recovery
    assert recovery.mode == "dry_run"
    assert recovery.set == {"is_open": "false", "Ended": "{end}", "tries": "3", "note": "null"}
    assert recovery.end_at == "least(now(), s.started + interval '2 h')"
    assert recovery.mark is not None
    assert recovery.mark.model_dump() == {"column": "config", "merge": '{"by": ["exporter", 1]}'}
    assert recovery.returning[1] == OutputColumn(name="who", sql="upper(user_id)")
    assert (recovery.evidence, recovery.exempt) == ("EXISTS (SELECT)", "vip")
    assert (recovery.max_age, recovery.max_share, recovery.max_count) == (259200, 0.5, 7)
    assert (recovery.batch, recovery.pause) == (10, 1)


EXPRESSIONS = {
    "where: is_active": "is_active",
    "where: is_active   # required": "is_active",
    "where: is_active #required": "is_active",
    "where: is_active #-------": "is_active",
    "where: a#>>'{b}' IS NULL": "a#>>'{b}' IS NULL",
    "where: a = 'x' # (see the manual": "a = 'x'",
    "where: |\n      a #>> '{b}' = 'c; d'[1:5]".replace("; ", " "): "a #>> '{b}' = 'c d'[1:5]",
    "where: >\n      a\n      AND b": "a\n      AND b".replace("\n      ", " "),
    'where: "\\"createdAt\\" IS NULL"': '"createdAt" IS NULL',
    "where: a % 2 = 0 AND b = '{}'": "a % 2 = 0 AND b = '{}'",
    "where: $${a} = '$1'": "${a} = '$1'",
    "where: \"{'a': 1}\" # {": "{'a': 1}",
}


@pytest.mark.parametrize(("line", "expression"), EXPRESSIONS.items())
def test_expressions_stay_as_they_are_written(
    load_source: Callable[..., Source], line: str, expression: str
) -> None:
    assert load_source(line).where == expression


def test_a_byte_order_mark_is_no_part_of_the_first_key(load: Callable[..., Config]) -> None:
    config = load(
        "\ufeffdatabases: {app: {dsn: ''}}\n"
        "sources: {a: {table: t, active: a, started_at: b, orphaned_after: 2h}}\n"
    )
    assert list(config.databases) == ["app"]


def test_keys_without_any_children_mean_none_of_them(load_source: Callable[..., Source]) -> None:
    source = load_source("labels:", "integrity:", "show:", "recovery:")
    assert (source.labels, source.integrity, source.show) == ({}, {}, ())
    assert source.recovery.mode == "disabled"


def test_the_digest_is_of_the_file_and_not_of_the_environment(load: Callable[..., Config]) -> None:
    sources = "sources: {a: {table: t, active: a, started_at: b, orphaned_after: 2h}}\n"
    text = "databases: {app: {dsn: '${URL}'}}\n" + sources
    one, two = load(text, {"URL": "one"}), load(text, {"URL": "two"})
    assert one.digest == two.digest
    assert len(one.digest) == 12
    assert load(text + "#", {"URL": "one"}).digest != one.digest


def test_a_config_cannot_be_changed(load_source: Callable[..., Source]) -> None:
    source: Any = load_source("labels: {size: {value: size, values: [S]}}")
    with pytest.raises(ValueError, match="frozen"):
        source.every = 1.0
    with pytest.raises(ValueError, match="frozen"):
        source.daily.days = 1
    with pytest.raises(TypeError):
        source.labels["color"] = source.labels["size"]
    with pytest.raises(AttributeError):
        source.table.name = "other"


def test_yaml_anchors_and_merge_keys_work(load: Callable[..., Config]) -> None:
    config = load("""
x-table: &table
  table: t
  active: a
  started_at: b
  orphaned_after: 1h
x-short: &short {orphaned_after: 10m, where: c}
databases: {app: {dsn: ""}}
sources:
  one: *table
  two: {<<: *table, orphaned_after: 2h}
  three: {<<: [*short, *table]}
""")
    after = {name: source.orphaned_after for name, source in config.sources.items()}
    assert after == {"one": 3600, "two": 7200, "three": 600}
    assert config.sources["three"].where == "c"


def test_a_time_zone_is_checked_without_a_list_of_all(load_source: Callable[..., Source]) -> None:
    values._time_zones.cache_clear()
    load_source("timezone: Europe/Berlin")
    assert values._time_zones.cache_info().misses == 0


@pytest.mark.parametrize("name", ["Europe", "posix/Europe/Berlin", "posixrules", "right/UTC"])
def test_what_is_no_name_of_a_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ExpectedError):
        values._parse_time_zone(name)
