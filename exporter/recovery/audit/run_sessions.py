"""The sessions of one run: the columns that it has written, and their comparison with the rows."""

import uuid
from collections.abc import Sequence

from exporter.errors import BadData
from exporter.postgres import Reader, Row
from exporter.postgres.text_settings import text_settings
from exporter.queries import literal
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.session_id import GivenId, id_text
from exporter.text import some_of

#: How many sessions one statement compares, so that it stays within its deadline.
PAGE = 10_000


async def find_columns(reader: Reader, rule: Rule, run: uuid.UUID) -> tuple[str, ...]:
    """The columns that a run has written, which may differ from those of the present config."""
    statement = rule.statement("recovery/undo/columns", run=literal(str(run)))
    return tuple(name for (name,) in await reader.rows(statement))


async def find_states(
    reader: Reader, rule: Rule, names: Sequence[str], run: uuid.UUID
) -> list[Row]:
    """Number, id and state of each session of the run, read in pages.

    Where rows share an id, as partitions and child tables allow, that of the row that was closed.
    """
    found: dict[int, Row] = {}
    after = 0
    while True:
        statement = rule.plan_undo_statement(
            names, run=literal(str(run)), after=str(after), limit=str(PAGE)
        )
        try:
            _, result = await reader.read(f"SELECT {text_settings()}", statement)
        except BadData as error:
            raise BadData(
                f"what this run has written does not fit the types that {some_of(names)} of "
                f"{rule.relation.sql} have now ({error}), so nothing of it can be undone; "
                "session_exporter.recovery has the old values"
            ) from None
        if not result.rows:
            return list(found.values())
        for row in result.rows:
            if row[0] not in found or row[2] == "same":
                found[row[0]] = row
        after = result.rows[-1][0]


async def find_named(
    reader: Reader, rule: Rule, run: uuid.UUID, ids: Sequence[GivenId]
) -> dict[str, list[str]]:
    """The sessions of the run for each id, as in the audit."""
    found = {}
    for each in ids:
        named = rule.id.is_given(each, in_audit=True)
        statement = rule.statement("recovery/undo/named", run=literal(str(run)), named=named)
        found[id_text(each)] = [session for (session,) in await reader.rows(statement)]
    return found
