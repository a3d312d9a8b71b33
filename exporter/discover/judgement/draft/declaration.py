"""The lines of a source about its table, each with what was seen."""

from collections.abc import Mapping
from typing import Any

from exporter.discover.facts import ColumnFacts, TableFacts
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.active.flags import waits
from exporter.discover.judgement.draft.signs_of_life import (
    heartbeat_calls,
    json_sign_of_life,
    moves_while_active,
)
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.proposal import Line, SourceProposal
from exporter.discover.roles.roles import Role
from exporter.discover.roles.words import words_of
from exporter.discover.sql_text import column_sql, expression_sql
from exporter.text import age, number_of

_KINDS = {"v": ", a view", "m": ", a materialized view", "f": ", a foreign table"}

#: A user in the list of orphans, by the first word of a column.
_PEOPLE = frozenset({"user", "username", "trainee", "player", "customer", "student", "driver"})

#: Computed and written durations of one session differ by less, in seconds or as a share.
_CLOSE_SECONDS, _CLOSE_SHARE = 2.0, 0.05


def declare(
    proposal: SourceProposal,
    surveyed: SurveyedTable,
    condition: ActiveCondition | None,
    *,
    major: int,
) -> None:
    """The table, its condition, its times and its key."""
    lines = proposal.lines
    lines.append(Line("table", proposal.table, about(surveyed.table)))
    if condition is None and surveyed.start is not None and waits(surveyed, surveyed.rows()):
        has_begun = f"{column_sql(surveyed.start.name)} IS NOT NULL"
        lines.append(Line("active", has_begun, "as long as the row has a start"))
    elif condition is None:
        lines.append(Line("active", True, "as long as the row exists"))
    else:
        lines.append(Line("active", condition.sql, condition.because))
    if surveyed.start is not None:
        why = _newest(surveyed, surveyed.start)
        if not surveyed.has_own_start:
            why = f"when the row was created; {why}"
        lines.append(_time_line(surveyed, "started_at", surveyed.start, why))
    _declare_sign_of_life(proposal, surveyed, condition, major=major)
    if surveyed.end is not None:
        share = _null_share(surveyed, surveyed.end)
        lines.append(_time_line(surveyed, "ended_at", surveyed.end, share))
    if (duration := _duration(surveyed)) is not None:
        lines.append(duration)
    if key := surveyed.table.key:
        is_primary = any(each.is_primary for each in surveyed.table.indexes)
        why = "the primary key" if is_primary else "a unique key"
        lines.append(Line("id", expression_sql(key[0]) if len(key) == 1 else list(key), why))


def about(table: TableFacts) -> str:
    """How large a table is, and of which kind."""
    rows = "never analyzed" if table.rows < 0 else f"about {table.rows:,.0f} rows"
    kind = _KINDS.get(table.kind, "")
    if table.kind == "p":
        kind = f", {number_of(table.partitions, 'partition', 'partitions')}"
    return f"{rows}{kind}"


def suggest(proposal: SourceProposal, surveyed: SurveyedTable) -> None:
    """What may be added: the owner by its name, and commented out the user."""
    if owners := surveyed.roles[Role.OWNER]:
        proposal.lines.append(
            Line("owner", expression_sql(owners[0].name), "who holds the session, by its name")
        )
    elif maybe := surveyed.roles[Role.MAYBE_OWNER]:
        name = maybe[0].name
        proposal.lines.append(Line("owner", name, "by its name", is_suggestion=True))
        proposal.ask("owner", f"is {name} the server, worker or pod that holds a session?")
    people = [each for each in surveyed.table.columns if _names_a_person(each)]
    if people:
        shown = "what `orphans` lists"
        proposal.lines.append(Line("show", people[:2], shown, is_suggestion=True))


def _names_a_person(name: str) -> bool:
    words = words_of(name)
    return bool(words) and words[0] in _PEOPLE and words[1:] in {(), ("id",), ("name",)}


