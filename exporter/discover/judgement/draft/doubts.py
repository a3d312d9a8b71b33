"""What is not sure enough for a source that works."""

from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.draft.lengths import closed_sessions
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.proposal import Line, SourceProposal
from exporter.discover.roles.roles import Role
from exporter.discover.roles.words import phrases, words_of
from exporter.discover.sql_text import column_sql
from exporter.text import age, number_of

#: Closed rows without a partial index: from so many on, their lengths say what they are.
FEW_CLOSED = 3

#: In seconds: a table without a start for this long may be unused.
UNUSED = 30 * 86400.0

#: In seconds: what programs and calls take, and people hardly ever.
SHORT = 6 * 3600.0

#: Words of a status while a program works, and of an end that it writes.
_OF_PROGRAMS = phrases(
    "processing, running, executing, recording, streaming, building, deploying, charging, playing"
)
_OF_PROGRAMS_ENDS = phrases(
    "completed, complete, finished, finish, ended, end, done, stopped, stop"
)

#: In seconds: where half of the rows last longer, they may be work of people or memberships.
DAY = 86400.0


def ask(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition | None
) -> None:
    """Ask about what makes a session active, when it starts, and in which units."""
    if condition is None:
        proposal.doubt(
            "active",
            "does nothing but the row itself say that a session is active? Is it deleted then?",
        )
    else:
        _ask_about_condition(proposal, surveyed, condition)
        is_sure = condition.proof is Proof.INDEX or _starts_when_created(surveyed, condition)
        if not surveyed.has_own_start and not is_sure:
            proposal.doubt("started_at", "does a session start when its row is created?")
    for key, column in (
        ("started_at", surveyed.start),
        ("ended_at", surveyed.end),
        ("last_seen_at", surveyed.seen),
    ):
        if column is not None and not column.is_timestamp and not surveyed.units.get(column.name):
            proposal.doubt(key, f"in which unit does {column.name} count?")
    _ask_about_deleted_rows(proposal, surveyed, condition)
    _ask_whether_it_is_used(proposal, surveyed, condition)
    if surveyed.table.is_view:
        proposal.doubt("table", "it is a view: is it meant to be read in place of its tables?")


def _ask_about_deleted_rows(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition | None
) -> None:
    """Ask whether active rows that count as deleted exist at all."""
    for column in surveyed.roles[Role.DELETION]:
        name = column_sql(column.name)
        where = f"NOT {name}" if column.is_bool else f"{name} IS NULL"
        deleted = sum(
            bool(surveyed.raw(column, row))
            for row in surveyed.rows()
            if condition is None or condition.holds(surveyed, row)
        )
        proposal.lines.append(Line("where", where, "rows that count", is_suggestion=not deleted))
        if deleted:
            proposal.doubt("where", f"{deleted} active rows have {column.name}: do these count?")
        return


def _ask_whether_it_is_used(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition | None
) -> None:
    """Ask about a table in which nothing starts any more, or in which no row was ever updated."""
    newest = surveyed.newest(surveyed.start)
    if newest is not None and (silent := surveyed.sample.now - newest) > UNUSED:
        proposal.ask("table", f"nothing has started for {age(silent)}: is it used?")
    activity = surveyed.table.activity
    is_only_inserted = activity is not None and activity.inserted >= 100 and not activity.updated
    is_index = condition is not None and condition.proof is Proof.INDEX
    if is_only_inserted and surveyed.end is not None and not is_index:
        why = "no row was updated since the statistics began"
        proposal.ask("ended_at", f"{why}: is the end set when a row is inserted?")


def _ask_about_condition(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition
) -> None:
    if condition.doubt is not None:
        proposal.doubt("active", condition.doubt)
    elif condition.proof is Proof.NAMES:
        proposal.doubt("active", "no row and no index says what makes a session active")
    else:
        _ask_about_lengths(proposal, surveyed, condition)


def _ask_about_lengths(
    proposal: SourceProposal, surveyed: SurveyedTable, condition: ActiveCondition
) -> None:
    """Closed rows prove sessions by their lengths; an index alone is of staff assignments too."""
    lengths = sorted(each.end - each.start for each in closed_sessions(surveyed, condition))
    is_index = condition.proof is Proof.INDEX
    if len(lengths) < FEW_CLOSED:
        if not is_index:
            why = f"{_closed_rows(len(lengths))}: are these sessions?"
            proposal.doubt("table", why)
        elif not _is_of_sessions(surveyed, condition):
            why = "a partial index says what is active, and no closed row how long that lasts"
            proposal.doubt("table", f"are these sessions? {why}")
    elif (middle := lengths[len(lengths) // 2]) > DAY:
        proposal.doubt("table", f"are these sessions? Half of them last longer than {age(middle)}")
    if surveyed.end is None and surveyed.seen is None and not is_index and condition.flag is None:
        proposal.doubt("ended_at", "no column says when a session ended: are these sessions?")


def _closed_rows(count: int) -> str:
    if not count:
        return "no row has a start and an end"
    return f"only {number_of(count, 'row has', 'rows have')} a start and an end"


def _is_of_sessions(surveyed: SurveyedTable, condition: ActiveCondition) -> bool:
    """Whether a partial index serves what is asked of sessions: by a status, or by the start."""
    if condition.values is not None or condition.flag is not None:
        return surveyed.end is not None and surveyed.has_own_start
    start = surveyed.start
    return start is not None and any(
        index.predicate and list(index.columns)[:1] == [start.name]
        for index in surveyed.table.indexes
    )


def _starts_when_created(surveyed: SurveyedTable, condition: ActiveCondition) -> bool:
    """Whether nothing is waited for between the creation of a row and its work.

    Work of people begins when it is created, too; but it is closed or resolved, after days.
    """
    lengths = sorted(each.end - each.start for each in closed_sessions(surveyed, condition))
    if len(lengths) < FEW_CLOSED or lengths[len(lengths) // 2] > SHORT:
        return False
    seen = {value for column in surveyed.roles[Role.STATUS] for value in surveyed.sample.of(column)}
    if any(states.class_of(each) == "waiting" for each in seen if each is not None):
        return False
    if surveyed.end is not None:
        return bool(_OF_PROGRAMS_ENDS & set(words_of(surveyed.end.name)))
    return all(" ".join(words_of(each)) in _OF_PROGRAMS for each in condition.values or ("",))
