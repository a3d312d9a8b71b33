"""What is not sure enough for a source that works."""

from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.judgement.draft.lengths import closed_sessions
from exporter.discover.proposal import SourceProposal

#: Closed rows without a partial index: from so many on, their lengths say what they are.
FEW_CLOSED = 3


def ask(proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition | None) -> None:
    """Ask about what makes a session active, when it starts, and in which units."""
    if condition is None:
        proposal.doubt("active", "is a session active as long as its row exists, and deleted then?")
    else:
        _ask_about_condition(proposal, candidate, condition)
        is_by_index = condition.proof is Proof.INDEX
        if not candidate.has_own_start and not is_by_index:
            proposal.doubt("started_at", "does a session start when its row is created?")
    for key, column in (
        ("started_at", candidate.start),
        ("ended_at", candidate.end),
        ("last_seen_at", candidate.seen),
    ):
        if column is not None and not column.is_timestamp and not candidate.units.get(column.name):
            proposal.doubt(key, f"in which unit does {column.name} count?")
    if candidate.table.is_view:
        proposal.doubt("table", "it is a view: is it meant to be read in place of its tables?")


def _ask_about_condition(
    proposal: SourceProposal, candidate: Candidate, condition: ActiveCondition
) -> None:
    if condition.doubt is not None:
        proposal.doubt("active", condition.doubt)
    elif condition.proof is Proof.NAMES:
        proposal.doubt("active", "no row and no index says what makes a session active")
    elif condition.proof is Proof.INDEX:
        if candidate.end is None and not candidate.sample.count:
            why = "no row was read, and nothing but a partial index says that a session ends"
            proposal.doubt("active", why)
    elif candidate.end is not None:
        # Rows alone are a proof only where there are closed ones, whose lengths are known.
        closed = closed_sessions(candidate, condition)
        if len(closed) < FEW_CLOSED:
            why = f"only {len(closed)} rows have a start and an end: are these sessions?"
            proposal.doubt("table", why)
    elif candidate.seen is None and condition.flag is None:
        proposal.doubt("ended_at", "no column says when a session ended: are these sessions?")
