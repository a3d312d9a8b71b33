"""Which rows of a sample contradict a condition: by their end, their start, a status or a flag."""

from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.active.flags import is_archive
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.roles.roles import Role, marks_end


def contradictions(surveyed: SurveyedTable, condition: ActiveCondition) -> int:
    """How many rows are active by it although something says that they are over, or the reverse."""
    return sum(_is_contradicted(surveyed, condition, row) for row in surveyed.rows())


def _is_contradicted(surveyed: SurveyedTable, condition: ActiveCondition, row: int) -> bool:
    has_ended = surveyed.has_ended(row)
    has_begun = not _has_not_begun(surveyed, row)
    if condition.holds(surveyed, row):
        return bool(has_ended) or not has_begun or _is_over(surveyed, condition, row)
    if has_ended is not False or condition.column is surveyed.end or not has_begun:
        return False
    # It has begun and has no end: a word of the status itself may say why it is over all the same.
    value = surveyed.raw(condition.column, row)
    return condition.values is None or states.class_of(str(value)) not in {"over", "waiting"}


def _has_not_begun(surveyed: SurveyedTable, row: int) -> bool:
    starts = surveyed.sample.of(surveyed.start)
    return bool(starts) and not starts[row]


def _is_over(surveyed: SurveyedTable, condition: ActiveCondition, row: int) -> bool:
    """Whether another column says that a row is over, or waits."""
    says_over = any(
        states.class_of(str(surveyed.raw(column, row))) in {"over", "waiting"}
        for column in surveyed.roles[Role.STATUS]
        if column is not condition.column
    )
    return says_over or any(
        surveyed.raw(column, row) is False
        for column in surveyed.roles[Role.FLAG]
        if column is not condition.column
        and not marks_end(surveyed.table, column)
        and not is_archive(surveyed, column)
    )
