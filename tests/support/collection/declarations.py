"""Sources as a config file declares them."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter.config import Config, DatabaseSettings, Source, load_config
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.documents import CONFIGURATION

#: The least that a source can be, all defaults but the daily statistics.
PLAIN: dict[str, Any] = {
    "table": "public.chats",
    "active": "is_active",
    "started_at": "started",
    "orphaned_after": "2h",
    "alert_above": None,
    "daily": None,
}

#: Everything that makes a metric.
FULL: dict[str, Any] = {
    **PLAIN,
    "last_seen_at": "seen",
    "ended_at": "ended",
    "duration": "seconds",
    "id": "id",
    "overlong_after": "3h",
    "alert_above": 5,
    "daily": {"days": 3},
    "labels": {
        "level": {"value": "level", "values": ["easy", "hard"]},
        "plan": {"value": "plan", "values": ["free"]},
    },
    "integrity": {"too_long": "length > 10"},
}

LoadSources = Callable[..., Config]

ONE_DATABASE = """\
databases:
  app: {dsn: "${DATABASE_URL}"}
sources:
"""

#: The three session systems as their users declare them.
CONVERSATIONS = """\
conversations:
  table: conversations.conversation_sessions
  active: is_active
  started_at: session_start
  ended_at: session_end
  duration: duration_seconds
  id: session_id
  orphaned_after: 2h
  show: [user_id]
"""

COACHING = """\
coaching:
  table: coaching.roleplay_sessions
  active: |
    status = 'in_progress'
  started_at: started_at
  ended_at: ended_at
  id: id
  orphaned_after: 10m
  show: [trainee_id, persona_id]
"""


def message_time(database: EmbeddedDatabase) -> str:
    """The safe expression of docs/configuration/ for this version of PostgreSQL."""
    asking, matching = safe_expressions()
    return asking if database.server.major >= 16 else matching


def safe_expressions() -> tuple[str, str]:
    """Both from docs/configuration/: the one that asks PostgreSQL, and the pattern."""
    section = CONFIGURATION["rarely"].partition("## Timestamps inside JSON")[2]
    asking, matching = section.split("last_seen_at: |\n")[1:]
    return tuple(textwrap.dedent(text.partition("```")[0]) for text in (asking, matching))  # type: ignore[return-value]


def training(last_seen_at: str, *, timestamps_in: str | None = "UTC") -> str:
    zone = f"  timestamps_in: {timestamps_in}\n" if timestamps_in else ""
    return (
        f"""\
training:
  table: training.roleplay_sessions
  active: |
    "completedAt" IS NULL
  started_at: createdAt
  last_seen_at: |
{textwrap.indent(last_seen_at, "    ")}
  ended_at: completedAt
  duration: duration
  id: id
{zone}"""
        """\
  orphaned_after: 2h
  labels:
    difficulty:
      value: difficulty
      values: [BEGINNER, ROOKIE, PRO, ELITE, NIGHTMARE]
  integrity:
    finished_but_active: |
      s.messages -> 9 IS NOT NULL
  show: [userId]
"""
    )


def one_database(*sources: str) -> str:
    """A whole config file with these sources in one database called app."""
    return ONE_DATABASE + textwrap.indent("".join(map(textwrap.dedent, sources)), "  ")


def source_of(folder: Path, text: str) -> Source:
    """The one source that a YAML text declares."""
    path = folder / "config.yaml"
    path.write_text(one_database(text), encoding="utf-8")
    (source,) = load_config(path, {"DATABASE_URL": ""}).sources.values()
    return source


def settings_of(dsn: str) -> DatabaseSettings:
    """The settings of one database, all else left at the defaults."""
    return DatabaseSettings(name="app", dsn=dsn)
