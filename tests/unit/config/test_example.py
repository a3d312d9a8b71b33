"""The config.yaml of this repository."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.config import Label, OutputColumn, Source, TableName, TimeColumn, load_config

EXAMPLE = Path(__file__).parents[3] / "config.yaml"


@pytest.fixture(scope="module")
def sources() -> Mapping[str, Source]:
    config = load_config(EXAMPLE, {"DATABASE_URL": "host=nowhere"})
    assert config.databases["app"].dsn == "host=nowhere"
    assert list(config.sources) == ["conversations", "coaching", "transcripts", "training"]
    return config.sources


def test_conversations_are_orphaned_after_two_hours(sources: Mapping[str, Source]) -> None:
    source = sources["conversations"]
    assert source.table == TableName("conversations", "conversation_sessions")
    assert (source.active, source.id, source.duration) == (
        "is_active",
        "session_id",
        "duration_seconds",
    )
    assert (source.orphaned_after, source.alert_above) == (7200, 5)
    assert source.ended_at == TimeColumn(sql="session_end")
    assert source.last_seen_at is None
    assert source.show == (OutputColumn(name="user_id", sql="user_id"),)


def test_coaching_is_orphaned_after_ten_minutes(sources: Mapping[str, Source]) -> None:
    assert sources["coaching"].active == "status = 'in_progress'"
    assert sources["coaching"].orphaned_after == 600
    assert [shown.name for shown in sources["coaching"].show] == ["trainee_id", "persona_id"]


def test_transcripts_are_seen_when_they_are_updated(sources: Mapping[str, Source]) -> None:
    assert sources["transcripts"].active == "status = 'processing'"
    assert sources["transcripts"].last_seen_at == TimeColumn(sql="updated_at")
    assert sources["transcripts"].ended_at is None


def test_training_is_split_by_difficulty(sources: Mapping[str, Source]) -> None:
    source = sources["training"]
    assert source.active == '"completedAt" IS NULL'
    assert source.timestamps_in == "UTC"
    assert source.labels == {
        "difficulty": Label(
            value="difficulty", values=("BEGINNER", "ROOKIE", "PRO", "ELITE", "NIGHTMARE")
        )
    }
    assert source.integrity == {"finished_but_active": "s.messages -> 9 IS NOT NULL"}


def test_nothing_is_recovered(sources: Mapping[str, Source]) -> None:
    assert {source.recovery.mode for source in sources.values()} == {"disabled"}
