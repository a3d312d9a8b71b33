"""What a status says, by the words of its values and the rows that have them."""

from collections.abc import Iterator, Sequence

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.predicates import allowed_values
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.tolerance import TOLERANCE
from exporter.discover.roles.roles import Role

#: More different values than this are no status.
MOST_VALUES = 20


def known_values(surveyed: SurveyedTable, column: ColumnFacts) -> tuple[str, ...]:
    """The values that a status can have: of its enum, its CHECK, its rows or its statistics."""
    if column.labels:
        return tuple(column.labels)
    for check in surveyed.table.checks:
        if allowed := allowed_values(check, column.name):
            return allowed
    seen = {each for each in surveyed.sample.of(column) if each is not None}
    if column.statistics is not None:
        seen |= {value for value, _ in column.statistics.common}
    return tuple(sorted(seen)) if len(seen) <= MOST_VALUES else ()


def conditions_of_statuses(surveyed: SurveyedTable) -> Iterator[ActiveCondition]:
    """What each status says whose values are known."""
    for column in surveyed.roles[Role.STATUS]:
        values = known_values(surveyed, column)
        if not values:
            continue
        condition = _of_values(surveyed, column, values)
        if condition is not None:
            yield condition


def _of_values(
    surveyed: SurveyedTable, column: ColumnFacts, values: Sequence[str]
) -> ActiveCondition | None:
    classes = {each: states.class_of(each) for each in values}
    active = [each for each in values if classes[each] == "active"]
    over = [each for each in values if classes[each] == "over"]
    between = [each for each in values if classes[each] == "between"]
    unknown = [
        each for each in values if classes[each] is None and _could_be_open(surveyed, column, each)
    ]
    if not active:
        return None
    between += [
        each for each in values if classes[each] == "waiting" and _has_begun(surveyed, column, each)
    ]
    rows = surveyed.sample.of(column)
    counts = {each: sum(value == each for value in rows) for each in values}
    seen = sum(counts[each] for each in active)
    because = f"{seen} of {len(rows)} rows have it" if rows else "by the names of its values"
    doubt = None
    if between or unknown:
        shown = ", ".join([*between, *unknown])
        doubt = f"is a session active as well while {column.name} is {shown}?"
    elif not over and (surveyed.end is None):
        doubt = f"no value of {column.name} says that a session is over"
    elif surveyed.end is not None and surveyed.sample.of(surveyed.end):
        wrong = sum(
            bool(surveyed.has_ended(row)) for row in surveyed.rows() if rows and rows[row] in active
        )
        open_but_over = sum(
            not surveyed.has_ended(row) for row in surveyed.rows() if rows and rows[row] in over
        )
        because += f", {wrong} of them with an end"
        if seen and wrong > max(TOLERANCE * seen, 0):
            doubt = f"{wrong} of {seen} rows with {column.name} {', '.join(active)} have an end"
        elif over and open_but_over > 0.5 * max(sum(counts[each] for each in over), 1):
            because += f"; {open_but_over} that are over have no end"
    elif not rows:
        doubt = "no row was read"
    proof = Proof.ROWS if rows and seen + sum(counts[each] for each in over) else Proof.NAMES
    if proof is Proof.NAMES and doubt is None:
        doubt = "no row says what its values mean"
    return ActiveCondition(column, proof, because, values=tuple(active), doubt=doubt)


def _has_begun(surveyed: SurveyedTable, column: ColumnFacts, value: str) -> bool:
    """Whether rows that wait, by a value of a status, have a start of their own and no end."""
    rows, starts = surveyed.sample.of(column), surveyed.sample.of(surveyed.start)
    return surveyed.has_own_start and any(
        rows[row] == value and bool(starts[row]) and surveyed.has_ended(row) is not True
        for row in (surveyed.rows() if starts and rows else ())
    )


def _could_be_open(surveyed: SurveyedTable, column: ColumnFacts, value: str) -> bool:
    """Whether a value that says nothing may be of active sessions: started, and without an end."""
    rows, starts = surveyed.sample.of(column), surveyed.sample.of(surveyed.start)
    if surveyed.end is None or not rows:
        return True
    found = [
        bool(surveyed.has_ended(row)) or (bool(starts) and not starts[row])
        for row in surveyed.rows()
        if rows[row] == value
    ]
    return not found or sum(found) < 0.9 * len(found)
