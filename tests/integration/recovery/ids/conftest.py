"""`command("recover", …)`: commands on one source, whose id has several columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run, write_config

Command = Callable[..., str]


@pytest.fixture
def config_of(any_database: EmbeddedDatabase, tmp_path: Path) -> Callable[..., Path]:
    """`config_of(id=["a", "b"])`: a config file with the source `it`."""

    def config_of(**changes: Any) -> Path:
        source = {
            "table": "public.it",
            "active": "is_open",
            "started_at": "started",
            "last_seen_at": "seen",
            "id": ["a", "b"],
            "orphaned_after": "1h",
            "recovery": {"set": {"is_open": "false"}, "pause": "1ms"},
        }
        return write_config(tmp_path, {"app": {"dsn": any_database.dsn}}, {"it": source | changes})

    return config_of


@pytest.fixture
def command(config_of: Callable[..., Path], tmp_path: Path) -> Command:
    """`command("orphans", id=["a", "b"])`: what it prints."""

    def command(*arguments: str, exits: int = 0, **changes: Any) -> str:
        done = run(*arguments, "-c", config_of(**changes), folder=tmp_path)
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command
