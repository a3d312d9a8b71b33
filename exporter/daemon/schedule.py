"""When jobs run: APScheduler 3.

APScheduler keeps the next run as wall-clock time: when the clock is set back by an hour, nothing
would run for an hour. So the clock is watched, also at each run: one that is set forth and back in
a moment would else leave the next runs in the future. A step restarts all intervals; a suspended
machine is a step forward.

Jobs whose reads share a message (postgres/read_queue.py) run at the same moments, in groups of as
many as fit into one, and the groups one after the other within their interval. A group is one job
of APScheduler, which spends on each as much as we do on a collection. It starts a task for each of
ours, and skips and counts those that are still running.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import STATE_RUNNING
from apscheduler.triggers.base import BaseTrigger

from exporter import logs
from exporter.clock import Clock
from exporter.collection.job import Job, Key
from exporter.postgres import MOST_TOGETHER

#: At most this long between two groups of jobs, so that the first runs come soon.
SPREAD_SECONDS = 0.1

#: How many jobs begin, or groups are scheduled, at the same moment when they are added; how many
#: jobs are removed in one turn of the loop. To schedule a group takes about 0.1 ms.
STARTED_TOGETHER = 16
REMOVED_TOGETHER = 256

#: The wall clock is compared with the monotonic one this often, and may drift this far, in seconds.
WATCH_SECONDS = 1.0
STEP_SECONDS = 2.0

T = TypeVar("T")


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
        self._jobs = _by_id(jobs)
        #: The trigger of each job's group, and the one by which it runs now: while its interval is
        #: another one than the group's, a trigger of its own.
        self._usual: dict[str, _Trigger] = {}
        self._current: dict[str, _Trigger] = {}
        #: The wall clock less the loop's, which stands still on a suspended machine, as its timers.
        self._clock_offset = 0.0
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start. Needs a running event loop."""
        for group, delay in _groups(self._jobs):
            self._add_group(group, delay)
        self._scheduler.start()
        self._clock_offset = self._read_clock_offset()
        self._watching = asyncio.create_task(self._watch_clock())

    async def add(self, jobs: Iterable[Job]) -> None:
        """Run these as well, the first time soon.

        A thousand sources have thousands of jobs: they are scheduled and started a few at a time,
        so that the loop does other things between them.
        """
        added = _by_id(jobs)
        self._jobs |= added
        has_room: defaultdict[object, list[_Trigger]] = defaultdict(list)
        for trigger in set(self._usual.values()):
            if trigger.shared_by is not None and len(trigger.members) < MOST_TOGETHER:
                has_room[trigger.shared_by].append(trigger)
        joined = {id_ for id_, job in added.items() if self._join(id_, has_room[_shared_by(job)])}
        groups = _groups({id_: job for id_, job in added.items() if id_ not in joined})
        async for group, delay in _in_turns(groups, STARTED_TOGETHER):
            self._add_group(group, delay)
        async for id_ in _in_turns(joined, STARTED_TOGETHER):
            if self._jobs.get(id_) is added[id_] and id_ not in self._running and self._is_running:
                self._start(id_)

    async def remove(self, keys: Collection[Key], patience: float) -> None:
        """Start these no more, and let them end for at most `patience` seconds, then cancel them.

        None of them runs afterwards, unless this is cancelled itself.
        """
        ids = ["/".join(key) for key in keys]
        async for id_ in _in_turns(ids, REMOVED_TOGETHER):
            self._forget(id_)
        if running := [self._running[id_] for id_ in ids if id_ in self._running]:
            _, unended = await asyncio.wait(running, timeout=patience)
            for task in unended:
                task.cancel()
            await asyncio.gather(*unended, return_exceptions=True)

    async def stop(self, patience: float) -> None:
        """Start nothing more and let running jobs end, for at most `patience` seconds.

        Those that still run then are cancelled.
        """
        self._scheduler.pause()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._running:
            _, unended = await asyncio.wait(self._running.values(), timeout=patience)
            for task in unended:
                task.cancel()
        self._scheduler.shutdown(wait=False)

    def next_run(self, key: Key) -> float | None:
        """When the job of a key runs next, as Unix time; None: there is no such job."""
        trigger = self._current.get("/".join(key))
        at = None if trigger is None else trigger.scheduled.next_run_time
        return None if at is None else float(at.timestamp())

    def _add_group(self, group: Sequence[str], delay: float) -> None:
        """Have jobs that run at the same moments run the first time in `delay` seconds."""
        first = self._jobs[group[0]]
        trigger = _Trigger(self._now() + dt.timedelta(seconds=delay), first.interval)
        trigger.shared_by = _shared_by(first)
        trigger.job_ids.update(dict.fromkeys(group))
        trigger.members.update(group)
        self._usual |= dict.fromkeys(group, trigger)
        self._current |= dict.fromkeys(group, trigger)
        self._add(trigger, next_run_time=trigger.origin)

    def _join(self, id_: str, has_room: list["_Trigger"]) -> bool:
        """Have a job run with a group that has room for it; return whether there is one."""
        if not has_room:
            return False
        trigger = self._usual[id_] = self._current[id_] = has_room[-1]
        trigger.job_ids[id_] = None
        trigger.members.add(id_)
        if len(trigger.members) == MOST_TOGETHER:
            has_room.pop()
        return True

    def _forget(self, id_: str) -> None:
        usual, current = self._usual.pop(id_), self._current.pop(id_)
        del self._jobs[id_], current.job_ids[id_]
        usual.members.remove(id_)
        if current is not usual:
            current.end()
        if not usual.members:
            usual.end()

    def _add(self, trigger: "_Trigger", **when: dt.datetime) -> None:
        trigger.scheduled = self._scheduler.add_job(self._begin, trigger, args=[trigger], **when)

    async def _begin(self, trigger: "_Trigger") -> None:
        """Start a run of each job of a trigger, unless one is still going."""
        self._notice_step()
        for id_ in trigger.job_ids if self._is_running else ():
            if id_ in self._running:
                self._jobs[id_].overlapped()
            else:
                self._start(id_)

    @property
    def _is_running(self) -> bool:
        return bool(self._scheduler.state == STATE_RUNNING)

    def _start(self, id_: str) -> None:
        task = self._running[id_] = asyncio.create_task(self._run(id_, self._jobs[id_]))
        # Also of a task that is cancelled before it has begun.
        task.add_done_callback(lambda _: self._running.pop(id_))

    async def _run(self, id_: str, job: Job) -> None:
        await job.run()
        if self._jobs.get(id_) is job and job.interval != self._current[id_].interval:
            self._reschedule(id_)

    def _reschedule(self, id_: str) -> None:
        """Have a job run at its interval as it is now: with its group if it is the usual one."""
        interval = self._jobs[id_].interval
        before, after = self._current[id_], self._usual[id_]
        del before.job_ids[id_]
        if before is not after:
            before.end()
        if interval != after.interval:
            after = _Trigger(self._now(), interval)
            self._add(after)
        after.job_ids[id_] = None
        self._current[id_] = after

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.wall(), dt.UTC)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._notice_step()

    def _notice_step(self) -> None:
        offset = self._read_clock_offset()
        step, self._clock_offset = offset - self._clock_offset, offset
        if abs(step) > STEP_SECONDS:
            logs.warning("clock_stepped", seconds=step)
            for trigger in {*self._usual.values(), *self._current.values()}:
                trigger.move(step)
                trigger.scheduled.reschedule(trigger)

    def _read_clock_offset(self) -> float:
        return self._clock.wall() - asyncio.get_running_loop().time()


