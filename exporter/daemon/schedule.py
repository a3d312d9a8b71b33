"""When jobs run: APScheduler 3.

APScheduler keeps the next run as wall-clock time: when the clock is set back by an hour, nothing
would run for an hour. So the clock is watched, also at each run: one that is set forth and back in
a moment would else leave the next runs in the future. A step restarts all intervals; a suspended
machine is a step forward.

APScheduler's job is our own coroutine and not a task that it spawns, so that
`max_instances` sees a run that is still going, and the next one is skipped and counted.

Jobs whose reads share a message (postgres/read_queue.py) run at the same moments, in groups of as
many as fit into one, and the groups one after the other within their interval.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter import logs
from exporter.clock import Clock
from exporter.collection.job import Job
from exporter.postgres import MOST_TOGETHER

#: At most this long between two groups of jobs, so that the first runs come soon.
SPREAD_SECONDS = 0.1

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
            # By default a run that is a second late is dropped.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._jobs = {"/".join(job.key): job for job in jobs}
        self._groups = _groups(self._jobs)
        self._triggers: dict[str, _Trigger] = {}
        #: The wall clock less the loop's, which stands still on a suspended machine, as its timers.
        self._clock_offset = 0.0
        self._running: set[asyncio.Task[None]] = set()
        self._scheduler.add_listener(
            lambda event: self._jobs[event.job_id].overlapped(), EVENT_JOB_MAX_INSTANCES
        )

    def start(self) -> None:
        """Start. Needs a running event loop."""
        now = dt.datetime.fromtimestamp(self._clock.wall(), dt.UTC)
        for number, group in enumerate(self._groups):
            for id_ in group:
                interval = self._jobs[id_].interval
                delay = number * min(SPREAD_SECONDS, interval / len(self._groups))
                begin = now + dt.timedelta(seconds=delay)
                trigger = self._triggers[id_] = _Trigger(begin, interval)
                self._scheduler.add_job(
                    self._run, trigger, args=[id_, interval], id=id_, next_run_time=begin
                )
        self._scheduler.start()
        self._clock_offset = self._read_clock_offset()
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
        self._notice_step()
        try:
            job = self._jobs[id_]
            await job.run()
            if job.interval != scheduled_every:
                self._reschedule(id_)
        finally:
            self._running.discard(task)

    def _reschedule(self, id_: str) -> None:
        """Have a job run at its interval as it is now: with its group if it is the usual one."""
        interval = self._jobs[id_].interval
        trigger = self._triggers[id_]
        if interval != trigger.interval:
            trigger = _Trigger(dt.datetime.fromtimestamp(self._clock.wall(), dt.UTC), interval)
        self._scheduler.modify_job(id_, args=[id_, interval])
        self._scheduler.reschedule_job(id_, trigger=trigger)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._notice_step()

    def _notice_step(self) -> None:
        offset = self._read_clock_offset()
        step, self._clock_offset = offset - self._clock_offset, offset
        if abs(step) > STEP_SECONDS:
            logs.warning("clock_stepped", seconds=step)
            for id_, trigger in self._triggers.items():
                trigger.move(step)
                self._reschedule(id_)

    def _read_clock_offset(self) -> float:
        return self._clock.wall() - asyncio.get_running_loop().time()


class _Trigger(BaseTrigger):  # type: ignore[misc] # APScheduler 3 has no annotations
    """Every `interval` seconds from an origin on, so that jobs of one origin run together.

    APScheduler's IntervalTrigger visits every run that was missed: hours of work, and memory for
    each, when the clock is set forward by years.
    """

    def __init__(self, origin: dt.datetime, interval: float) -> None:
        self.interval = interval
        self._origin = origin

    def move(self, seconds: float) -> None:
        """Move the origin by a step of the clock."""
        self._origin += dt.timedelta(seconds=seconds)

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        last = now if previous_fire_time is None else max(previous_fire_time, now)
        passed = (last - self._origin).total_seconds() // self.interval
        following = self._origin + dt.timedelta(seconds=(passed + 1) * self.interval)
        # Of an interval that is no binary fraction, the quotient may be a little too small.
        return following if following > last else following + dt.timedelta(seconds=self.interval)


def _groups(jobs: Mapping[str, Job]) -> list[list[str]]:
    """The jobs that run at the same moments; one that shares no message is a group alone."""
    together: defaultdict[object, list[str]] = defaultdict(list)
    for id_, job in jobs.items():
        together[(job.key.database, job.interval) if job.SHARES_MESSAGES else id_].append(id_)
    return [
        each[first : first + MOST_TOGETHER]
        for each in together.values()
        for first in range(0, len(each), MOST_TOGETHER)
    ]
