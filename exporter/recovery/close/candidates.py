"""The sessions of a selection: the candidates, their previews, and the outcome of closing."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.queries import join_lines
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.selection import Selection
from exporter.text import shorten

#: The most candidates of one page, not counting further rows with the same id: some 15 MB. Each
#: page reads all candidates that are left.
PAGE = 50_000


class Candidate(NamedTuple):
    """A session that may be closed, in the version in which it was found."""

    session: str
    version: str


@dataclass(frozen=True, slots=True)
class Preview:
    """One session and its new values. Times are seconds by the database's clock."""

    session: str
    last_seen: float | None
    """None where it is unknown, which occurs only in a planned stop."""
    silence: float | None
    changes: Mapping[str, str | None]
    """The new value of each column, as text."""
    times: Mapping[str, str | None]
    """The times that numbers among the changes stand for."""
    returning: Mapping[str, Any]
    is_undone: bool = False
    """Whether a person has undone it before."""
    cause: str | None = None
    """Why it is orphaned, one of CAUSES; None where the source has neither owners nor a list."""

    def written(self, column: str) -> str:
        """The new value of a column, for people: a number with the time that it means."""
        value, time = self.changes[column], self.times.get(column)
        text = "NULL" if value is None else shorten(value)
        return text if time is None else f"{text} ({time})"


class ClosedSession(NamedTuple):
    """A session that was closed, and the values to report for it."""

    session: str
    report: str
    """JSON."""


@dataclass(slots=True)
class Outcome:
    """The outcome for the candidates of one run."""

    run: uuid.UUID = field(default_factory=uuid.uuid4)
    closed: int = 0
    recovered: list[ClosedSession] = field(default_factory=list)
    """The sessions that were closed, until `progress` removes them."""
    skipped: int = 0
    """Locked by another transaction, or changed: a later run rechecks them."""
    refused: dict[str, str] = field(default_factory=dict)
    """The sessions set aside, with the reason."""
    over_budget: int = 0
    paused: int = 0

    @property
    def done(self) -> int:
        """How many need no more work in this run."""
        return self.closed + self.skipped + len(self.refused)

    def add(
        self, closed: Sequence[ClosedSession], asked: int, admitted: int, *, is_paused: bool
    ) -> None:
        """Count one transaction, to which only a part of the requested sessions was admitted."""
        self.count(len(closed), admitted)
        self.recovered += closed
        if is_paused:
            self.paused += asked - admitted
        else:
            self.over_budget += asked - admitted

    def count(self, closed: int, admitted: int) -> None:
        """Count one transaction that closed some of its sessions."""
        self.closed += closed
        self.skipped += admitted - closed


async def find_candidates(
    reader: Reader, selection: Selection, *, page: int = PAGE
) -> AsyncGenerator[list[Candidate]]:
    """Pages of the sessions that would be closed now, each with the longest silent first.

    Rows may be closed between two pages. If a person has limited the number, these are one page.
    Raises SourceError.
    """
    if selection.most is not None:
        rows = await reader.rows(selection.statement("recovery/plan/longest_silent"))
        yield [Candidate(*row) for row in rows]
        return
    rule, after = selection.rule, "true"
    while True:
        statement = selection.statement("recovery/plan/candidates", after=after, limit=str(page))
        rows = await reader.rows(statement)
        if rows:
            yield [Candidate(session, version) for session, version, _ in rows]
        if len(rows) < page:
            return
        after = rule.id.follows(rows[-1][-1])


async def read_ahead(pages: AsyncGenerator[list[Candidate]]) -> AsyncGenerator[list[Candidate]]:
    """The same pages; the next page is read while a page is used. Raises what `pages` raises."""
    following = asyncio.ensure_future(anext(pages, None))
    try:
        while page := await following:
            following = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await pages.aclose()


async def read_previews(
    reader: Reader, selection: Selection, *, show: int
) -> tuple[tuple[Preview, ...], str]:
    """The first `show` of them, longest silent first; or none, and why.

    A bad value in one row does not prevent closing: that session is set aside.
    """
    rule, changes = selection.rule, selection.rule.changes
    # A value that is written as a timestamp is readable without conversion.
    times = {name: each.sql for name, each in rule.written_times.items() if each.unit is not None}
    texts = [*changes.values(), *times.values()]
    values = join_lines([f"pg_catalog.left(({text})::text, 200)" for text in texts])
    statement = selection.statement(
        "recovery/plan/preview",
        values=values,
        short_key=rule.id.key(200),
        cause=rule.cause,
        limit=str(show),
    )
    try:
        rows = await read_naming_key(reader, rule, statement)
    except BadData as error:
        return (), str(error)
    previews = []
    for session, seen, silence, is_undone, cause, *found, returning in rows:
        new, meant = found[: len(changes)], found[len(changes) :]
        written = dict(zip(changes, new, strict=True))
        means = dict(zip(times, meant, strict=True))
        previews.append(
            Preview(session, seen, silence, written, means, returning, is_undone, cause)
        )
    return tuple(previews), ""


async def count_undone(reader: Reader, selection: Selection, *, only: str = "true") -> int:
    """How many of the selected sessions a person has undone before; the audit is there.

    Raises SourceError that names the failing key.
    """
    some = replace(selection, condition=f"{selection.condition} AND {only}")
    statement = some.statement("recovery/plan/undone")
    ((count,),) = await read_naming_key(reader, selection.rule, statement)
    return int(count)
