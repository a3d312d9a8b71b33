"""What closing a session could write: always a proposal that a person takes over."""

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.active.statuses import known_values
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.proposal import Line, SourceProposal
from exporter.discover.reading.statements import UpdateStatement
from exporter.discover.roles.roles import Role
from exporter.discover.sql_text import text_sql
from exporter.text import some_of


def propose_recovery(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition
) -> None:
    """Add the columns that the application's own end call would have written."""
    if surveyed.table.is_view:
        proposal.no_recovery = "A view is not recovered."
        return
    own = _end_call(surveyed, condition)
    if own is not None:
        guards = sorted(own.asks & ({condition.column.name} | _names(surveyed, Role.END)))
        guarded = f"asks for {', '.join(guards)}" if guards else "asks for nothing but the row"
        late = "does not overwrite" if guards else "overwrites"
        proposal.remarks.append(
            f"The application ends a session by an UPDATE of {', '.join(own.sets)}, which "
            f"{guarded}: one that comes late {late} what a recovery wrote."
        )
    sets = None if own is None else set(own.sets)
    for column in surveyed.table.columns.values():
        if sets is None or column.name in sets:
            line = _line(surveyed, condition, column, is_set=sets is not None)
            if line is not None:
                proposal.recovery.append(line)


def _end_call(surveyed: SurveyedTable, condition: ActiveCondition) -> UpdateStatement | None:
    """The most frequent statement of the application that sets the end or the condition."""
    ends = {condition.column.name} | _names(surveyed, Role.END)
    return next((each for each in surveyed.updates if ends & set(each.sets)), None)


def _names(surveyed: SurveyedTable, role: Role) -> set[str]:
    return {each.name for each in surveyed.roles[role]}


def _line(
    surveyed: SurveyedTable, condition: ActiveCondition, column: ColumnFacts, *, is_set: bool
) -> Line | None:
    """What closing writes into a column that the application's own call sets; None: nothing."""
    if column is condition.column and condition.flag is not None:
        return Line(column.name, not condition.flag)
    if column is condition.column and condition.values is not None:
        values = known_values(surveyed, column)
        closing = _closing_value(values)
        if closing is not None:
            return Line(column.name, text_sql(closing), "a value that the status may have")
        others = [each for each in values if each not in condition.values]
        known = f"other values are {some_of(others)}" if others else "no other value is known"
        return Line(column.name, "''", f"QUESTION: closed as what? {known}")
    is_end = column in surveyed.roles[Role.END] and surveyed.start is not None
    if is_end and surveyed.start and column.base_type == surveyed.start.base_type:
        return Line(column.name, "{end}")
    if is_set:
        return Line(column.name, "NULL", "QUESTION: what does the application's own call write?")
    return None


def _closing_value(values: tuple[str, ...]) -> str | None:
    plain = {each.lower().replace("-", "_").replace(" ", "_"): each for each in values}
    return next((plain[each] for each in states.ABANDONED if each in plain), None)
