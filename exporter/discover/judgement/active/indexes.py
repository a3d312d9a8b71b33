"""What partial indexes say: their predicate is the author's own definition of active."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.flags import is_archive, waits
from exporter.discover.judgement.active.predicates import Predicate, parse
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.roles.roles import Role, marks_end


def conditions_of_indexes(surveyed: SurveyedTable) -> Iterator[ActiveCondition]:
    """What the predicate of each partial index says."""
    for index in surveyed.table.indexes:
        for part in parse(index.predicate or ""):
            condition = _of_predicate(surveyed, part)
            if condition is None:
                continue
            active = [row for row in surveyed.rows() if condition.holds(surveyed, row)]
            is_of_status = condition.values is not None
            begun = surveyed.start if not is_of_status and waits(surveyed, active) else None
            yield replace(condition, begun=begun)


def _of_predicate(surveyed: SurveyedTable, part: Predicate) -> ActiveCondition | None:
    column = surveyed.table.columns.get(part.column)
    because = "the predicate of a partial index"
    if column is None:
        return None
    if part.is_null and column == surveyed.end:
        return ActiveCondition(column, Proof.INDEX, because)
    if part.flag is not None and _is_flag_of_active(surveyed, column, is_true=part.flag):
        return ActiveCondition(column, Proof.INDEX, because, flag=part.flag)
    values = tuple(part.values or ())
    if values and _are_of_active(surveyed, column, values):
        return ActiveCondition(column, Proof.INDEX, because, values=values)
    if column == surveyed.end and values in {("0",), ("-1",)}:
        return ActiveCondition(column, Proof.INDEX, because, none=float(values[0]))
    return None


def _is_flag_of_active(surveyed: SurveyedTable, column: ColumnFacts, *, is_true: bool) -> bool:
    is_flag = column in surveyed.roles[Role.FLAG] and not is_archive(surveyed, column)
    return is_flag and is_true is not marks_end(surveyed.table, column)


def _are_of_active(surveyed: SurveyedTable, column: ColumnFacts, values: Sequence[str]) -> bool:
    """Whether values of a status are of active sessions, by their words or by the rows."""
    if column not in surveyed.roles[Role.STATUS]:
        return False
    classes = {states.class_of(each) for each in values}
    if classes <= {"active", "between"}:
        return True
    return classes == {None} and _is_open(surveyed, column, values)


def _is_open(surveyed: SurveyedTable, column: ColumnFacts, values: Sequence[str]) -> bool:
    """Whether rows with these values have no end, and others have one."""
    rows = surveyed.sample.of(column)
    if surveyed.end is None or not rows:
        return False
    inside = [bool(surveyed.has_ended(row)) for row in surveyed.rows() if rows[row] in values]
    outside = [bool(surveyed.has_ended(row)) for row in surveyed.rows() if rows[row] not in values]
    return bool(inside) and bool(outside) and not any(inside) and sum(outside) > 0.9 * len(outside)
