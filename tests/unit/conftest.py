"""Sources as config files declare them, and a clock that moves when a test moves it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, load_config
from tests.support.collection.declarations import LoadSources
from tests.support.collection.hand_clock import HandClock


@pytest.fixture
def load_sources(tmp_path: Path) -> LoadSources:
    """`load_sources(chats=FULL, calls=PLAIN)` -> Config with one database, `app`"""

    def load(**sources: dict[str, Any]) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"databases": {"app": {"dsn": ""}}, "sources": sources}))
        return load_config(path, {})

    return load


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()
