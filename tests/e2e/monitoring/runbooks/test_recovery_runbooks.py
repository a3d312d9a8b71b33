"""The runbooks about recovery, each followed where its fault is real."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.monitoring.followed_runbooks import CALLS, TABLE, Followed, config_of, orphans
from tests.support.processes.session_exporter import Daemon
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a database, a daemon and a dozen commands for each runbook

#: Automatic recovery that a test need not wait for: orphaned after two seconds.
QUICK: dict[str, Any] = {
    "orphaned_after": "2s",
    "every": "250ms",
    "recovery": {**CALLS["recovery"], "mode": "auto", "grace": "1ms", "pause": "1ms"},
}
CLOSED = """SELECT count(*) FROM session_exporter.recovery"""
#: For longer than a test takes, and within what counts as a difference of clocks.
SHOW_LIFE = """UPDATE public."Calls" SET seen = now() + interval '45 s' WHERE id < 21"""


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


@pytest.fixture
def daemon(calls: EmbeddedDatabase, tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(config_of(tmp_path, calls, **QUICK), folder=tmp_path) as daemon:
        yield daemon


def test_a_wave_is_shown_with_the_brake_that_holds_it(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, orphans(21, 29, "65 minutes"))
    config = config_of(tmp_path, calls, recovery={**CALLS["recovery"], "mode": "auto"})
    with Followed("SessionsRecoveryBraked", calls, config) as book:
        shown = book.run()
        assert "--only share-9" in shown
        assert "orphaned_count 9" in shown
        book.run()
        assert sum(int(line.split("|")[1]) for line in book.ask()) == 19


def test_without_an_audit_the_check_says_what_creates_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "DROP SCHEMA session_exporter CASCADE",
        TABLE,
        """ALTER TABLE public."Calls" ADD CONSTRAINT late CHECK (state <> 'closed' OR id < 20)""",
        orphans(21, 21),
    )
    config = config_of(tmp_path, database)
    with Followed("SessionsRecoveryFailing", database, config) as book:
        shown = book.run()
        assert shown.count("session-exporter sql audit") >= 2
        execute(database, audit_script())
        book.run()
        audit, constraint = book.ask(0, until=2)
        assert audit == "session_exporter.recovery"
        assert constraint.startswith("late|CHECK")


def test_a_contradicted_session_is_found_and_its_run_is_undone(
    calls: EmbeddedDatabase, tmp_path: Path, daemon: Daemon
) -> None:
    """Two are closed; one of them showed life after all, the other is as it was left."""
    execute(calls, SHOW_LIFE, orphans(21, 22))

    def is_closed(_: object) -> bool:
        execute(calls, SHOW_LIFE)
        return rows(calls, CLOSED) == [(2,)]

    daemon.wait_for_page(is_closed, "both are closed")
    execute(
        calls,
        """UPDATE public."Calls" SET state = 'open', ended = NULL, seen = now()
        + interval '1 hour' WHERE id = 21""",
    )
    daemon.wait_for_page(
        lambda page: page.value("sessions_recovery_contradicted_total", source="calls") == 1,
        "it is contradicted",
    )
    config = config_of(tmp_path, calls, **QUICK)
    with Followed("SessionsRecoveryContradicted", calls, config) as book:
        assert "paused" in book.run()
        assert "1 is unchanged since and would be restored" in book.run()
        assert "1 was undone" in book.run()
        book.run()
        found, row = book.ask(0, until=1)
        assert found.startswith("21|")
        assert row.startswith("21|")


def test_what_exceeds_the_budget_is_held_and_the_runs_are_listed(
    calls: EmbeddedDatabase, tmp_path: Path, daemon: Daemon
) -> None:
    """Three a day are closed at first; those that are lost after them wait."""
    for first in (21, 22, 23, 24):
        execute(calls, SHOW_LIFE, orphans(first, first))
        wanted = [(min(first - 20, 3),)]

        def is_done(page: Any, wanted: list[tuple[int]] = wanted, first: int = first) -> bool:
            execute(calls, SHOW_LIFE)
            held = page.value("sessions_recovery_held", source="calls")
            return rows(calls, CLOSED) == wanted and (first < 24 or held == 1)

        daemon.wait_for_page(is_done, f"{first} is closed or held")
    execute(calls, SHOW_LIFE)
    config = config_of(tmp_path, calls, **QUICK)
    with Followed("SessionsRecoveryHeld", calls, config) as book:
        shown = book.run()
        assert "--only budget-1" in shown
        book.run()
        assert [line.split("|")[1:3] for line in book.ask()] == [["auto", "3"]]
    with Followed("SessionsRecoveryRateHigh", calls, config) as book:
        assert book.run().count(" auto ") == 3
        book.run()
        assert sum(int(line.split("|")[2]) for line in book.ask()) == 3
        assert len(book.ask(1)) == 3
