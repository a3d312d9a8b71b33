"""Signs of life that no name says for sure: inside messages, and columns that any change moves."""

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.roles.roles import Role
from exporter.discover.sql_text import column_sql

#: So long after its start, in seconds, a row was changed by more than its own insertion.
_LATER = 2.0


#: ISO 8601 with a time zone; the length of a month it does not know.
_ISO = (
    "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r":[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])$"
)


def json_sign_of_life(column: str, *, major: int) -> str:
    """The time of the last message in a JSON array, also where one of them has no time.

    A cast that fails would fail the whole statement. Both forms are explained in
    docs/configuration/rarely.md, "Timestamps inside JSON".
    """
    time = f"s.{column_sql(column)} -> -1 ->> 'timestamp'"
    if major >= 16:
        return (
            f"CASE WHEN {time} ~ '^[0-9]{{4}}-'\n"
            f"      AND pg_input_is_valid({time}, 'timestamptz')\n"
            f"     THEN ({time})::timestamptz END"
        )
    return (
        f"CASE WHEN {time} ~ '{_ISO}'\n"
        f"     THEN overlay({time}\n"
        f"                  PLACING least(substr({time}, 9, 2), '28') FROM 9 FOR 2)::timestamptz\n"
        f"          + greatest(substr({time}, 9, 2)::integer - 28, 0) * interval '24 hours' END"
    )


def moves_while_active(
    surveyed: SurveyedTable, condition: ActiveCondition | None, column: ColumnFacts
) -> float:
    """The share of the active rows in which a column is later than the start."""
    later = active = 0
    for row in surveyed.rows():
        if condition is not None and not condition.holds(surveyed, row):
            continue
        start, moved = surveyed.time(surveyed.start, row), surveyed.time(column, row)
        if start is None:
            continue
        active += 1
        later += moved is not None and moved > start + _LATER
    return later / active if active else 0.0


def heartbeat_calls(surveyed: SurveyedTable, column: ColumnFacts) -> int:
    """How often the application's most frequent UPDATE moves a column and ends nothing."""
    ends = {
        each.name for role in (Role.END, Role.STATUS, Role.FLAG) for each in surveyed.roles[role]
    }
    for update in surveyed.updates:
        if not ends & set(update.sets):
            return update.calls if column.name in update.sets else 0
    return 0
