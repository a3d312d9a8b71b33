"""`orphaned_after` as a duration, or as SQL that gives an interval of each row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from exporter.config import RowThreshold, json_schema, load_config
from exporter.errors import ConfigError

SOURCE = """\
databases:
  app: {dsn: ""}
sources:
  jobs:
    table: public.job
    active: is_active
    started_at: started_at
    id: id
"""
Load = Callable[[str], Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load(lines)` -> the source with these lines besides, or what is wrong with them"""
    monkeypatch.chdir(tmp_path)

    def load(lines: str) -> Any:
        Path("config.yaml").write_text(SOURCE + lines)
        try:
            return load_config(Path("config.yaml"), {}).sources["jobs"]
        except ConfigError as error:
            return str(error)

    return load


@pytest.mark.parametrize(
    "written",
    [
        "    orphaned_after: {sql: s.expire_in}\n",
        "    orphaned_after:\n      sql: |\n        s.expire_in\n",
    ],
)
def test_a_mapping_with_sql_is_the_threshold_of_each_row(load: Load, written: str) -> None:
    source = load(written)
    assert source.orphaned_after == RowThreshold(sql="s.expire_in")
    assert source.fixed_threshold is None


def test_a_duration_is_the_threshold_of_all_rows(load: Load) -> None:
    source = load("    orphaned_after: 2h\n")
    assert source.orphaned_after == source.fixed_threshold == 7200


def test_a_source_replaces_the_threshold_of_the_defaults_whole(load: Load) -> None:
    defaults = "defaults:\n  orphaned_after: {sql: s.expire_in}\n"
    assert load(defaults).orphaned_after == RowThreshold(sql="s.expire_in")
    assert load(f"    orphaned_after: 1h\n{defaults}").orphaned_after == 3600


def test_it_has_a_series_for_unbounded_rows_and_none_for_the_threshold(load: Load) -> None:
    fixed, own = load("    orphaned_after: 2h\n"), load("    orphaned_after: {sql: expire_in}\n")
    assert own.series() == fixed.series()
    assert own._series_by_part()["kinds of inconsistency"] == 3


DURATION = (
    "config.yaml:9: sources.jobs.orphaned_after: expected a duration such as 30s, 10m, 2h or 7d"
)
WRONG = {
    "an expression alone": (
        "    orphaned_after: s.expire_in\n",
        (
            f"{DURATION}, got 's.expire_in'; for a threshold of each row write sql: inside "
            "orphaned_after, and behind it an expression that gives an interval"
        ),
    ),
    "neither": ("    orphaned_after: soon\n", f"{DURATION}, got 'soon'"),
    "a number": (
        "    orphaned_after: 10\n",
        f"{DURATION}, got 10; write the unit: ms, s, m, h or d",
    ),
    "another key": (
        "    orphaned_after: {column: expire_in}\n",
        (
            "config.yaml:9: sources.jobs.orphaned_after.column: unknown key; known here: sql\n"
            "config.yaml:9: sources.jobs.orphaned_after.sql: expected this key, for example `sql: "
            "s.expire_in`, got nothing"
        ),
    ),
    "two expressions": (
        "    orphaned_after: {sql: s.a; s.b}\n",
        (
            "config.yaml:9: sources.jobs.orphaned_after.sql: expected one SQL expression without "
            ";, got 's.a; s.b'"
        ),
    ),
}


@pytest.mark.parametrize(("lines", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_neither_is_refused_at_its_line(load: Load, lines: str, sentence: str) -> None:
    assert load(lines) == sentence


@pytest.mark.parametrize("mode", ["disabled", "dry_run", "auto"])
def test_recovery_takes_thresholds_of_the_rows_in_each_mode(load: Load, mode: str) -> None:
    source = load(
        "    orphaned_after: {sql: expire_in}\n    recovery:\n"
        f"      {{set: {{is_active: false}}, end_at: now, trust_age: true, mode: {mode}}}\n"
    )
    assert (source.recovery.mode, source.fixed_threshold) == (mode, None)


@pytest.mark.parametrize(
    ("threshold", "is_valid"),
    [("2h", True), ({"sql": "expire_in"}, True), ({"column": "a"}, False), ({}, False), (2, False)],
)
def test_the_json_schema_takes_both_forms(threshold: object, is_valid: bool) -> None:
    config = {"databases": {"app": {"dsn": ""}}, "sources": {"a": {"orphaned_after": threshold}}}
    assert Draft202012Validator(json_schema()).is_valid(config) is is_valid
