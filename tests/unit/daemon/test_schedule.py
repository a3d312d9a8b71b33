"""Jobs run again and again; one that is still running is skipped, and told."""

import asyncio
import time
from itertools import pairwise
from typing import ClassVar

from exporter.clock import Clock
from exporter.collection.job import Job, Key
from exporter.daemon.schedule import Schedule
from exporter.postgres import MOST_TOGETHER


class SlowJob(Job):
    """Counts its runs, which last until they are let go."""

    def __init__(self) -> None:
        super().__init__(Key("app", "chats", "active"), interval=0.02)
        self.runs = 0
        self.overlaps = 0
        self.may_end = asyncio.Event()

    async def _run(self) -> None:
        self.runs += 1
        await self.may_end.wait()

    def overlapped(self) -> None:
        self.overlaps += 1


async def until(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_run_that_is_due_while_one_is_going_is_skipped_and_counted() -> None:
    job = SlowJob()
    schedule = Schedule([job], Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    try:
        await until(lambda: job.overlaps >= 3)
        assert job.runs == 1
        job.may_end.set()
        await until(lambda: job.runs >= 3)
    finally:
        await schedule.stop(1.0)


async def test_an_interval_that_has_grown_holds_from_the_next_run_on() -> None:
    job = SlowJob()
    job.may_end.set()
    schedule = Schedule([job], Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    try:
        await until(lambda: job.runs >= 2)
        job.interval = 600.0
        runs = job.runs
        await until(lambda: job.runs == runs + 1)
        rest = asyncio.create_task(until(lambda: job.runs > runs + 2))
        await asyncio.wait({rest}, timeout=0.3)
        assert not rest.done()
        rest.cancel()
    finally:
        await schedule.stop(1.0)


async def test_a_run_is_never_dropped_for_being_late() -> None:
    """APScheduler drops what is a second late, and the next one would be in ten minutes."""
    job = SlowJob()
    job.interval = 600.0
    job.may_end.set()
    late = Clock(monotonic=time.monotonic, wall=lambda: time.time() - 60)
    schedule = Schedule([job], late)
    schedule.start()
    try:
        await until(lambda: job.runs == 1)
    finally:
        await schedule.stop(1.0)


async def test_stopping_waits_for_what_runs_and_starts_nothing_more() -> None:
    job = SlowJob()
    schedule = Schedule([job], Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    await until(lambda: job.runs == 1)
    stopping = asyncio.create_task(schedule.stop(5.0))
    await asyncio.sleep(0)
    assert not stopping.done()
    job.may_end.set()
    await stopping
    assert job.runs == 1


class QuickJob(Job):
    """Notes when it runs, in the order of all of them."""

    SHARES_MESSAGES = True
    ran: ClassVar[list[tuple[str, float]]] = []

    def __init__(self, source: str, *, database: str = "app", interval: float = 0.2) -> None:
        super().__init__(Key(database, source, "active"), interval=interval)

    async def _run(self) -> None:
        self.ran.append((self.key.source, asyncio.get_running_loop().time()))


async def test_jobs_that_share_messages_run_at_the_same_moment_and_others_do_not() -> None:
    QuickJob.ran.clear()
    together = [QuickJob(name) for name in ("a", "b", "c")]
    apart = [QuickJob("d", database="other"), QuickJob("e", interval=0.25)]
    schedule = Schedule([*together, *apart], Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    try:
        await until(lambda: len(QuickJob.ran) >= 30)
    finally:
        await schedule.stop(1.0)
    order = "".join(name for name, _ in QuickJob.ran)
    # Nothing comes between two of them, run after run.
    assert order.replace("abc", "").strip("ab") == "".join(
        name for name, _ in QuickJob.ran if name in "de"
    )
    assert order.count("abc") >= 4


async def test_more_jobs_than_a_message_holds_run_in_several_groups() -> None:
    QuickJob.ran.clear()
    jobs = [QuickJob(str(number), interval=1.0) for number in range(MOST_TOGETHER + 4)]
    schedule = Schedule(jobs, Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    try:
        await until(lambda: len(QuickJob.ran) >= len(jobs))
    finally:
        await schedule.stop(1.0)
    times = [at for _, at in QuickJob.ran[: len(jobs)]]
    gaps = [after - before for before, after in pairwise(times)]
    assert max(range(len(gaps)), key=gaps.__getitem__) == MOST_TOGETHER - 1


async def test_a_group_is_one_job_of_the_scheduler_and_one_that_slows_down_has_its_own() -> None:
    QuickJob.ran.clear()
    jobs = [QuickJob(name) for name in ("a", "b", "c")]
    schedule = Schedule(jobs, Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    scheduled = schedule._scheduler.get_jobs
    try:
        assert len(scheduled()) == 1
        jobs[1].interval = 0.3
        await until(lambda: len(scheduled()) == 2)
        assert [len(each.args[0].job_ids) for each in scheduled()].count(1) == 1
        jobs[1].interval = 0.2
        await until(lambda: len(scheduled()) == 1)
        ran = len(QuickJob.ran)
        await until(lambda: len(QuickJob.ran) >= ran + 6)
    finally:
        await schedule.stop(1.0)
    assert sorted(name for name, _ in QuickJob.ran[ran : ran + 3]) == ["a", "b", "c"]


async def test_what_does_not_end_is_cancelled_when_the_patience_is_over() -> None:
    job = SlowJob()
    schedule = Schedule([job], Clock(monotonic=time.monotonic, wall=time.time))
    schedule.start()
    await until(lambda: job.runs == 1)
    (running,) = schedule._running.values()
    await schedule.stop(0.01)
    await asyncio.wait({running}, timeout=5)
    assert running.cancelled()
