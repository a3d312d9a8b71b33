"""No space is left where closed sessions or the audit are written: nothing is half done.

Nobody needs to be root for it: in the place of the file of an empty table there is /dev/full, so
that the server's own write gets ENOSPC from Linux ("could not extend file", SQLSTATE 53100), just
as on a full disk. A WAL that has no space left ends the server: test_processes.py has that.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import Daemon, Page, run
from tests.support.recovery.automatic.daemons import (
    FAILED,
    auto_config,
    recovered,
    run_again,
    wait_until_closed,
)
from tests.support.recovery.chats import Chats

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a /dev/full")

IDS = (1, 2, 3, 4)
SAID = "No space left on device"

#: Closed chats move to other files: those of 1 and 2 to one, all later ones to another.
PARTITIONED = """
DROP TABLE public.messages, public.chats;
CREATE TABLE public.chats (
    id integer, is_active boolean DEFAULT true, last_seen_at timestamptz,
    started_at timestamptz DEFAULT now() - interval '1 day', ended_at timestamptz, ended_by text,
    PRIMARY KEY (id, is_active)
) PARTITION BY LIST (is_active);
CREATE TABLE public.active PARTITION OF public.chats FOR VALUES IN (true);
CREATE TABLE public.ended PARTITION OF public.chats FOR VALUES IN (false) PARTITION BY RANGE (id);
CREATE TABLE public.ended_first PARTITION OF public.ended FOR VALUES FROM (0) TO (3);
CREATE TABLE public.ended_later PARTITION OF public.ended FOR VALUES FROM (3) TO (1000);
CREATE TABLE public.messages (chat integer NOT NULL, at timestamptz NOT NULL DEFAULT now());
"""


class Disk:
    """Where one empty table is stored."""

    def __init__(self, chats: Chats, table: str) -> None:
        (row,) = chats.rows("SELECT pg_relation_filepath(%s) AS path", table)
        self._chats = chats
        self._table = table
        self._file = chats.database.server.data / row["path"]
        self._aside = self._file.with_name("aside")

    def fill(self) -> None:
        """No space is left from now on."""
        assert self._file.stat().st_size == 0
        self._file.rename(self._aside)
        self._file.symlink_to("/dev/full")
        self._open_again()

    def empty(self) -> None:
        """There is room again."""
        self._aside.replace(self._file)
        self._open_again()

    def _open_again(self) -> None:
        """Every process of the server closes the file that it may have open."""
        self._chats.do(f"ALTER TABLE {self._table} SET (fillfactor = 100)")


@pytest.fixture
def chats(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    """Four orphans, and one that lives."""
    application = Chats(database, tmp_path)
    application.do(PARTITIONED)
    application.add(*IDS)
    application.add(100, silent="0 seconds")
    yield application
    application.close()


#: Which table has no space left, and which sessions are closed nevertheless, two at a time.
FULL = [("session_exporter.recovery", []), ("public.ended_later", [1, 2])]


@pytest.mark.quick("session_exporter.recovery")
@pytest.mark.parametrize(("table", "before"), FULL)
def test_by_hand_it_says_so_and_what_was_done_before(
    chats: Chats, tmp_path: Path, table: str, before: list[int]
) -> None:
    disk, config = Disk(chats, table), auto_config(chats, tmp_path, batch=2)
    command = ("recover", "chats", "--yes", "--despite-brake", "-c", config)
    disk.fill()
    done = run(*command, folder=tmp_path)
    assert done.returncode == 1
    assert "session-exporter: chats (app): could not extend file" in done.stderr
    assert SAID in done.stderr
    assert "set aside" not in done.stdout
    assert f"{len(before)} were closed before the run ended early" in done.stdout
    for row in chats.audit:
        assert f"session-exporter undo {row['run']} shows" in done.stdout
    assert chats.recovered == chats.audited == before
    disk.empty()
    assert run(*command, folder=tmp_path).returncode == 0
    assert chats.recovered == chats.audited == list(IDS)


@pytest.mark.slow  # the other ones fill a disk, too
@pytest.mark.parametrize(("table", "before"), FULL)
def test_auto_tells_it_and_goes_on_by_itself_when_there_is_room_again(
    chats: Chats, tmp_path: Path, table: str, before: list[int]
) -> None:
    disk = Disk(chats, table)
    disk.fill()
    with Daemon(auto_config(chats, tmp_path, batch=2), folder=tmp_path) as daemon:

        def fails(page: Page) -> bool:
            return (page.value(FAILED, reason="other") or 0) >= 2

        page = daemon.wait_for_page(fails, "it fails")
        assert sum(page.values(FAILED)) == page.value(FAILED, reason="other")
        assert chats.recovered == chats.audited == before
        assert daemon.log.count("event=recovery_failed") == 1
        assert "reason=other" in daemon.log
        assert SAID in daemon.log
        for row in chats.audit:
            assert f"run={row['run']} sessions={len(before)}" in daemon.log
        assert page.succeeds("chats")

        disk.empty()
        wait_until_closed(chats, daemon, *IDS)
        page = run_again(daemon, 1)
        assert recovered(page) == len(IDS)
        assert "event=recovery_works" in daemon.log
    rows = chats.rows("SELECT id FROM public.chats WHERE is_active")
    assert [row["id"] for row in rows] == [100]
