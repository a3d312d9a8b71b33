"""The runbooks about sessions, each followed where its fault is real."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.monitoring.followed_runbooks import TABLE, Followed, config_of, orphans
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a database and a dozen commands for each runbook

OPEN = "SELECT count(*) FROM public.\"Calls\" WHERE state = 'open'"


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


def test_the_page_leads_to_recover_and_to_undo(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(calls, orphans(21, 26))
    with Followed("SessionsOrphanedAboveThreshold", calls, config_of(tmp_path, calls)) as book:
        shown = book.run()
        assert "orphaned_count 6" in shown
        assert "6 would be closed" in shown
        assert "1 was closed" in book.run()
        assert rows(calls, OPEN) == [(15,)]
        assert "5 were closed" in book.run()
        assert rows(calls, OPEN) == [(10,)]
        assert "5 are unchanged since and would be restored" in book.run()
        assert rows(calls, OPEN) == [(10,)]
        assert "5 were undone" in book.run()
        book.run()
        assert sum(int(line.split("|")[1]) for line in book.ask()) == 5
        assert rows(calls, OPEN) == [(15,)]
        ended = "state = 'closed', ended = s.seen"
        assert book.ask(1, until=2, is_active=f"{ended}", session_end="", duration_seconds="")
    assert rows(calls, OPEN) == [(10,)]


def test_rising_orphans_are_listed_newest_first(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(calls, orphans(21, 23), orphans(31, 31, "2 hours"))
    with Followed("SessionsOrphanedRising", calls, config_of(tmp_path, calls)) as book:
        shown = book.run()
        assert "orphaned_count 4" in shown
        assert "4 would be closed" in shown
        book.run()
        assert book.ask()[0].startswith("31|")


def test_an_orphan_of_the_backlog_is_closed_by_its_id(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, orphans(77, 77, "20 days"), orphans(21, 21))
    config = config_of(tmp_path, calls)
    with Followed("SessionsOldestOrphanTooOld", calls, config, ID="77") as book:
        shown = book.run()
        assert shown.index("77 ") < shown.index("21 ")
        assert "2 would be closed" in shown
        assert "1 was closed" in book.run()
        book.run()
        (line,) = book.ask()
        assert line.startswith("21|")


def test_overlong_sessions_are_those_that_live_for_too_long(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, """UPDATE public."Calls" SET began = now() - interval '9 hours' WHERE id = 3""")
    config = config_of(tmp_path, calls, overlong_after="4h")
    with Followed("SessionsOverlong", calls, config) as book:
        assert "overlong" in book.run()
        book.run()
        (line,) = book.ask()
        assert line.split("|")[1] == "3"


def test_inconsistent_rows_are_found_and_corrected(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(
        calls,
        """UPDATE public."Calls" SET ended = now() WHERE id = 4""",
        """INSERT INTO public."Calls" (id, state, ended)
        SELECT n, 'closed', now() - interval '20 minutes' FROM generate_series(41, 48) AS n""",
    )
    config = config_of(tmp_path, calls)
    with Followed("SessionsInconsistent", calls, config, KIND="ended_but_active") as book:
        shown = book.run()
        assert "calls (app): 9 inconsistent rows" in shown
        assert "calls (app): 1 inconsistent row\n" in shown
        book.run()
        (moment,) = book.ask()
        assert moment.endswith("|8")  # one statement has ended them
        book.ask(1, until=2, is_active="state = 'closed'")
    assert rows(calls, OPEN) == [(9,)]


def test_starts_that_dropped_show_hour_by_hour(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(
        calls,
        """UPDATE public."Calls" SET began = now() - interval '7 days', state = 'closed',
        ended = now() - interval '7 days'""",
    )
    with Followed("SessionsStartsDropped", calls, config_of(tmp_path, calls)) as book:
        shown = book.run()
        assert "date " in shown
        assert "calls: 0 active, 0 orphaned" in shown
        book.run()
        (hour,) = book.ask()
        assert hour.endswith("|10")


def test_durations_that_changed_show_day_by_day(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(
        calls,
        """UPDATE public."Calls" SET state = 'closed', began = now() - interval '3 days',
        ended = now() - interval '3 days' + interval '60 s' WHERE id < 6""",
        """UPDATE public."Calls" SET state = 'closed', ended = began + interval '600 s'
        WHERE id > 5""",
    )
    with Followed("SessionsAverageDurationChanged", calls, config_of(tmp_path, calls)) as book:
        shown = book.run()
        assert " 600.0" in shown
        assert " 60.0" in shown
        book.run()
        now, before = book.ask()
        assert now.split("|")[2:4] == ["600", "600"]
        assert before.split("|")[2:4] == ["60", "60"]
