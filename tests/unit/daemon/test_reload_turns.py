"""A reload of many sources keeps no turn of the event loop for long, and gives up none of a run."""

import asyncio
import gc
import time
from asyncio.events import Handle
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collection.snapshots import Snapshot
from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.reload.differences import Differences
from exporter.daemon.reload.hand_over import ending_jobs, hand_over, kept_of
from exporter.daemon.reload.reloader import Reloader
from exporter.daemon.schedule import Schedule

#: Nothing listens there: each collection ends at once.
HEAD = "databases: {app: {dsn: 'host=127.0.0.1 port=1'}}\nsources:\n"
SOURCE = (
    "  chat_{number}: {{table: public.chat, active: is_active, started_at: started_at, id: id,"
    " orphaned_after: {after}, every: {every}}}\n"
)


def write(path: Path, sources: int, *, after: str = "2h", every: str = "30s") -> None:
    """A config of so many sources."""
    lines = (SOURCE.format(number=each, after=after, every=every) for each in range(sources))
    path.write_text(HEAD + "".join(lines), encoding="utf-8")


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The processor time of each turn of the event loop, in seconds."""
    found = list[float]()
    run = Handle._run

    def timed(handle: Handle) -> None:
        begun = time.thread_time()
        run(handle)
        found.append(time.thread_time() - begun)

    monkeypatch.setattr(Handle, "_run", timed)
    return found


@pytest.fixture
def settled() -> Iterator[None]:
    """Garbage collection as in a process that has started."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow  # a thousand sources
@pytest.mark.parametrize("change", ["orphaned_after", "nothing"])
async def test_the_longest_turn_is_short_beside_the_making_of_an_exporter(
    tmp_path: Path, turns: list[float], settled: None, change: str
) -> None:
    path = tmp_path / "config.yaml"
    write(path, 1000)
    begun = time.thread_time()
    exporter = Exporter(load_config(path, {}), CLOCK)
    making = time.thread_time() - begun
    schedule = Schedule(exporter.jobs, CLOCK)
    schedule.start()
    reloader = Reloader(
        exporter, schedule, CLOCK, load=lambda: load_config(path, {}), on_change=lambda _: None
    )
    full_collections = list[object]()
    try:
        await asyncio.sleep(0)
        if change == "orphaned_after":
            write(path, 1000, after="3h")
        turns.clear()
        gc.callbacks.append(
            lambda phase, info: full_collections.append(phase) if info["generation"] == 2 else None
        )
        assert await reloader.reload()
        assert reloader.exporter is not exporter
        # It was more than all of it. A garbage collection of what tests have made takes its part.
        assert max(turns) < making / 2
        assert full_collections == ["start", "stop"]  # when all is done
    finally:
        gc.callbacks.pop()
        await reloader.stop()
        await schedule.stop(1)


async def test_what_a_run_reports_while_its_successor_is_made_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write(path, 2)
    before = Exporter(load_config(path, {}), CLOCK)
    write(path, 3)
    config = load_config(path, {})
    differences = Differences(before.config, config)
    ended = ending_jobs(before, config, differences, CLOCK)
    kept = kept_of(before, ended, differences)
    after = before.remade(config, kept)

    job = next(each for each in before.collections if each.key.collector == "size")
    snapshot = Snapshot(5, CLOCK.monotonic(), CLOCK.wall(), 60.0)
    before.snapshots.succeeded(job.key, snapshot, duration=0.1, interval=30.0)
    before.snapshots.overlapped(job.key)
    before.statuses.change(job.key[:2], returned=7)
    assert job._snapshots is before.snapshots

    hand_over(before, after, kept, differences)
    assert job in after.collections
    assert job._snapshots is after.snapshots
    assert after.snapshots.states[job.key].snapshot is snapshot
    assert after.snapshots.counters[job.key[:2]].skipped["overlap"] == 1
    assert after.statuses.by_pair[job.key[:2]].returned == 7
