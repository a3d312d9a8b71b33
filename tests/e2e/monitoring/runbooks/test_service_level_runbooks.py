"""The runbooks about the service level and about starts, each followed where its fault is real."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.monitoring.followed_runbooks import CALLS, TABLE, Followed, config_of, orphans
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a database and a dozen commands for each runbook


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


def test_lost_sessions_are_shown_by_the_hour_in_which_they_fell_silent(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, orphans(21, 26))
    with Followed("SessionsErrorBudgetBurning", calls, config_of(tmp_path, calls)) as book:
        assert "orphaned_count 6" in book.run()
        book.run()
        assert sum(int(line.split("|")[1]) for line in book.ask()) == 6


def test_recovered_sessions_are_shown_by_hour_and_trigger(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, orphans(21, 25))
    config = config_of(tmp_path, calls)
    run("recover", "calls", "--yes", "-c", config, folder=tmp_path)
    with Followed("SessionsRecoveryPermanent", calls, config) as book:
        assert " manual " in book.run()
        book.run()
        lines = [line.split("|") for line in book.ask()]
        assert {trigger for _, trigger, _ in lines} == {"manual"}
        assert sum(int(number) for *_, number in lines) == 5


def test_a_table_without_new_sessions_shows_when_the_last_one_started(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, """UPDATE public."Calls" SET began = now() - id * interval '5 hours'""")
    with Followed("SessionsNotStarting", calls, config_of(tmp_path, calls)) as book:
        assert "orphaned_count 0" in book.run()
        book.run()
        started = [line.split("|") for line in book.ask()]
        assert [active for _, active in started] == ["t"] * 10


def test_a_restarting_exporter_is_checked_without_it(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Followed("SessionsExporterRestarting", calls, config_of(tmp_path, calls)) as book:
        assert "is valid (sources: 1, databases: 1" in book.run()


def test_what_waits_for_grace_is_shown_and_when_the_server_started(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, orphans(21, 22))
    config = config_of(tmp_path, calls, recovery={**CALLS["recovery"], "mode": "auto"})
    with Followed("SessionsRecoveryGraceTooLong", calls, config) as book:
        assert "2 would be closed" in book.run()
        (line,) = book.ask()
        assert line.split("|")[1] == "f"
