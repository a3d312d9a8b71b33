"""The application is down for twenty minutes and comes back: nothing was closed.

Without a faked clock of the database the twenty minutes are written: all was seen so much earlier.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import Daemon
from tests.support.recovery.automatic.daemons import auto_config, brakes, candidates, run_again
from tests.support.recovery.chats import Chats, show_life

ALL = 25


@pytest.fixture
def config(chats: Chats, tmp_path: Path) -> Path:
    chats.add(*range(1, ALL + 1), silent="5 seconds")
    return auto_config(chats, tmp_path)


def pass_minutes(chats: Chats, minutes: int) -> None:
    """No session shows life, and no exporter observes it."""
    chats.do(
        "WITH observed AS (UPDATE session_exporter.observation SET judged = judged - %s),"
        " resumed AS (UPDATE session_exporter.stop SET resumed_at = resumed_at - %s)"
        " UPDATE public.chats SET last_seen_at = last_seen_at - %s",
        *[timedelta(minutes=minutes)] * 3,
    )


@pytest.mark.slow  # test_auto has an outage, and so have the simulated worlds
def test_nothing_is_closed_while_it_is_down_nor_of_what_comes_back(
    chats: Chats, config: Path, tmp_path: Path
) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_for_page(lambda page: brakes(page) is not None, "it runs")
        assert (brakes(page), candidates(page)) == (set(), 0)

        pass_minutes(chats, 20)
        daemon.wait_for_page(lambda page: candidates(page) == ALL, "all look orphaned")
        page = run_again(daemon, 4)
        assert brakes(page) == {"silent", "share"}
        assert page.value("sessions_recovery_brake", brake="silent") == 1
        assert chats.audited == []

        show_life(chats, 1, 10)  # the first of them are back
        daemon.wait_for_page(lambda page: candidates(page) == ALL - 10, "some are alive")
        page = run_again(daemon, 4)
        assert brakes(page) == {"returned", "share", "grace"}
        assert chats.audited == []

        show_life(chats, 1, 22)  # and more, but some may still be on their way
        daemon.wait_for_page(lambda page: candidates(page) == 3, "most are alive")
        assert brakes(run_again(daemon, 4)) == {"returned", "grace"}
        show_life(chats, 1, ALL)
        page = daemon.wait_for_page(lambda page: candidates(page) == 0, "all are back")
        assert brakes(run_again(daemon, 1)) == {"returned", "grace"}
    assert chats.audited == chats.recovered == []


@pytest.mark.slow
def test_an_exporter_that_starts_while_it_is_down_closes_nothing_either(
    chats: Chats, config: Path, tmp_path: Path
) -> None:
    pass_minutes(chats, 20)
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_for_page(lambda page: candidates(page) == ALL, "all look orphaned")
        page = run_again(daemon, 4)
        assert brakes(page) == {"silent", "share", "grace"}
        show_life(chats, 1, ALL)
        daemon.wait_for_page(lambda page: brakes(page) == {"returned", "grace"}, "all are back")
        assert candidates(run_again(daemon, 4)) == 0
    assert chats.audited == []
