"""The applications in memory that the demo runs: what they lose is found, whatever the cause."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exporter.demo import live_applications
from exporter.demo.example import APPLICATIONS_CONFIG
from exporter.demo.roles import prepare_live_applications
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from tests.support.processes.session_exporter import Daemon, Page

pytestmark = pytest.mark.slow

SHORTER = {"20s": "1s", "every: 5s": "every: 300ms", "within: 10s": "within: 1s", "10m": "3s"}


def config_in(folder: Path, dsn: str, urls: dict[str, str]) -> Path:
    text = APPLICATIONS_CONFIG.read_text(encoding="utf-8")
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    for name, value in {**urls, "DATABASE_URL": dsn}.items():
        text = text.replace(f"${{{name}}}", value)
    assert not re.search(r"\$\{", text)
    path = folder / "live_applications.yaml"
    path.write_text(text, encoding="utf-8")
    return path


async def test_ghosts_ownerless_calls_and_a_disagreement_come_and_the_disagreement_goes(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    await prepare_live_applications(database)
    async with live_applications.serving(database.dsn_for(APP), pace=12, dice=Random(1)) as urls:
        path = config_in(tmp_path, database.dsn_for(EXPORTER), urls)
        async with BesideTheLoop(path, tmp_path) as daemon:

            async def until(condition: Callable[[Page], bool], what: str) -> None:
                await asyncio.to_thread(daemon.wait_for_page, condition, what)

            await until(lambda page: _cause(page, "ghost") > 0, "the server has lost a call")
            await until(lambda page: _cause(page, "ownerless") > 0, "the server was killed")
            await until(lambda page: _disagreeing(page) > 0, "a store each")
            await until(lambda page: _disagreeing(page) == 0, "one store")
            await until(lambda page: _orphaned_plays(page) > 0, "what was begun and never ended")


def _cause(page: Page, cause: str) -> float:
    name = "sessions_orphaned_by_cause"
    return page.value(name, source="practice_calls", cause=cause) or 0.0


def _disagreeing(page: Page) -> float:
    found = page.value("sessions_disagreeing", source="role_plays")
    return -1.0 if found is None else found


def _orphaned_plays(page: Page) -> float:
    return page.value("sessions_orphaned", source="role_plays") or 0.0


class BesideTheLoop:
    """A Daemon that is started and stopped beside the event loop, which serves what it asks."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._daemon = Daemon(path, folder=folder)

    async def __aenter__(self) -> Daemon:
        return await asyncio.to_thread(self._daemon.__enter__)

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        await asyncio.to_thread(self._daemon.__exit__, type_, error, trace)
