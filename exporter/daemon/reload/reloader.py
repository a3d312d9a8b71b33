"""Reads the config file again while the daemon runs, and replaces the exporter by that of it."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

from exporter import logs
from exporter.clock import Clock
from exporter.config import Config
from exporter.daemon.app import Exporter
from exporter.daemon.reload.differences import Differences, with_equal_parts_of
from exporter.daemon.reload.hand_over import close_unused, ending_jobs, kept_of
from exporter.daemon.schedule import Schedule
from exporter.errors import ConfigError, ExporterError
from exporter.postgres import in_thread

#: How long runs of jobs that another config replaces may take to end, in seconds.
PATIENCE = 5.0

#: So many reloads together may leave behind what was in a cycle just when one of them took place.
FULLY_EVERY = 10


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
        self._reloads = 0
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
                await self._replace(*await in_thread(self._read))
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
            self._reloads += 1
            settle_memory(is_full=self._reloads % FULLY_EVERY == 0)
            return True

    def _read(self) -> tuple[Config, Differences]:
        """The config of the file, and how it differs; runs in a thread. Raises ExporterError."""
        assert self._load is not None  # noqa: S101 - for mypy
        before = self.exporter.config
        config = with_equal_parts_of(before, self._load())
        return config, Differences(before, config)

    async def _replace(self, config: Config, differences: Differences) -> None:
        before = self.exporter
        ended = ending_jobs(before, config, differences, self._clock)
        scheduled = [job for job in ended if job in before.jobs]
        await self._schedule.remove([job.key for job in scheduled], PATIENCE)
        # Else making so many objects has garbage collection visit all that there are.
        gc.freeze()
        await asyncio.sleep(0)
        # From here on, nothing is awaited until all is replaced.
        try:
            kept = kept_of(before, ended, differences)
            after = before.remade(config, kept)
        except BaseException:
            await self._schedule.add(scheduled)
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


def settle_memory(*, is_full: bool = True) -> None:
    """Have garbage collection leave alone what lives as long as the config.

    With 1,000 sources a full collection that visits it stops the event loop for 50 ms, and for
    10 ms without. Unless `is_full`, only what was made since the last time is visited: what an
    earlier config has left is in no cycles, and already gone.
    """
    if is_full:
        gc.unfreeze()
    gc.collect(2 if is_full else 1)
    gc.freeze()


def _keep(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that is referred to until it has ended."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
