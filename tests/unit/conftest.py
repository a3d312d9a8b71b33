"""Sources as config files declare them, and a clock that only moves when a test moves it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.clock import Clock
from exporter.config import Config, load_config

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


@pytest.fixture
def load_sources(tmp_path: Path) -> LoadSources:
    """`load_sources(chats=FULL, calls=PLAIN)` -> Config with one database, `app`"""

    def load(**sources: dict[str, Any]) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"databases": {"app": {"dsn": ""}}, "sources": sources}))
        return load_config(path, {})

    return load


@dataclass
class HandClock:
    """Seconds since an arbitrary moment."""

    now: float = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, wall=lambda: 1_700_000_000.0 + self.now)


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()
