"""When jobs run: APScheduler 3.

APScheduler keeps the next run as wall-clock time: when the clock is set back by an hour, nothing
would run for an hour. So the clock is watched, and a step restarts all intervals. A suspended
machine is a step forward for it.

APScheduler's job is the coroutine of ours itself and not a task that it spawns, so that
`max_instances` sees a run that is still going, and the next one is skipped and counted.
"""

import asyncio
import datetime as dt
import random
from collections.abc import Sequence

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from exporter import logs
from exporter.clock import Clock
from exporter.collection.job import Job

#: Starts are spread: this long between two first runs, and all of them within the first interval.
SPREAD_SECONDS = 0.02

#: Later runs drift by up to this share of the interval, so that they do not stay in step.
JITTER = 0.05

#: The wall clock is compared with the monotonic one this often, and may drift this far, in seconds.
WATCH_SECONDS = 1.0
STEP_SECONDS = 2.0


class Schedule:
    """Runs every job at its interval, the first time soon."""

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self._clock = clock
        self._watching: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone=dt.UTC,
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": None,  # the default drops a run that is a second late
            },
        )
        self._jobs = {"/".join(job.key): job for job in jobs}
        self._running: set[asyncio.Task[None]] = set()
        self._scheduler.add_listener(
            lambda event: self._jobs[event.job_id].overlapped(), EVENT_JOB_MAX_INSTANCES
        )

    def start(self) -> None:
        """Start. Needs a running event loop."""
        now = dt.datetime.fromtimestamp(self._clock.wall(), dt.UTC)
        for number, (id_, job) in enumerate(self._jobs.items()):
            delay = min(number * SPREAD_SECONDS, job.interval * random.random())  # noqa: S311 - spreads load, guards nothing
            self._scheduler.add_job(
                self._run,
                _trigger(job.interval),
                args=[id_, job.interval],
                id=id_,
                next_run_time=now + dt.timedelta(seconds=delay),
            )
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch_clock())

    async def stop(self, patience: float) -> None:
        """Start nothing more and let running jobs end, for at most `patience` seconds.

        APScheduler's own shutdown cancels running jobs, even with wait=True.
        """
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=patience)
        self._scheduler.shutdown(wait=False)

    async def _run(self, id_: str, scheduled_every: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._running.add(task)
        try:
            job = self._jobs[id_]
            await job.run()
            if job.interval != scheduled_every:
                self._reschedule(id_)
        finally:
            self._running.discard(task)

    def _reschedule(self, id_: str) -> None:
        interval = self._jobs[id_].interval
        self._scheduler.modify_job(id_, args=[id_, interval])
        self._scheduler.reschedule_job(id_, trigger=_trigger(interval))

    async def _watch_clock(self) -> None:
        # The loop's own clock: it stands still on a suspended machine, and so do its timers.
        loop = asyncio.get_running_loop()

        def offset() -> float:
            return self._clock.wall() - loop.time()

        known = offset()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if abs(step := offset() - known) > STEP_SECONDS:
                logs.warning("clock_stepped", seconds=step)
                for id_ in self._jobs:
                    self._reschedule(id_)
            known = offset()


class _Trigger(IntervalTrigger):  # type: ignore[misc] # APScheduler 3 has no annotations
    """An interval that is counted from the last run, however late that was.

    APScheduler counts from the time at which a run was due. It would visit every run that was
    missed: hours of work, and memory for each, when the clock is set forward by years.
    """

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime | None:
        last = None if previous_fire_time is None else max(previous_fire_time, now)
        following: dt.datetime | None = super().get_next_fire_time(last, now)
        return following


def _trigger(seconds: float) -> IntervalTrigger:
    return _Trigger(seconds=seconds, jitter=seconds * JITTER, timezone=dt.UTC)
