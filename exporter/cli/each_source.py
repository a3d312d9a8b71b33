"""Shared by commands that work on each source."""

import difflib
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import uvloop

from exporter import logs, sessions
from exporter.cli.output.terminal.failures import print_failure
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.config import Config, DatabaseSettings, ListedSource, Source
from exporter.errors import SourceError, UsageError
from exporter.postgres import Database, Reader
from exporter.text import some_of

T = TypeVar("T")


def find_sources(config: Config, name: str | None) -> list[Source]:
    """The source of that name, or all that have a table; raises UsageError."""
    if name is None:
        return list(config.sources.values())
    if name in config.sources:
        return [config.sources[name]]
    if name in config.listed:
        raise UsageError(
            f"{config.path}: sources.{name} has no table: what its list holds is counted and "
            "listed, and can neither be read by SQL nor closed"
        )
    near = difflib.get_close_matches(name, config.all_sources, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {some_of(config.all_sources)}"
    raise UsageError(f"{config.path} declares no source {name}; {hint}")


def find_listed(config: Config, name: str | None) -> list[ListedSource]:
    """The source of that name if it has no table, or all that have none."""
    return [each for each in config.listed.values() if name in {None, each.name}]


def find_recovered(config: Config, name: str | None) -> list[Source]:
    """The same for sources whose config declares what closing a session writes."""
    return [each for each in find_sources(config, name) if each.recovery.is_declared]


def find_limited(config: Config, name: str | None) -> list[Source]:
    """The same of the sources that limit the sessions of a user; raises UsageError without any.

    Also where only sources without a table do.
    """
    chosen = [] if name in config.listed else find_sources(config, name)
    found = [each for each in chosen if each.limit_per is not None]
    if not found and all(each.limit_per is None for each in find_listed(config, name)):
        where = "no source declares" if name is None else f"sources.{name} declares no"
        limit = "{max: 1}" if name in config.listed else "{key: user_id, max: 1}"
        raise UsageError(
            f"{config.path}: {where} `limit_per`: session-exporter does not know how many "
            f"sessions a user may have; for example limit_per: {limit}"
        )
    return found


def require_rule(config: Config, name: str) -> Source:
    """The source, if its config declares what closing a session writes; raises UsageError."""
    (source,) = find_sources(config, name)
    if not source.recovery.is_declared:
        raise UsageError(
            f"{config.path}: sources.{name}.recovery declares no `set`: session-exporter does not "
            "know how to close a session"
        )
    return source


def for_each_source(
    config: Config,
    sources: Iterable[Source],
    work: Callable[[Reader, Source, str], Awaitable[T]],
    *,
    settings: Callable[[DatabaseSettings, Source], DatabaseSettings] = lambda same, _: same,
    shows_progress: bool = False,
) -> tuple[list[T], bool]:
    """Do `work` for each source in each of its databases.

    Returns the results, and whether any failed; the errors are printed. `settings` says how to
    connect, where that is not as for collection. `shows_progress` is for work that prints nothing
    and shows none of its own.
    """
    logs.log_errors_only()
    pairs = [(each, place) for each in sources for place in each.databases]
    progress, done = Progress(len(pairs), "sources"), 0

    async def each_done() -> tuple[list[T], bool]:
        nonlocal done
        databases: dict[DatabaseSettings, Database] = {}
        results, failed = [], False
        for source, place in pairs:
            wanted = settings(config.databases[place], source)
            if wanted not in databases:
                databases[wanted] = Database(wanted)
            reader = databases[wanted].reader(timezone=sessions.time_zone(source))
            try:
                results.append(await work(reader, source, place))
            except SourceError as error:
                failed = True
                progress.clear()
                print_failure(source.name, place, str(error))
            done += 1
        for database in databases.values():
            await database.close()
        return results, failed

    async def shown() -> tuple[list[T], bool]:
        async with polled(progress, lambda: done):
            return await each_done()

    return uvloop.run(shown() if shows_progress else each_done())
