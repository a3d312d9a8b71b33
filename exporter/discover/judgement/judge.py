"""Judges a table: a source that is sure, one with questions, or the reason why it is left out."""

from collections.abc import Mapping

from exporter.discover.facts import ServerFacts, TableFacts
from exporter.discover.judgement import lookalikes
from exporter.discover.judgement.active.find import find_condition
from exporter.discover.judgement.candidate import SessionCandidate
from exporter.discover.judgement.draft.access import ask_about_access
from exporter.discover.judgement.draft.declaration import declare, suggest
from exporter.discover.judgement.draft.doubts import ask
from exporter.discover.judgement.draft.lengths import add_threshold
from exporter.discover.judgement.draft.recovery import propose_recovery
from exporter.discover.judgement.draft.related_tables import propose_related
from exporter.discover.judgement.zones import find_zone
from exporter.discover.proposal import LeftOut, Line, SourceProposal, Standing
from exporter.discover.roles.roles import Role
from exporter.discover.sql_text import table_sql


def judge(
    candidate: SessionCandidate,
    name: str,
    server: ServerFacts,
    *,
    frameworks: str | None = None,
    tables: Mapping[int, TableFacts] | None = None,
) -> SourceProposal | LeftOut:
    """Weigh the evidence for and against a session table."""
    table = candidate.table
    against = lookalikes.find_look_alike(candidate)
    condition = find_condition(candidate)
    if against is not None:
        is_described = condition is not None and candidate.has_own_start and candidate.end
        if not against.is_weak or not is_described:
            return LeftOut(table_sql(table.schema, table.name), against.reason)
    if candidate.start is None or (condition is None and not _lives_with_its_row(candidate)):
        return LeftOut(table_sql(table.schema, table.name), _lack(candidate))
    proposal = SourceProposal(name, table.schema, table.name, Standing.LIVE, [])
    declare(proposal, candidate, condition, major=server.major)
    if against is not None:
        proposal.doubt("table", f"is it a session table at all? {against.reason}")
    ask(proposal, candidate, condition)
    used = [candidate.start, candidate.end, candidate.seen]
    used += [] if condition is None else [condition.column]
    ask_about_access(proposal, table, [each for each in used if each is not None])
    zone = find_zone(candidate, frameworks=frameworks, server_zone=server.timezone)
    if zone is not None:
        proposal.lines.append(Line("timestamps_in", "UTC", zone.because))
        if zone.question is not None:
            proposal.doubt("timestamps_in", zone.question)
    add_threshold(proposal, candidate, condition)
    suggest(proposal, candidate)
    propose_related(proposal, candidate, tables or {})
    if condition is not None:
        propose_recovery(proposal, candidate, condition)
    return proposal


def _lives_with_its_row(candidate: SessionCandidate) -> bool:
    """Whether a row may be active as long as it exists: it has a sign of life, and nothing else."""
    is_left = candidate.end is None and not candidate.roles[Role.STATUS]
    return candidate.seen is not None and is_left


def _lack(candidate: SessionCandidate) -> str:
    if candidate.start is None:
        return "no column says when a row began"
    statuses = ", ".join(each.name for each in candidate.roles[Role.STATUS])
    if statuses:
        return f"no value of {statuses} says that something is going on"
    return "no column says what ends a row"
