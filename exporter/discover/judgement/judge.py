"""Judges a table: a source that is sure, one with questions, or the reason why it is left out."""

from collections.abc import Mapping

from exporter.discover.facts import ServerFacts, TableFacts
from exporter.discover.judgement import lookalikes
from exporter.discover.judgement.active.conditions import ActiveCondition
from exporter.discover.judgement.active.find import find_condition
from exporter.discover.judgement.draft.access import ask_about_access
from exporter.discover.judgement.draft.declaration import declare, suggest
from exporter.discover.judgement.draft.doubts import ask
from exporter.discover.judgement.draft.lengths import add_threshold
from exporter.discover.judgement.draft.recovery import propose_recovery
from exporter.discover.judgement.draft.related_tables import propose_related
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.zones import find_zone
from exporter.discover.proposal import LeftOut, Line, SourceProposal, Standing
from exporter.discover.roles.roles import Role
from exporter.discover.sql_text import table_sql

#: In seconds: where all rows are as young, ended ones may be deleted.
RECENT = 2 * 86400.0


def judge(
    surveyed: SurveyedTable,
    name: str,
    server: ServerFacts,
    *,
    frameworks: str | None = None,
    tables: Mapping[int, TableFacts] | None = None,
) -> SourceProposal | LeftOut:
    """Weigh the evidence for and against a session table."""
    table = surveyed.table
    against = lookalikes.find_look_alike(surveyed)
    condition = find_condition(surveyed)
    if against is not None and not (against.is_weak and _is_described(surveyed, condition)):
        return LeftOut(table_sql(table.schema, table.name), against.reason)
    if surveyed.start is None or (condition is None and not _lives_with_its_row(surveyed)):
        return LeftOut(table_sql(table.schema, table.name), _lack(surveyed))
    proposal = SourceProposal(name, table.schema, table.name, Standing.LIVE, [])
    declare(proposal, surveyed, condition, major=server.major)
    if against is not None:
        proposal.doubt("table", f"is it a session table at all? {against.reason}")
    ask(proposal, surveyed, condition)
    used = [surveyed.start, surveyed.end, surveyed.seen]
    used += [] if condition is None else [condition.column]
    ask_about_access(proposal, table, [each for each in used if each is not None])
    zone = find_zone(surveyed, frameworks=frameworks, server_zone=server.timezone)
    if zone is not None:
        proposal.lines.append(Line("timestamps_in", "UTC", zone.because))
        if zone.question is not None:
            proposal.doubt("timestamps_in", zone.question)
    add_threshold(proposal, surveyed, condition)
    suggest(proposal, surveyed)
    propose_related(proposal, surveyed, tables or {})
    if condition is not None:
        propose_recovery(proposal, surveyed, condition)
    return proposal


def _is_described(surveyed: SurveyedTable, condition: ActiveCondition | None) -> bool:
    """Whether the columns describe sessions well enough to ask, whatever the table is called."""
    if condition is None:
        return False
    has_times = surveyed.has_own_start and surveyed.end is not None
    return has_times or bool(surveyed.roles[Role.FLAG] and surveyed.roles[Role.STATUS])


def _lives_with_its_row(surveyed: SurveyedTable) -> bool:
    """Whether a row may be active as long as it exists: nothing says that it has ended.

    It has a sign of life, or all rows of the table have started lately, as where ended ones are
    deleted.
    """
    has_status = any(
        not surveyed.sample.of(column) or any(surveyed.sample.of(column))
        for column in surveyed.roles[Role.STATUS]
    )
    if surveyed.end is not None or has_status:
        return False
    return surveyed.seen is not None or _has_only_recent_rows(surveyed)


def _has_only_recent_rows(surveyed: SurveyedTable) -> bool:
    """Whether the whole table was read, and each row has its own start in the last days."""
    rows = [surveyed.time(surveyed.start, row) for row in surveyed.rows()]
    if not (surveyed.has_own_start and rows and surveyed.sample.is_whole):
        return False
    return all(at is not None and surveyed.sample.now - at < RECENT for at in rows)


def _lack(surveyed: SurveyedTable) -> str:
    if surveyed.start is None:
        if surveyed.unusable_times:
            return lookalikes.no_times(surveyed)
        return "no column says when a row began"
    statuses = ", ".join(each.name for each in surveyed.roles[Role.STATUS])
    if statuses:
        return f"no value of {statuses} says that something is going on"
    return "no column says what ends a row"
