"""A clock is set: the exporter's changes nothing, and the database's is what the brakes are for.

Ages are the database's, and time between two looks, the grace and what is set aside are measured by
the exporter's monotonic clock. So nothing live is closed whatever the exporter takes for the time.
When the database's own clock is set forward by an hour, every session really looks silent for an
hour, and no condition on a row can tell: what holds are the brakes `clock` and `silent`, and the
stop that `share` or `count` makes, until all have shown life by the new clock. When it is set back,
all looks younger, and nothing is closed for so long. Both clocks are set by libfaketime, see
test_clock.py.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from exporter.demo.server.account import Account
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import create_empty
from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.processes.wall_clock import HOUR, WallClock
from tests.support.recovery.automatic.daemons import (
    auto_config,
    brakes,
    candidates,
    run_again,
    wait_until_closed,
)
from tests.support.recovery.chats import Chats, show_life
from tests.support.servers.quick_server import QuickServer

LIVE = range(100, 125)


@pytest.mark.quick("there and back")
@pytest.mark.parametrize(
    "offsets", [(HOUR, 0), (HOUR, -HOUR, 0)], ids=["there and back", "and past that"]
)
def test_the_exporters_clock_closes_nothing_that_lives(
    chats: Chats, wall_clock: WallClock, tmp_path: Path, offsets: tuple[int, ...]
) -> None:
    chats.add(*LIVE[:5], silent="1 minute")
    # Five minutes before they are orphaned, however long this takes: an hour would be too much.
    chats.add(*LIVE[5:], silent="5 minutes")
    orphans = range(1, len(offsets) + 1)
    chats.add(*orphans)
    config = auto_config(chats, tmp_path)
    with ExitStack() as stack:
        holders = [stack.enter_context(chats.application()) for _ in orphans]
        for number, holder in zip(orphans, holders, strict=True):
            holder.do(f"BEGIN; SELECT FROM public.chats WHERE id = {number} FOR UPDATE")
        daemon = stack.enter_context(Daemon(config, folder=tmp_path, environ=wall_clock.environ))
        run_again(daemon, 1)
        for offset, number, holder in zip(offsets, orphans, holders, strict=True):
            wall_clock.set(offset)
            holder.do("COMMIT")  # and what is orphaned is closed, before the clock and after
            wait_until_closed(chats, daemon, *range(1, number + 1))
            page = run_again(daemon, 1)
            assert (brakes(page), candidates(page)) == (set(), len(orphans) - number)
    assert chats.audited == list(range(1, len(offsets) + 1))


@dataclass(frozen=True, slots=True)
class _Elsewhen(Account):
    """Runs programs at the time of a wall clock."""

    environ: tuple[str, ...] = ()

    def spawn(self, command: Sequence[str | Path], folder: Path, log: Path) -> Popen[bytes]:
        return Account(self.uid, self.gid).spawn(["env", *self.environ, *command], folder, log)


class ClockedServer(QuickServer):
    """PostgreSQL whose clock the test sets, for each of its processes."""

    clock: WallClock

    def __init__(self, wall_clock: WallClock, *, parent: Path | None) -> None:
        settings = {"autovacuum": "off"}
        super().__init__(wheel_binaries(18), settings=settings, parent=parent)
        self._library = Path(wall_clock.environ["LD_PRELOAD"])

    def _launch(self) -> None:
        self.clock = WallClock(self._library, self.folder / "offset")
        environ = tuple(f"{key}={value}" for key, value in self.clock.environ.items())
        self._account = _Elsewhen(self._account.uid, self._account.gid, environ)
        super()._launch()


@pytest.fixture
def clocked(wall_clock: WallClock, fast_folder: Path | None) -> Iterator[ClockedServer]:
    with ClockedServer(wall_clock, parent=fast_folder) as server:
        yield server


@pytest.mark.slow
def test_when_the_databases_clock_is_set_the_brakes_hold_until_sessions_show_life_by_it(
    clocked: ClockedServer, tmp_path: Path
) -> None:
    chats = Chats(create_empty(clocked, "clocked"), tmp_path)
    chats.add(*LIVE, silent="0 seconds")
    with Daemon(auto_config(chats, tmp_path), folder=tmp_path) as daemon:
        page = run_again(daemon, 1)
        assert (brakes(page), candidates(page)) == (set(), 0)

        clocked.clock.set(HOUR)
        daemon.wait_for_page(lambda page: candidates(page) == len(LIVE), "all look orphaned")
        assert brakes(run_again(daemon, 4)) == {"silent", "share", "clock"}
        show_life(chats, 100, 109)
        page = daemon.wait_for_page(lambda page: candidates(page) == 15, "some show life by it")
        assert brakes(run_again(daemon, 4)) == {"returned", "share", "grace", "clock"}
        show_life(chats, 100, 124)
        daemon.wait_for_page(lambda page: candidates(page) == 0, "all do")
        assert brakes(run_again(daemon, 1)) == {"returned", "grace", "clock"}

        clocked.clock.set(0)  # everything was seen in the future
        is_back = "SELECT FROM public.chats WHERE last_seen_at > now() + interval '59 min'"
        wait_for(lambda: chats.rows(is_back), "it is set back")
        assert candidates(run_again(daemon, 4)) == 0
    assert chats.audited == []
    chats.close()
