"""What automatic recovery has observed outlasts a reload, unless the change makes it untrue."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.reloading import ConfigFile, reload, scraping
from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.recovery.automatic.daemons import auto_config, candidates, recovered
from tests.support.recovery.chats import Chats

pytestmark = pytest.mark.slow  # sessions settle for seconds

#: Half of it is how long a session settles, in seconds: as long as a busy machine may need.
ORPHANED_AFTER = 60
SETTLES = ORPHANED_AFTER / 2

#: How long before the end of that the config is read again, in seconds.
BEFORE = 15.0

#: Without signs of life the application seems to be down.
LIVE = range(100, 110)

CHANGES: dict[str, dict[str, Any]] = {
    "another source": {},
    "every": {"every": "200ms"},
}


@pytest.fixture
def chats(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    made = Chats(database, tmp_path)
    yield made
    made.close()


def has_closed(chats: Chats, daemon: Daemon, mode: str) -> bool:
    """Whether the one chat was closed, or would be."""
    if mode == "auto":
        return chats.recovered == [1]
    return "event=recovery_dry_run" in daemon.log and "would_close=1" in daemon.log


def write(chats: Chats, folder: Path, mode: str) -> ConfigFile:
    file = ConfigFile(
        auto_config(chats, folder, orphaned_after=f"{ORPHANED_AFTER}s", is_trusted=False, mode=mode)
    )
    other = {key: each for key, each in file.data["sources"]["chats"].items() if key != "recovery"}
    file.change("sources", "other", **other)
    return file


@pytest.mark.parametrize(
    ("mode", "name"), [("dry_run", "another source"), ("dry_run", "every"), ("auto", "every")]
)
def test_a_session_that_settles_keeps_its_time(
    chats: Chats, tmp_path: Path, mode: str, name: str
) -> None:
    file = write(chats, tmp_path, mode)
    chats.add(1)
    with Daemon(file.path, folder=tmp_path) as daemon, scraping(daemon):
        daemon.wait_for_page(lambda page: candidates(page) == 1, "it is observed")
        time.sleep(SETTLES - BEFORE)
        if name == "another source":
            file.change("sources", "other", orphaned_after="1h", alert_above=3)
        else:
            file.change("sources", "chats", **CHANGES[name])
        began = time.monotonic()
        reload(daemon)
        wait_for(lambda: has_closed(chats, daemon, mode), "it has settled", seconds=SETTLES)
        assert time.monotonic() - began < SETTLES


def test_another_threshold_has_it_settle_again(chats: Chats, tmp_path: Path) -> None:
    file = write(chats, tmp_path, "auto")
    chats.add(1)
    with Daemon(file.path, folder=tmp_path) as daemon, scraping(daemon):
        daemon.wait_for_page(lambda page: candidates(page) == 1, "it is observed")
        time.sleep(SETTLES - BEFORE)
        file.change("sources", "chats", orphaned_after=f"{ORPHANED_AFTER - 2}s")
        began = time.monotonic()
        reload(daemon)
        wait_for(lambda: has_closed(chats, daemon, "auto"), "it has settled")
        assert time.monotonic() - began >= (ORPHANED_AFTER - 2) / 2


def test_no_two_runs_of_a_source_go_at_the_same_time(chats: Chats, tmp_path: Path) -> None:
    ids = range(1, 41)
    # It takes longer than a run may take to end, so that at least one is cancelled.
    config = auto_config(chats, tmp_path, batch=1, pause="200ms", per_run=1000)
    file = ConfigFile(config)
    chats.add(*ids)
    chats.add(*LIVE, silent="1 second")
    with Daemon(file.path, folder=tmp_path) as daemon, scraping(daemon):
        for number in range(4):
            wait_for(
                lambda number=number: len(chats.audited) > 3 + 8 * number,  # type: ignore[misc]
                "some are closed",
                details=lambda: daemon.log,
            )
            file.change("sources", "chats", every=f"{250 + number}ms")
            reload(daemon)
        wait_for(lambda: chats.audited == list(ids), "all are closed", details=lambda: daemon.log)
        daemon.wait_for_page(lambda page: recovered(page) == len(ids), "each is counted once")
    runs = chats.rows(
        "SELECT run, min(at) AS first, max(at) AS last FROM session_exporter.recovery"
        " GROUP BY run ORDER BY first"
    )
    assert len(runs) >= 2
    assert all(one["last"] < next_["first"] for one, next_ in pairwise(runs))


def test_counts_of_recovery_go_on_when_it_is_turned_off_and_on(
    chats: Chats, tmp_path: Path
) -> None:
    file = ConfigFile(auto_config(chats, tmp_path))
    chats.add(1, 2, 3)
    chats.add(*LIVE, silent="1 second")
    with Daemon(file.path, folder=tmp_path) as daemon, scraping(daemon):
        daemon.wait_for_page(lambda page: recovered(page) == 3, "they are closed")
        recovery = file.data["sources"]["chats"]["recovery"]

        def change_mode(mode: str) -> None:
            file.change("sources", "chats", recovery={**recovery, "mode": mode})
            reload(daemon)
            assert daemon.scrape().value("sessions_recovery_mode", mode=mode) == 1

        for mode in ("dry_run", "auto", "disabled", "auto"):
            change_mode(mode)
            assert recovered(daemon.scrape()) == 3
