"""Shared by the commands that close and undo: the required role, and the connection that writes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from exporter.check.rights.missing_rights import denied, missing_to_recover
from exporter.cli.each_source import for_each_source
from exporter.cli.output.terminal.progress import Progress
from exporter.config import Config, DatabaseSettings, Source
from exporter.errors import PermissionDenied
from exporter.postgres import Reader, Writer
from exporter.queries import identifier
from exporter.recovery.audit.control import operator_advice
from exporter.recovery.rule.connections import open_writer, reading_settings
from exporter.sessions.grants import RECOVERY_ROLE, grants_of

T = TypeVar("T")

#: In characters: a right may be on each of 1,500 columns.
LONGEST_COMMANDS = 2_000


def for_each_recovered(
    config: Config,
    sources: Iterable[Source],
    work: Callable[[Reader, Source, str], Awaitable[T]],
    *,
    settings: Callable[[DatabaseSettings, Source], DatabaseSettings] = reading_settings,
    shows_progress: bool = False,
) -> tuple[list[T], bool]:
    """Like for_each_source; if a right is missing, the error says how to get it."""

    async def explained(reader: Reader, source: Source, database: str) -> T:
        try:
            return await work(reader, source, database)
        except PermissionDenied as error:
            advice = await advice_for(config.databases[database], source)
            if not advice:
                raise
            raise PermissionDenied(f"{denied(error)}; {advice}") from None

    return for_each_source(
        config, sources, explained, settings=settings, shows_progress=shows_progress
    )


@asynccontextmanager
async def open_reported_writer(
    config: Config,
    database: str,
    source: Source,
    progress: Progress,
    report_early_end: Callable[[], None],
) -> AsyncIterator[Writer]:
    """Open a connection that may write; clear the progress at the end.

    Calls `report_early_end` where an error or Ctrl-C ends the work: what was committed stays, and
    after a lost connection also a commit without an answer may hold. Raises SourceError.
    """
    try:
        async with open_writer(config.databases[database], source) as writer:
            yield writer
    except BaseException:
        progress.clear()
        report_early_end()
        raise
    progress.clear()


async def advice_for(settings: DatabaseSettings, source: Source) -> str:
    """Advice about missing rights; empty if none is missing, or that is unknown.

    A role without any right on the audit belongs to a person who is not an operator yet.
    """
    lines = []
    for role, grantee, missing in await missing_to_recover(settings, source):
        if any(right.is_of_audit and right.privilege == "USAGE" for right in missing):
            advice = operator_advice(identifier(role))
            lines.append(f"role {role} has no right on the audit of recovery: {advice}")
        else:
            commands = " ".join(grants_of(missing, identifier(grantee)))
            if len(commands) > LONGEST_COMMANDS:
                commands = "what `session-exporter check --live --all` prints"
            # Without a dsn of recovery this may be the role that collects: it should not get them.
            is_own = source.recovery.dsn is not None or role == RECOVERY_ROLE
            other = "" if is_own else "connect as the role for recovery, or "
            lines.append(f"role {role} lacks rights; {other}ask a DBA to run: {commands}")
    return "; ".join(lines)
