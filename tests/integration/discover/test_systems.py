"""`init` on the session systems of the demo: right without an edit but for the threshold."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from exporter.config import load_config
from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run

#: By table: what each source means, without its threshold.
RIGHT: dict[str, dict[str, Any]] = {
    "conversations.conversation_sessions": {
        "active": "is_active",
        "started_at": "session_start",
        "last_seen_at": None,
        "ended_at": "session_end",
        "duration": "duration_seconds",
        "id": "session_id",
    },
    "coaching.roleplay_sessions": {
        "active": "status = 'in_progress'",
        "started_at": "started_at",
        "last_seen_at": None,
        "ended_at": "ended_at",
        "id": "id",
    },
    "coaching.transcripts": {
        "active": "status = 'processing'",
        "started_at": "created_at",
        "last_seen_at": "updated_at",
        "ended_at": None,
        "id": "id",
    },
    "training.roleplay_sessions": {
        "active": '"completedAt" IS NULL',
        "started_at": "createdAt",
        "ended_at": "completedAt",
        "duration": "duration",
        "id": "id",
        "timestamps_in": "UTC",
    },
    "practice_calls.calls": {
        "active": "state = 'active'",
        "started_at": "started_at",
        "last_seen_at": None,
        "ended_at": "ended_at",
        "id": "id",
        "owner": "server_id",
    },
}


@pytest.fixture
def systems(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """The systems with their history, which ends now."""
    with database.connect() as connection:
        connection.autocommit = True
        ((now,),) = connection.execute("SELECT now()").fetchall()
        history.fill(connection, now)
        calls = files("exporter.demo.systems").joinpath("practice_calls.sql")
        connection.execute(calls.read_bytes())
    return database


def test_the_systems_are_declared_right_and_can_be_checked(
    systems: EmbeddedDatabase, tmp_path: Path
) -> None:
    dsn = systems.dsn_for("postgres")
    done = run("init", dsn, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    config = load_config(tmp_path / "config.yaml", {"DATABASE_URL": dsn})
    found = {str(each.table): each for each in config.sources.values()}
    assert found.keys() == RIGHT.keys()
    for table, right in RIGHT.items():
        for key, value in right.items():
            given = getattr(found[table], key)
            assert getattr(given, "sql", getattr(given, "of", given)) == value, (table, key)
    seen = found["training.roleplay_sessions"].last_seen_at
    assert seen is not None
    assert "messages -> -1 ->> 'timestamp'" in seen.sql
    assert not any(each.recovery.is_declared for each in found.values())
    checked = run("check", "--live", folder=tmp_path, DATABASE_URL=dsn)
    assert checked.returncode == 0, checked.stdout


def test_without_indexes_the_rows_say_the_same(systems: EmbeddedDatabase, tmp_path: Path) -> None:
    """Only of the table without rows nothing is sure."""
    with systems.connect() as connection:
        found = connection.execute(
            "SELECT format('DROP INDEX %I.%I', schemaname, indexname) FROM pg_indexes"
            " WHERE schemaname NOT LIKE 'pg\\_%' AND indexname NOT LIKE '%\\_pkey'"
        ).fetchall()
        connection.execute("; ".join(each for (each,) in found).encode())
    printed = run("init", systems.dsn_for("postgres"), "-o", "-", folder=tmp_path).stdout
    path = tmp_path / "config.yaml"
    path.write_text(printed, encoding="utf-8")
    sources = load_config(path, {"DATABASE_URL": ""}).sources.values()
    declared = {str(each.table): each.active for each in sources}
    right = {table: keys["active"] for table, keys in RIGHT.items()}
    right.pop("practice_calls.calls")
    assert declared == right


def test_with_the_proposed_thresholds_no_live_session_is_orphaned(
    systems: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Those that the demo's own config, written by hand, does not call orphaned."""
    dsn = systems.dsn_for("postgres")
    run("init", dsn, folder=tmp_path)
    listed = run("orphans", "--format", "json", folder=tmp_path, DATABASE_URL=dsn)
    orphans = {
        each["id"][0] if isinstance(each["id"], list) else each["id"]
        for source in json.loads(listed.stdout)
        for each in source["orphans"]
    }
    with systems.connect() as connection:
        live = connection.execute(
            "SELECT id::text FROM coaching.roleplay_sessions"
            " WHERE status = 'in_progress' AND started_at > now() - interval '10 minutes'"
            " UNION ALL SELECT id::text FROM training.roleplay_sessions"
            ' WHERE "completedAt" IS NULL AND "createdAt" > now() AT TIME ZONE \'UTC\''
            " - interval '2 hours'"
        ).fetchall()
    assert live
    assert not orphans & {each for (each,) in live}


def test_without_rows_only_what_a_partial_index_says_is_sure(
    systems: EmbeddedDatabase, tmp_path: Path
) -> None:
    printed = run("init", systems.dsn_for("postgres"), "--catalog-only", "-o", "-", folder=tmp_path)
    assert "(--catalog-only), and no row" in printed.stdout
    assert "p99" not in printed.stdout
    path = tmp_path / "config.yaml"
    path.write_text(printed.stdout, encoding="utf-8")
    sources = load_config(path, {"DATABASE_URL": ""}).sources.values()
    found = {str(each.table): each.active for each in sources}
    assert found.items() <= {table: right["active"] for table, right in RIGHT.items()}.items()
    assert "coaching.roleplay_sessions" in found
    assert "training.roleplay_sessions" not in found  # whose zone nothing confirms
