"""An exporter in this process that collects when the test says so, seen as its operator sees it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import uvloop

from exporter import logs
from exporter.config import Config, load_config
from exporter.daemon import machine_clock
from exporter.daemon.app import Exporter
from exporter.daemon.reload.differences import Differences
from exporter.daemon.reload.hand_over import close_unused, ending_jobs, kept_of
from exporter.metrics.exposition import TEXT
from tests.support.processes.background import Background
from tests.support.processes.session_exporter import Page, wait_for

UP = "session_exporter_database_up"
ERRORS = "session_exporter_collection_errors_total"
SKIPPED = "session_exporter_collection_skipped_total"


class _Lines(logging.Handler):
    """Keeps what the daemon would write to stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs._Logfmt())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Exporting:
    """From entering to leaving the `with` block; the same connections and states all the time."""

    def __init__(
        self,
        config: Path,
        environ: Mapping[str, str] | None = None,
        *,
        make_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    ) -> None:
        self._background = Background(make_loop)
        self._exporter = Exporter(load_config(config, environ or {}), machine_clock.CLOCK)
        self._lines = _Lines()
        self._logger = logging.getLogger("session_exporter")
        self._level = self._logger.level

    def __enter__(self) -> Self:
        self._logger.addHandler(self._lines)
        self._logger.setLevel(logs.INFO)
        self._background.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._background.wait(self._exporter.close())
        finally:
            self._background.__exit__()
            self._logger.removeHandler(self._lines)
            self._logger.setLevel(self._level)

    @property
    def log(self) -> str:
        """Every line so far."""
        return "\n".join(self._lines.lines)

    @property
    def database(self) -> Any:
        """The one database of the config, whose privates a test may look at."""
        (database,) = self._exporter.databases.values()
        return database

    def begin(self, *collectors: str) -> Future[None]:
        """Start every collection, or those of some collectors, once."""
        return self._background.begin(self._collect(collectors))

    def collect(self, *collectors: str) -> Page:
        """Collect once and read the page."""
        self.begin(*collectors).result(30)
        return self.page()

    def run(self) -> Page:
        """Run every job once, recovery too, and read the page."""
        self._background.wait(self._run())
        return self.page()

    def collect_until(
        self,
        condition: Callable[[Page], Any],
        what: str,
        *collectors: str,
        seconds: float = 60.0,
    ) -> Page:
        """Collect again and again until the condition holds, and return that page."""

        def matching() -> Page | None:
            page = self.collect(*collectors)
            return page if condition(page) else None

        return wait_for(matching, what, seconds=seconds, every=0.05, details=lambda: self.log)

    def reload(self, config: Path) -> None:
        """Go on with what a config file says now, as after SIGHUP."""
        self._background.wait(self._reload(load_config(config, {})))

    def page(self) -> Page:
        """The /metrics page."""

        async def render() -> str:
            return self._exporter.page.render(TEXT).decode()

        return Page(self._background.wait(render()))

    def failure(self, source: str, collector: str = "active") -> str:
        """The sentence that tells why the last collection failed."""
        (failure,) = (
            state.failure
            for key, state in self._exporter.snapshots.states.items()
            if (key.source, key.collector) == (source, collector)
        )
        assert failure is not None, f"{source} did not fail\n{self.log}"
        return failure

    def seconds_of_backoff(self) -> float:
        """How long it will not try to connect from now on."""

        async def now() -> float:
            return asyncio.get_running_loop().time()

        return float(self.database.pool.backoff.until) - self._background.wait(now())

    def end_backoff(self) -> None:
        """As if that time had passed."""
        self.database.pool.backoff.until = 0.0

    def end_backoffs(self) -> None:
        """The same for each of several databases."""
        for database in self._exporter.databases.values():
            database.pool.backoff.until = 0.0

    async def _run(self) -> None:
        await asyncio.gather(*(job.run() for job in self._exporter.jobs))

    async def _reload(self, config: Config) -> None:
        before, clock = self._exporter, machine_clock.CLOCK
        differences = Differences(before.config, config)
        ended = ending_jobs(before, config, differences, clock)
        self._exporter = before.remade(config, kept_of(before, ended, differences))
        await close_unused(before, self._exporter, ended)

    async def _collect(self, collectors: tuple[str, ...]) -> None:
        await asyncio.gather(
            *(
                each.run()
                for each in self._exporter.collections
                if not collectors or each.key.collector in collectors
            )
        )
