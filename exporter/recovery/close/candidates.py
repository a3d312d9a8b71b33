"""The sessions that a selection selects: which they are, what closing would write, and did."""

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

#: The most candidates of one page, but for rows that share an id: some 15 MB. Each page reads all
#: candidates that are left.
PAGE = 50_000


class Candidate(NamedTuple):
    """A session that may be closed, in the version in which it was found."""

    session: str
    version: str


@dataclass(frozen=True, slots=True)
class Preview:
    """One session and what would be written. Times are seconds by the database's clock."""

    session: str
    last_seen: float | None
    """None where nothing is known, which is so in a planned stop alone."""
    silence: float | None
    changes: Mapping[str, str | None]
    """The new value of each column, as text."""
    times: Mapping[str, str | None]
    """What the numbers among the changes mean as a time."""
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
    """A session that was closed, and what the config wants reported of it."""

    session: str
    report: str
    """JSON."""


@dataclass(slots=True)
class Outcome:
    """What became of the candidates of one run."""

    run: uuid.UUID = field(default_factory=uuid.uuid4)
    closed: int = 0
    recovered: list[ClosedSession] = field(default_factory=list)
    """Those that were closed, until `progress` takes them out."""
    skipped: int = 0
    """Locked by another transaction, or not what they were: they are rechecked in a later run."""
    refused: dict[str, str] = field(default_factory=dict)
    """Set aside, and why, by session."""
    over_budget: int = 0
    paused: int = 0

    @property
    def done(self) -> int:
        """How many need no more work in this run."""
        return self.closed + self.skipped + len(self.refused)

    def add(
        self, closed: Sequence[ClosedSession], asked: int, admitted: int, *, is_paused: bool
    ) -> None:
        """Count one transaction, which was asked to close more than were admitted to it."""
        self.count(len(closed), admitted)
        self.recovered += closed
        if is_paused:
            self.paused += asked - admitted
        else:
            self.over_budget += asked - admitted

    def count(self, closed: int, admitted: int) -> None:
        """Count one transaction that closed so many of those that it might close."""
        self.closed += closed
        self.skipped += admitted - closed


async def find_candidates(
    reader: Reader, selection: Selection, *, page: int = PAGE
) -> AsyncGenerator[list[Candidate]]:
    """Pages of the sessions that would be closed now, each with the longest silent first.

    Rows may be closed between two pages. Where only so many are closed, these are one page, which
    a person has asked for. Raises SourceError.
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
    """The same pages; while one is used, the next one is read. Raises what `pages` raises."""
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
    """The first of them, longest silent first, but no more than `show`; or none, and why.

    One row's bad value keeps nothing from being closed: that session is set aside.
    """
    rule, changes = selection.rule, selection.rule.changes
    # What is written as a timestamp can be read as it is.
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
