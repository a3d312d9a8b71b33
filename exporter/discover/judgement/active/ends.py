"""What the end says: a row without one is active, unless it has not begun."""

import math
from collections.abc import Iterator

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.flags import is_archive, waits
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.roles.roles import Role, marks_end

#: So many equal values are no coincidence.
FEW = 3


def conditions_of_ends(surveyed: SurveyedTable) -> Iterator[ActiveCondition]:
    """What a row without an end says; a value may stand for none in place of NULL."""
    end = surveyed.end
    if end is None:
        return
    none = surveyed.end_none if end.not_null or surveyed.end_none is not None else None
    rows = surveyed.sample.of(end)
    if not rows:
        yield ActiveCondition(
            end,
            Proof.NAMES,
            f"by the name of {end.name}",
            none=none,
            doubt=f"no row says whether a session without {end.name} is active",
        )
        return
    ended = sum(bool(surveyed.has_ended(row)) for row in surveyed.rows())
    because = f"{len(rows) - ended} of {len(rows)} rows have no {end.name}"
    doubt = _doubt_of_values(surveyed, end, none, ended) or _doubt_of_open_rows(surveyed, end)
    doubt = doubt or _doubt_of_flags(surveyed, end)
    open_rows = [row for row in surveyed.rows() if not surveyed.has_ended(row)]
    begun = surveyed.start if waits(surveyed, open_rows) else None
    yield ActiveCondition(end, Proof.ROWS, because, none=none, begun=begun, doubt=doubt)


def _doubt_of_flags(surveyed: SurveyedTable, end: ColumnFacts) -> str | None:
    """Whether a flag says that rows with an end are active: one of the two is wrong."""
    for column in surveyed.roles[Role.FLAG]:
        if marks_end(surveyed.table, column) or is_archive(surveyed, column):
            continue
        rows = surveyed.rows()
        both = sum(
            surveyed.raw(column, row) is True and bool(surveyed.has_ended(row)) for row in rows
        )
        if both:
            return f"{both} rows have {column.name} and {end.name}: which says what is active?"
    return None


def _doubt_of_values(
    surveyed: SurveyedTable, end: ColumnFacts, none: float | None, ended: int
) -> str | None:
    """What its values leave open."""
    rows, starts = surveyed.sample.of(end), surveyed.sample.of(surveyed.start)
    is_null = sum(each is None for each in rows)
    if none is not None and is_null:
        return f"{is_null} rows have NULL in {end.name}, others the value {none:.0f}"
    if any(each is not None and math.isinf(each) for each in rows):
        return f"infinity stands for no {end.name}: write the condition that says so"
    if ended == 0:
        return f"no row of the sample has {end.name}: is it ever written?"
    same = sum(each is not None and each == starts[row] for row, each in enumerate(rows) if starts)
    if same >= FEW:
        return f"{same} rows end when they start: does that stand for no {end.name}?"
    if ended == len(rows):
        return f"every row of the sample has {end.name}: is it set when the row is inserted?"
    return None


def _doubt_of_open_rows(surveyed: SurveyedTable, end: ColumnFacts) -> str | None:
    """Whether rows that have begun and have no end may be over or paused."""
    begun = surveyed.sample.of(surveyed.start)
    open_rows = [
        row
        for row in surveyed.rows()
        if not surveyed.has_ended(row) and not (begun and begun[row] is None)
    ]
    if zeros := sum(bool(begun) and begun[row] == 0 for row in open_rows):
        return f"{zeros} rows without {end.name} have the start 0: are they active?"
    for column in surveyed.roles[Role.END] + surveyed.roles[Role.OTHER_END]:
        values = surveyed.sample.of(column)
        if column is end or not values:
            continue
        if others := sum(values[row] is not None and values[row] != 0 for row in open_rows):
            return f"{others} rows without {end.name} have {column.name}: are they over?"
    for column in surveyed.roles[Role.STATUS]:
        values = surveyed.sample.of(column)
        paused = {values[row] for row in open_rows if values and values[row] is not None}
        between = sorted(each for each in paused if states.class_of(str(each)) == "between")
        if between:
            return f"is a session active as well while {column.name} is {', '.join(between)}?"
    return None