def _declare_sign_of_life(
    proposal: SourceProposal,
    surveyed: SurveyedTable,
    condition: ActiveCondition | None,
    *,
    major: int,
) -> None:
    lines = proposal.lines
    if surveyed.seen is not None and surveyed.sample.count and not surveyed.newest(surveyed.seen):
        why = f"none of {surveyed.sample.count} rows has it: is it ever written?"
        line = _time_line(surveyed, "last_seen_at", surveyed.seen, why)
        lines.append(Line(line.key, line.value, line.because, is_suggestion=True))
        surveyed.seen = None  # what follows from a heartbeat does not
    elif surveyed.seen is not None:
        why = _newest(surveyed, surveyed.seen)
        lines.append(_time_line(surveyed, "last_seen_at", surveyed.seen, why))
    elif surveyed.sample.message_times:
        column = surveyed.sample.message_times[0]
        why = f"the time of the last element of {column}"
        lines.append(Line("last_seen_at", json_sign_of_life(column, major=major), why))
    elif (updated := surveyed.generic_seen) is not None:
        share = moves_while_active(surveyed, condition, updated)
        why = f"after the start in {share:.0%} of the active rows"
        calls = heartbeat_calls(surveyed, updated)
        if calls:
            why = f"the application moves it most often, {calls} times"
        if share < 0.5 and not calls:
            line = _time_line(surveyed, "last_seen_at", updated, why)
            lines.append(Line(line.key, line.value, line.because, is_suggestion=True))
            question = f"does {updated.name} move while a session is active? Any change moves it"
            proposal.ask("last_seen_at", question)
            return
        lines.append(_time_line(surveyed, "last_seen_at", updated, why))
        surveyed.seen = updated


def _time_line(surveyed: SurveyedTable, key: str, column: ColumnFacts, because: str) -> Line:
    if column.is_timestamp:
        return Line(key, expression_sql(column.name), because)
    unit = surveyed.units.get(column.name)
    why = f"counts {unit} since 1970 by its magnitude" if unit else "the unit is not known"
    value: Mapping[str, Any] = {"column": expression_sql(column.name), "epoch": unit or "s"}
    return Line(key, value, f"{why}; {because}")


def _newest(surveyed: SurveyedTable, column: ColumnFacts) -> str:
    newest = surveyed.newest(column)
    if newest is None:
        return "by its name; no row was read"
    if column.is_naive:
        return "by its name, and its rows"
    ahead = newest - surveyed.sample.now
    return f"the newest is {age(-ahead)} ago" if ahead <= 0 else f"the newest is {age(ahead)} ahead"


def _null_share(surveyed: SurveyedTable, column: ColumnFacts) -> str:
    values = surveyed.sample.of(column)
    if values:
        empty = sum(not surveyed.has_ended(row) for row in surveyed.rows())
        return f"{empty} of {len(values)} rows have no {column.name}"
    if column.statistics is not None:
        return f"NULL in {column.statistics.null_share:.0%} of the rows, by pg_stats"
    return "by its name"


def _duration(surveyed: SurveyedTable) -> Line | None:
    """A written duration that is the end minus the start in seconds, in most closed rows."""
    for column in surveyed.roles[Role.DURATION]:
        if column.base_type == "interval":
            continue
        compared, close = 0, 0
        for row in surveyed.rows():
            start, end = surveyed.time(surveyed.start, row), surveyed.time(surveyed.end, row)
            written = surveyed.raw(column, row)
            if start is None or end is None or written is None or end <= start:
                continue
            compared += 1
            length = end - start
            close += abs(written - length) <= max(_CLOSE_SECONDS, _CLOSE_SHARE * length)
        if compared >= 3 and close > 0.9 * compared:
            why = f"end minus start in seconds, in {close} of {compared} closed rows"
            return Line("duration", expression_sql(column.name), why)
    return None
