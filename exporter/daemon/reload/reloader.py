"""Reads the config file again while the daemon runs, and replaces the exporter by that of it."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from exporter import logs
from exporter.clock import Clock
from exporter.collection.job import Job
from exporter.config import Config
from exporter.daemon.app import Exporter
from exporter.daemon.reload.differences import Differences, with_equal_parts_of
from exporter.daemon.reload.hand_over import close_unused, ending_jobs, hand_over, kept_of
from exporter.daemon.schedule import Schedule
from exporter.errors import ConfigError, ExporterError
from exporter.postgres import in_thread

#: How long runs of jobs that another config replaces may take to end, in seconds.
PATIENCE = 5.0

#: The longest that reading the file may take, in seconds: it may hang on a network, or be a pipe.
READ_SECONDS = 30.0

#: How many times as many objects as after the last full garbage collection lead to the next one.
FROZEN_GROWTH = 1.1

#: More young garbage collections than come during a reload.
_NEVER = 1_000_000


class _Change(NamedTuple):
    """What a reload is about to do."""

    config: Config
    differences: Differences
    ended: list[Job]
    """The jobs that it ends."""
    scheduled: list[Job]
    """Those of them that the schedule runs."""


class Reloader:
    """The exporter in use, and how it is replaced: one reload after the other."""

    def __init__(
        self,
        exporter: Exporter,
        schedule: Schedule,
        clock: Clock,
        *,
        load: Callable[[], Config] | None,
        on_change: Callable[[Exporter], None],
    ) -> None:
        """`load` reads the file, in a thread; None: there is none, and a reload does nothing.

        `on_change` is called with each new exporter.
        """
        self.exporter = exporter
        self._schedule = schedule
        self._clock = clock
        self._load = load
        self._on_change = on_change
        self._lock = asyncio.Lock()
        self._frozen = 0
        """How many objects the last full garbage collection has left."""
        self._waiting: asyncio.Task[bool] | None = None
        """The reload that begins next, which serves all that ask until it does."""
        self._tasks = set[asyncio.Task[Any]]()
        self._closing = set[asyncio.Task[Any]]()

    def request(self) -> None:
        """Reload soon."""
        if self._waiting is None:
            self._waiting = _keep(self._tasks, self._reload())

    async def reload(self) -> bool:
        """Reload; return whether the file that was read is in use."""
        self.request()
        assert self._waiting is not None  # noqa: S101 - for mypy
        return await asyncio.shield(self._waiting)

    async def stop(self) -> None:
        """Begin nothing more, and give up what has begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _reload(self) -> bool:
        async with self._lock:
            self._waiting = None
            if self._load is None:
                logs.warning("sighup_ignored", hint="to read the config, restart")
                return False
            try:
                with _full_collections_postponed():
                    await self._replace(await self._read_in_time())
            except ConfigError as error:
                problems = "; ".join(str(error).splitlines())
                self._note_failure(len(error.problems), problems)
                return False
            except ExporterError as error:
                self._note_failure(1, str(error))
                return False
            except Exception as error:  # noqa: BLE001 - a bug of ours must not end the daemon
                logs.bug("config_reload_bug", error)
                self._note_failure(1, f"a bug in session-exporter: {error!r}")
                return False
            await self._settle_memory()
            return True

    async def _settle_memory(self) -> None:
        """Freeze what is used now; what was in a cycle when it was frozen is freed now and then.

        Of many sources each part takes a turn of the loop: also to let go of the config before, and
        to count.
        """
        await asyncio.sleep(0)
        settle_memory()
        await asyncio.sleep(0)
        frozen = gc.get_freeze_count()
        self._frozen = self._frozen or frozen
        if frozen > FROZEN_GROWTH * self._frozen:
            gc.unfreeze()
            settle_memory()
            self._frozen = gc.get_freeze_count()

    async def _read_in_time(self) -> _Change:
        try:
            return await in_thread(self._read, timeout=READ_SECONDS)
        except TimeoutError:
            took = f"reading the config file took longer than {READ_SECONDS:g} s"
            raise ExporterError(took) from None

    def _read(self) -> _Change:
        """What the file changes; runs in a thread. Raises ExporterError."""
        assert self._load is not None  # noqa: S101 - for mypy
        before = self.exporter
        config = with_equal_parts_of(before.config, self._load())
        differences = Differences(before.config, config)
        ended = ending_jobs(before, config, differences, self._clock)
        keys = {job.key for job in before.jobs}
        return _Change(config, differences, ended, [job for job in ended if job.key in keys])

    async def _replace(self, change: _Change) -> None:
        before, config, ended = self.exporter, change.config, change.ended
        await self._schedule.remove([job.key for job in change.scheduled], PATIENCE)
        await asyncio.sleep(0)
        try:
            kept = kept_of(before, ended, change.differences)
            after = await in_thread(lambda: before.remade(config, kept))
            hand_over(before, after, kept, change.differences)
        except BaseException:
            await self._schedule.add(change.scheduled)
            raise
        self.exporter = after
        self._on_change(after)
        await asyncio.sleep(0)
        await self._schedule.add([job for job in after.jobs if job.key not in kept.jobs])
        after.reloads.succeeded(self._clock.wall())
        logs.info(
            "config_reloaded",
            sources=len(config.all_sources),
            added=len(config.all_sources.keys() - before.config.all_sources.keys()),
            removed=len(before.config.all_sources.keys() - config.all_sources.keys()),
        )
        await asyncio.shield(_keep(self._closing, close_unused(before, after, ended)))

    def _note_failure(self, problems: int, error: str) -> None:
        logs.warning("config_reload_failed", problems=problems, error=error)
        self.exporter.reloads.failed(self._clock.wall(), problems)


def settle_memory() -> None:
    """Have garbage collection leave alone what lives as long as the config.

    With 1,000 sources a collection that visits all of it stops the event loop for 50 ms. Nearly all
    that was frozen and is used no more is in no cycles, and gone without garbage collection.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _full_collections_postponed() -> Iterator[None]:
    """Have none while a config is read: it would visit all that was read so far.

    Garbage collection of young objects goes on, and a full one follows soon.
    """
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)


def _keep(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that is referred to until it has ended."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
