"""Judges a table: a source that is sure, one with questions, or the reason why it is left out."""

from exporter.config import format_duration
from exporter.discover.facts import Column, ServerFacts
from exporter.discover.judgement import lookalikes
from exporter.discover.judgement.active import find_condition
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.judgement.conditions import ActiveCondition, Proof
from exporter.discover.judgement.recovery import propose_recovery
from exporter.discover.judgement.zones import find_zone
from exporter.discover.proposal import LeftOut, Line, SourceProposal, Standing
from exporter.discover.roles.roles import Role
from exporter.discover.roles.words import words_of
from exporter.discover.sql_text import table_sql
from exporter.discover.threshold import (
    ClosedSession,
    ThresholdProposal,
    propose_threshold,
    round_up,
)
from exporter.text import age

#: Closed rows without a partial index: from so many on, their lengths say what they are.
FEW_CLOSED = 3


def judge(
    candidate: Candidate, name: str, server: ServerFacts, *, frameworks: str | None = None
) -> SourceProposal | LeftOut:
    """Weigh the evidence for and against a session table."""
    table = candidate.table
    shown = table_sql(table.schema, table.name)
    for against in (
        lookalikes.by_names(table, candidate.roles),
        lookalikes.by_rows(candidate),
        lookalikes.by_life_cycle(candidate),
    ):
        if against is not None and not against.is_weak:
            return LeftOut(shown, against.reason)
    condition = find_condition(candidate)
    weak = lookalikes.by_names(table, candidate.roles)
    if weak is not None and (
        condition is None or not candidate.has_own_start or candidate.end is None
    ):
        return LeftOut(shown, weak.reason)
    if candidate.start is None or (condition is None and not _is_row_life(candidate)):
        return LeftOut(shown, _lack(candidate))
    if table.kind == "f":
        return LeftOut(shown, "it is a foreign table: declare it where its rows are")
    proposal = SourceProposal(name, shown, Standing.LIVE, [])
    _declare(proposal, candidate, condition)
    _ask(proposal, candidate, condition)
    if weak is not None:
        proposal.question(f"is it a session table at all? {weak.reason}")
    _add_zone(proposal, candidate, server, frameworks)
    _add_threshold(proposal, candidate, condition)
    _add_suggestions(proposal, candidate)
    if condition is not None:
        propose_recovery(proposal, candidate, condition)
    return proposal


def _is_row_life(candidate: Candidate) -> bool:
    """Whether a row may be active as long as it exists: a sign of life, and nothing that ends it."""
    return candidate.seen is not None and candidate.end is None


def _lack(candidate: Candidate) -> str:
    if candidate.start is None:
        return "no column says when a row began"
    statuses = ", ".join(each.name for each in candidate.roles[Role.STATUS])
    if statuses:
        return f"no value of {statuses} says that something is going on"
    return "no column says what ends a row"


def _declare(
    proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition | None
) -> None:
    """The lines about the table itself."""
    table, lines = candidate.table, proposal.lines
    rows = "never analyzed" if table.rows < 0 else f"about {table.rows:,.0f} rows"
    kind = {"p": f", {table.partitions} partitions", "v": ", a view", "m": ", a materialized view"}
    lines.append(Line("table", proposal.table, rows + kind.get(table.kind, "")))
    if condition is None:
        lines.append(Line("active", True, "as long as the row exists"))
    else:
        lines.append(Line("active", condition.sql, condition.because))
    if candidate.start is not None:
        why = _newest(candidate, candidate.start)
        if not candidate.has_own_start:
            why = f"when the row was created; {why}"
        lines.append(_time_line(candidate, "started_at", candidate.start, why))
    if candidate.seen is not None:
        lines.append(
            _time_line(
                candidate, "last_seen_at", candidate.seen, _newest(candidate, candidate.seen)
            )
        )
    if candidate.end is not None:
        share = _null_share(candidate, candidate.end)
        lines.append(_time_line(candidate, "ended_at", candidate.end, share))
    if key := table.key:
        is_primary = any(each.is_primary for each in table.indexes)
        why = "the primary key" if is_primary else "a unique key"
        lines.append(Line("id", key[0] if len(key) == 1 else list(key), why))


def _time_line(candidate: Candidate, key: str, column: Column, because: str) -> Line:
    if column.is_timestamp:
        return Line(key, column.name, because)
    unit = candidate.units.get(column.name)
    why = f"counts {unit} since 1970 by its magnitude" if unit else "the unit is not known"
    return Line(key, {"column": column.name, "epoch": unit or "s"}, f"{why}; {because}")


def _newest(candidate: Candidate, column: Column) -> str:
    newest = candidate.newest(column)
    if newest is None:
        return "by its name; no row was read"
    if column.is_naive:
        return "by its name, and its rows"
    ahead = newest - candidate.sample.now
    return f"the newest is {age(-ahead)} ago" if ahead <= 0 else f"the newest is {age(ahead)} ahead"


def _null_share(candidate: Candidate, column: Column) -> str:
    values = candidate.sample.of(column)
    if values:
        empty = sum(not candidate.has_ended(row) for row in candidate.rows())
        return f"{empty} of {len(values)} rows have none"
    if column.statistics is not None:
        return f"NULL in {column.statistics.null_share:.0%} of the rows, by pg_stats"
    return "by its name"


