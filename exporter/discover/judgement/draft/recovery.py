"""What closing a session could write: always a proposal that a person takes over."""

from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.active.statuses import known_values
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.proposal import Line, SourceProposal
from exporter.discover.roles.roles import Role
from exporter.discover.sql_text import text_sql


def propose_recovery(
    proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition
) -> None:
    """Add the columns that the application's own end call would have written."""
    if candidate.table.is_view:
        proposal.no_recovery = "A view is not recovered."
        return
    lines = proposal.recovery
    for column in candidate.roles[Role.STATUS]:
        if condition.values is None or column != condition.column:
            continue
        values = known_values(candidate, column)
        closing = _closing_value(values)
        if closing is None:
            over = ", ".join(each for each in values if states.class_of(each) == "over")
            lines.append(
                Line(
                    column.name,
                    "''",
                    f"QUESTION: as what is it closed? There are {over or 'none known'}",
                )
            )
        else:
            lines.append(Line(column.name, text_sql(closing), "a value that the status may have"))
    if condition.flag is not None:
        lines.append(Line(condition.column.name, not condition.flag))
    for column in candidate.roles[Role.END]:
        if candidate.start is not None and column.base_type == candidate.start.base_type:
            lines.append(Line(column.name, "{end}"))


def _closing_value(values: tuple[str, ...]) -> str | None:
    plain = {each.lower().replace("-", "_").replace(" ", "_"): each for each in values}
    return next((plain[each] for each in states.ABANDONED if each in plain), None)
