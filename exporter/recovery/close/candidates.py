"""The sessions that a run would close: which they are, page by page, and what would be written."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.postgres import Reader
from exporter.queries import fill, listed, literal
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Scope, orphans, selected

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
    end: str
    changes: Mapping[str, str | None]
    returning: Mapping[str, Any]


async def find_candidates(
    reader: Reader,
    rule: Rule,
    *,
    with_backlog: bool = False,
    scope: Scope | None = None,
    page: int = PAGE,
) -> AsyncIterator[list[Candidate]]:
    """Pages of the sessions that would be closed now, by id: orphans, or the scope's.

    Rows may be closed between two pages. Raises SourceError.
    """
    parts = selected(rule, scope or orphans(rule, with_backlog=with_backlog))
    after = "true"
    while True:
        statement = fill(
            "recovery/plan/candidates",
            id=rule.id,
            table=rule.table.table,
            after=after,
            limit=str(page),
            **parts,
        )
        found = [Candidate(*row) for row in await reader.rows(statement)]
        if found:
            yield found
        if len(found) < page:
            return
        after = f"{rule.id} > {literal(found[-1].session)}::{rule.id_type}"


async def read_previews(
    reader: Reader, rule: Rule, scope: Scope, *, limit: int
) -> tuple[Preview, ...]:
    """The first `limit` of them, longest silent first. Raises SourceError."""
    changes = (f"left(({text})::text, 200)" for text in rule.changes.values())
    statement = fill(
        "recovery/plan/preview",
        id=rule.id,
        last_seen=rule.table.last_seen,
        end=scope.end,
        values=listed(["e.session_exporter_end::text", *changes]),
        returning=rule.reported,
        limit=str(limit),
        table=rule.table.table,
        order=rule.table.last_seen_order,
        **selected(rule, scope),
    )
    return tuple(_preview(rule, row) for row in await reader.rows(statement))


def _preview(rule: Rule, row: Sequence[Any]) -> Preview:
    session, last_seen, silence, end, *changes, returning = row
    return Preview(
        session=session,
        last_seen=last_seen,
        silence=silence,
        end=end,
        changes=dict(zip(rule.changes, changes, strict=True)),
        returning=returning,
    )
