"""What commands share that do something for each source."""

import asyncio
import difflib
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from exporter import logs, sessions
from exporter.config import Config, DatabaseSettings, Source
from exporter.errors import SourceError, UsageError
from exporter.postgres import Database, Reader
from exporter.text import printable

T = TypeVar("T")


def has_rule(source: Source) -> bool:
    """Whether the config says what closing a session of this source writes, or what does it."""
    return source.recovery.is_declared


def require_rule(config: Config, name: str, *, lacks: str = "neither `set` nor `call`") -> None:
    """Raise UsageError where the config does not say what closing a session of it writes."""
    source = config.sources.get(name)
    if source is not None and not has_rule(source):
        raise UsageError(
            f"{config.path}: sources.{name}.recovery declares {lacks}: session-exporter does not "
            "know how to close a session"
        )


def for_each_source(
    config: Config,
    name: str | None,
    work: Callable[[Reader, Source, str], Awaitable[T]],
    *,
    settings: Callable[[DatabaseSettings, Source], DatabaseSettings] = lambda same, _: same,
    only: Callable[[Source], bool] = lambda _: True,
) -> tuple[list[T], bool]:
    """Do `work` for one source or all, in each of its databases.

    Returns the results, and whether any failed; the errors are printed. `settings` says how to
    connect, where that is not as for collection.
    """
    if name is not None and name not in config.sources:
        near = difflib.get_close_matches(name, config.sources, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(config.sources)}"
        raise UsageError(f"{config.path} declares no source {name}; {hint}")
    chosen = [each for each in config.sources.values() if name in {None, each.name} and only(each)]
    logs.log_errors_only()

    async def done() -> tuple[list[T], bool]:
        databases: dict[DatabaseSettings, Database] = {}
        results, failed = [], False
        for source, place in ((each, place) for each in chosen for place in each.databases):
            wanted = settings(config.databases[place], source)
            if wanted not in databases:
                databases[wanted] = Database(wanted)
            reader = databases[wanted].reader(timezone=sessions.time_zone(source))
            try:
                results.append(await work(reader, source, place))
            except SourceError as error:
                failed = True
                where = f"{source.name} ({place})"
                print(printable(f"session-exporter: {where}: {error}"), file=sys.stderr)
        for database in databases.values():
            await database.close()
        return results, failed

    return wait_for(done())


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
