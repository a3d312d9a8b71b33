"""The sessions that a selection selects: which they are, and what closing would write."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.postgres import Reader
from exporter.queries import join_lines, literal
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions, selected

#: The most candidates in memory at once, but for rows that share an id.
PAGE = 10_000


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
    returning: Mapping[str, Any]


async def find_candidates(
    reader: Reader,
    rule: Rule,
    *,
    with_backlog: bool = False,
    selection: Selection | None = None,
    page: int = PAGE,
) -> AsyncIterator[list[Candidate]]:
    """Pages of the sessions that would be closed now: orphans, or the selection's.

    Within a page the longest silent come first. Rows may be closed between two pages.
    Raises SourceError.
    """
    parts = selected(rule, selection or orphaned_sessions(rule, with_backlog=with_backlog))
    after = "true"
    while True:
        statement = rule.statement(
            "recovery/plan/candidates", after=after, limit=str(page), **parts
        )
        rows = await reader.rows(statement)
        if rows:
            yield [Candidate(session, version) for session, version, _ in rows]
        if len(rows) < page:
            return
        after = f"{rule.id} > {literal(rows[-1][-1])}::{rule.id_type}"


async def read_previews(
    reader: Reader, rule: Rule, selection: Selection, *, limit: int
) -> tuple[Preview, ...]:
    """The first `limit` of them, longest silent first."""
    changes = (f"left(({text})::text, 200)" for text in rule.changes.values())
    statement = rule.statement(
        "recovery/plan/preview",
        **selected(rule, selection),
        end=selection.end,
        values=join_lines([*changes]),
        limit=str(limit),
    )
    return tuple(
        Preview(session, seen, silence, dict(zip(rule.changes, values, strict=True)), returning)
        for session, seen, silence, *values, returning in await reader.rows(statement)
    )