class _Trigger(BaseTrigger):  # type: ignore[misc] # APScheduler 3 has no annotations
    """Every `interval` seconds from an origin on, so that jobs of one origin run together.

    APScheduler's IntervalTrigger visits every run that was missed: hours of work, and memory for
    each, when the clock is set forward by years.
    """

    def __init__(self, origin: dt.datetime, interval: float) -> None:
        self.origin = origin
        self.interval = interval
        #: Our jobs that run by it, in this order, and APScheduler's that starts them.
        self.job_ids: dict[str, None] = {}
        self.scheduled: Any = None
        #: Those whose usual one it is, and what they have in common to share messages.
        self.members = set[str]()
        self.shared_by: tuple[str, float] | None = None

    def end(self) -> None:
        """Have nothing run by it; also it and APScheduler's job refer to each other no more."""
        self.scheduled.remove()
        self.scheduled = None

    def move(self, seconds: float) -> None:
        """Move the origin by a step of the clock."""
        self.origin += dt.timedelta(seconds=seconds)

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        last = now if previous_fire_time is None else max(previous_fire_time, now)
        passed = (last - self.origin).total_seconds() // self.interval
        following = self.origin + dt.timedelta(seconds=(passed + 1) * self.interval)
        # Of an interval that is no binary fraction, the quotient may be a little too small.
        return following if following > last else following + dt.timedelta(seconds=self.interval)


def _by_id(jobs: Iterable[Job]) -> dict[str, Job]:
    return {"/".join(job.key): job for job in jobs}


def _shared_by(job: Job) -> tuple[str, float] | None:
    return (job.key.database, job.interval) if job.SHARES_MESSAGES else None


def _groups(jobs: Mapping[str, Job]) -> list[tuple[list[str], float]]:
    """The jobs that run at the same moments, and after how many seconds they begin.

    One that shares no message is a group alone.
    """
    together: defaultdict[object, list[str]] = defaultdict(list)
    for id_, job in jobs.items():
        together[_shared_by(job) or id_].append(id_)
    groups = [
        each[first : first + MOST_TOGETHER]
        for each in together.values()
        for first in range(0, len(each), MOST_TOGETHER)
    ]
    return [
        (group, number * min(SPREAD_SECONDS, jobs[group[0]].interval / len(groups)))
        for number, group in enumerate(groups)
    ]


async def _in_turns(items: Iterable[T], count: int) -> AsyncIterator[T]:
    """The same items, with a turn of the event loop for everything else after each `count`."""
    for number, item in enumerate(items):
        if number and number % count == 0:
            await asyncio.sleep(0)
        yield item
