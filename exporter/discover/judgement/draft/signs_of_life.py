"""Signs of life that no name says for sure: inside messages, and columns that any change moves."""

from exporter.discover.facts import Column
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.sql_text import column_sql

#: So long after its start, in seconds, a row was changed by more than its own insertion.
_LATER = 2.0


def json_sign_of_life(column: str) -> str:
    """The time of the last message in a JSON array, also where one of them has no time.

    A cast that fails would fail the whole statement, so the text is compared with a pattern first;
    docs/configuration/rarely.md, "Timestamps inside JSON".
    """
    last = f"s.{column_sql(column)} -> -1 ->> 'timestamp'"
    return (
        f"CASE WHEN {last} ~\n"
        "  '^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}"
        "([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$'\n"
        f"  THEN ({last})::timestamptz END"
    )


def moves_while_active(
    candidate: Candidate, condition: ActiveCondition | None, column: Column
) -> float:
    """The share of the active rows in which a column is later than the start."""
    later = active = 0
    for row in candidate.rows():
        if condition is not None and not condition.holds(candidate, row):
            continue
        start, moved = candidate.time(candidate.start, row), candidate.time(column, row)
        if start is None:
            continue
        active += 1
        later += moved is not None and moved > start + _LATER
    return later / active if active else 0.0
