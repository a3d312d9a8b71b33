"""`recoveries`: chats in a fresh database, and recoveries that halt when the test says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.background import Background
from tests.support.recovery.automatic.runner import Recover, runners
from tests.support.recovery.chats import Chats
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.statements.changes import with_setting
from tests.support.recovery.statements.names import record_steps
from tests.support.recovery.statements.templates import Templates


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know which step of a transaction each statement is."""
    record_steps(monkeypatch)


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch, steps: None) -> Templates:
    """Change what is in a template of exporter/queries, for one test."""
    return Templates(monkeypatch)


@pytest.fixture
def unhurried(templates: Templates) -> None:
    """Leave the test's thread time between two steps; test_processes.py holds the real second."""
    templates.change(
        "recovery/close/begin", with_setting("idle_in_transaction_session_timeout", "30s")
    )


@pytest.fixture
def chats(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    application = Chats(database, tmp_path)
    yield application
    application.close()


@pytest.fixture
def recoveries(chats: Chats, unhurried: None) -> Iterator[Recoveries]:
    with Background() as background:
        yield Recoveries(chats, background)


@pytest.fixture(params=["by statements", "by functions"])
def recover(database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest) -> Recover:
    """`async with recover(per_hour=3) as runner`; the table and the audit are there."""
    return runners(database, tmp_path, by_functions=request.param == "by functions")