def _ask(proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition | None) -> None:
    """What is not sure enough for a source that works."""
    table = candidate.table
    if condition is None:
        proposal.question("is a session active as long as its row exists, and deleted at its end?")
    elif condition.doubt is not None:
        proposal.question(condition.doubt)
    elif condition.proof is Proof.NAMES:
        proposal.question("no row and no index says what makes a session active")
    elif condition.proof is Proof.ROWS:
        _ask_about_rows(proposal, candidate, condition)
    if condition is not None and not candidate.has_own_start and condition.proof is not Proof.INDEX:
        proposal.question("does a session start when its row is created?")
    if condition is not None and condition.proof is Proof.INDEX and candidate.end is None:
        if not candidate.sample.count:
            proposal.question("no row was read, and nothing but a partial index says that it ends")
    for column in (candidate.start, candidate.end, candidate.seen):
        if column is not None and not column.is_timestamp and not candidate.units.get(column.name):
            proposal.question(f"in which unit does {column.name} count?")
    if table.is_view:
        proposal.question("it is a view: is it meant to be read in place of its tables?")
    used = [candidate.start, candidate.end, candidate.seen, condition and condition.column]
    unread = sorted({each.name for each in used if each and not each.is_readable})
    if unread or not table.is_usable:
        what = f"its columns {', '.join(unread)}" if unread else "its schema"
        proposal.question(f"the role may not read {what}: `sql role` prints the rights")
    if table.has_row_security:
        proposal.question(
            "row-level security may hide rows from the role: does its policy show every row?"
        )


def _ask_about_rows(
    proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition
) -> None:
    """Rows alone are a proof only where there are closed ones, of lengths that sessions have."""
    closed = _closed(candidate, condition)
    if candidate.end is not None and len(closed) < FEW_CLOSED:
        proposal.question(f"only {len(closed)} rows have a start and an end: are these sessions?")
        return
    if candidate.end is None and candidate.seen is None and condition.flag is None:
        proposal.question("no column says when a session ended: are these sessions?")


def _closed(candidate: Candidate, condition: ActiveCondition | None) -> list[ClosedSession]:
    found = []
    for row in candidate.rows():
        start, end = candidate.time(candidate.start, row), candidate.time(candidate.end, row)
        is_closed = condition is None or not condition.holds(candidate, row)
        if start is None or end is None or end < start or not is_closed:
            continue
        if end <= candidate.sample.now + 26 * 3600:
            found.append(ClosedSession(start, end, candidate.time(candidate.seen, row)))
    return found


def _add_zone(
    proposal: SourceProposal, candidate: Candidate, server: ServerFacts, frameworks: str | None
) -> None:
    zone = find_zone(candidate, frameworks=frameworks, server_zone=server.timezone)
    if zone is None:
        return
    proposal.lines.append(Line("timestamps_in", "UTC", zone.because or "not known: see above"))
    if zone.question is not None:
        proposal.question(zone.question)


def _add_threshold(
    proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition | None
) -> None:
    found = propose_threshold(_closed(candidate, condition))
    seconds = found.seconds
    because = _lengths(found)
    active = [
        row for row in candidate.rows() if condition is None or condition.holds(candidate, row)
    ]
    if active:
        silent = _orphaned(candidate, active, seconds)
        part = "" if candidate.sample.is_whole else " of the sample"
        because += f"; of {len(active)} active{part}, {silent} would be orphaned now"
    proposal.lines.append(Line("orphaned_after", format_duration(seconds), because))
    if found.question is not None:
        proposal.remarks.append(f"QUESTION: is {format_duration(seconds)} right? {found.question}.")
    if candidate.seen is not None and found.count:
        overlong = round_up(max(3 * found.p999, 2 * seconds))
        why = "for sessions whose heartbeat never stops"
        proposal.lines.append(
            Line("overlong_after", format_duration(overlong), why, is_suggestion=True)
        )


def _lengths(found: ThresholdProposal) -> str:
    if not found.count:
        return "a first guess"
    left = f", {found.left_out} left out" if found.left_out else ""
    return (
        f"3 x p99 of {found.count} closed rows{left}: p50 {age(found.p50)}, p99 {age(found.p99)}, "
        f"p99.9 {age(found.p999)}"
    )


def _orphaned(candidate: Candidate, active: list[int], seconds: float) -> int:
    """How many of the active rows were last seen longer ago."""
    count = 0
    for row in active:
        times = (candidate.time(candidate.start, row), candidate.time(candidate.seen, row))
        last = max((each for each in times if each is not None), default=None)
        count += last is not None and candidate.sample.now - last > seconds
    return count


def _add_suggestions(proposal: SourceProposal, candidate: Candidate) -> None:
    """What may be added, commented out: a generic sign of life, the user, and the owner."""
    lines = proposal.lines
    if candidate.seen is None and (updated := candidate.generic_seen):
        why = "any change of the row moves it: is it a sign of life?"
        lines.append(_suggested(_time_line(candidate, "last_seen_at", updated, why)))
    owners = candidate.roles[Role.OWNER]
    if owners:
        lines.append(Line("owner", owners[0].name, "who holds the session, by its name"))
    people = [
        each.name
        for each in candidate.table.columns.values()
        if words_of(each.name)[:1]
        in {("user",), ("username",), ("trainee",), ("player",), ("customer",)}
        and words_of(each.name)[1:] in {(), ("id",), ("name",)}
    ]
    if people:
        lines.append(Line("show", people[:2], "what `orphans` lists", is_suggestion=True))


def _suggested(line: Line) -> Line:
    return Line(line.key, line.value, line.because, is_suggestion=True)
