"""What booleans say: is_active, finished; and the flags that archive, which say nothing."""

from collections.abc import Iterable, Iterator

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.tolerance import TOLERANCE
from exporter.discover.roles.roles import Role, marks_end


def conditions_of_flags(surveyed: SurveyedTable) -> Iterator[ActiveCondition]:
    """What a boolean says, for each that does not archive."""
    for column in surveyed.roles[Role.FLAG]:
        values = surveyed.sample.of(column)
        ends = marks_end(surveyed.table, column)
        name = column.name
        if not values:
            yield ActiveCondition(
                column,
                Proof.NAMES,
                f"by the name of {name}",
                flag=not ends,
                doubt=f"no row says whether {name} is what makes a session active",
            )
            continue
        active = [row for row in surveyed.rows() if values[row] is (not ends)]
        begun = surveyed.start if waits(surveyed, active) else None
        over = [row for row in surveyed.rows() if values[row] is ends]
        if is_archive(surveyed, column):
            continue
        if surveyed.end is None or not surveyed.sample.of(surveyed.end):
            doubt = (
                None
                if active and over and surveyed.has_own_start
                else (
                    f"{len(active)} of {len(values)} rows have {name} = {str(not ends).lower()}, "
                    "and no end says whether it makes a session active"
                )
            )
            yield ActiveCondition(
                column,
                Proof.ROWS,
                f"{len(active)} of {len(values)} rows are so",
                flag=not ends,
                begun=begun,
                doubt=doubt,
            )
            continue
        without_end = sum(not surveyed.has_ended(row) for row in active)
        with_end = sum(bool(surveyed.has_ended(row)) for row in over)
        agree = without_end + with_end
        because = (
            f"{without_end} of {len(active)} such rows have no {surveyed.end.name}, and "
            f"{with_end} of {len(over)} others have one"
        )
        doubt = None
        if not over or not active:
            doubt = "all rows of the sample have one value" if surveyed.table.rows else None
        elif agree < (1 - TOLERANCE) * len(values):
            doubt = f"the rows contradict each other: {because}"
        yield ActiveCondition(column, Proof.ROWS, because, flag=not ends, begun=begun, doubt=doubt)


def is_archive(surveyed: SurveyedTable, column: ColumnFacts) -> bool:
    """Whether a flag is true of most rows that have an end: it archives, and ends nothing."""
    values = surveyed.sample.of(column)
    if surveyed.end is None or not values or marks_end(surveyed.table, column):
        return False
    ended = [row for row in surveyed.rows() if surveyed.has_ended(row)]
    return len(ended) >= 3 and sum(values[row] is True for row in ended) > 0.5 * len(ended)


def waits(surveyed: SurveyedTable, rows: Iterable[int]) -> bool:
    """Whether some of the rows have no start of their own: they have not begun."""
    starts = surveyed.sample.of(surveyed.start)
    return surveyed.has_own_start and any(bool(starts) and starts[row] is None for row in rows)
