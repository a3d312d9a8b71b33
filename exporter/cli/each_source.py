"""What commands share: reading the config, and doing something for each source."""

import asyncio
import difflib
import os
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from exporter import logs, sessions
from exporter.cli.output import report
from exporter.config import Config, DatabaseSettings, Source, load_config, parse_duration
from exporter.errors import ExporterError, SourceError, UsageError
from exporter.postgres import Database, Reader, dsn_problem
from exporter.recovery.rule.rule import reading_settings

T = TypeVar("T")


def load(path: Path) -> Config:
    """The config, or a sentence about what this version cannot do with it."""
    config = load_config(path)
    for database in config.databases.values():
        if problem := dsn_problem(database.dsn):
            raise ExporterError(f"{path}: databases.{database.name}.dsn: {problem}")
    for source in config.sources.values():
        if source.recovery.dsn is not None and (problem := dsn_problem(source.recovery.dsn)):
            raise ExporterError(f"{path}: sources.{source.name}.recovery.dsn: {problem}")
    return config


def has_rule(source: Source) -> bool:
    """Whether the config says what closing a session of this source writes, or what does it."""
    return source.recovery.is_declared


def require_set(config: Config, name: str) -> None:
    """Raise UsageError where nobody knows what closing a session of that source writes."""
    source = config.sources.get(name)
    if source is not None and not source.recovery.set:
        raise UsageError(
            f"{config.path}: sources.{name}.recovery has no set, so nobody knows what closing a "
            "session writes"
        )


def looking(config: Config, source: Source, database: str) -> DatabaseSettings:
    """How recovery connects to look for sessions."""
    return reading_settings(config.databases[database], source)


def for_each_source(
    config: Config,
    name: str | None,
    work: Callable[[Reader, Source, str], Awaitable[T]],
    *,
    settings: Callable[[Config, Source, str], DatabaseSettings] | None = None,
    only: Callable[[Source], bool] = lambda _: True,
) -> tuple[list[T], bool]:
    """Do `work` for one source or all, in each of its databases; say which of them failed.

    `settings` says how to connect, where that is not as for collection.
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
            wanted = settings(config, source, place) if settings else config.databases[place]
            if wanted not in databases:
                databases[wanted] = Database(wanted)
            database = databases[wanted]
            reader = database.reader(timezone=sessions.time_zone(source))
            try:
                results.append(await work(reader, source, place))
            except SourceError as error:
                failed = True
                where = f"{source.name} ({place})"
                print(report.printable(f"session-exporter: {where}: {error}"), file=sys.stderr)
        for database in databases.values():
            await database.close()
        return results, failed

    return wait_for(done())


def duration(option: str, text: str | None, *, may_be_zero: bool = False) -> float | None:
    """The seconds of an option's value, which may be 0 with `may_be_zero`; raises UsageError."""
    if may_be_zero and text is not None and re.fullmatch(r"\s*0+(ms|[smhd])?\s*", text):
        return 0.0
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}, got '{text}'") from None


def plain_text(option: str, text: str) -> str:
    """The option's value, if PostgreSQL can be told it; raises UsageError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option}: expected text in UTF-8, got {text!a}") from None
    return text


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def flush() -> None:
    """Write what is still buffered; that nobody reads it any more is no error."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"session-exporter: cannot write the output: {error.strerror}", file=sys.stderr)
            sys.exit(1)
