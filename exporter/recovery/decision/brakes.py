"""The brakes: conditions under which nothing is closed without explicit permission.

Automatic recovery, the plan of `recover` and `check --live` all decide by find_brakes().
"""

from dataclasses import dataclass

from exporter.config import RecoverySettings
from exporter.recovery.decision.observation import SessionCounts

BRAKES = ("share", "count", "grace", "silent", "blind")

#: From this many active sessions on, a share of them means something.
FEWEST_FOR_SHARE = 20

#: From this many active sessions on, silence in all of them is the application's.
FEWEST_FOR_SILENCE = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that the brakes depend on."""

    counts: SessionCounts
    new: int
    """Candidates that are not of the backlog and were none in the last run without too many."""
    backlog: int = 0
    """Sessions of the backlog that are to be closed too, which only a person asks for."""
    is_in_grace: bool = False
    """Whether the exporter or the server has started only a moment ago."""
    blind: str = ""
    """Why the evidence cannot be read."""

    @property
    def current(self) -> int:
        """The active sessions without the backlog: it says nothing of how many are lost now."""
        return self.counts.active - self.counts.backlog


def situation_by_hand(
    counts: SessionCounts, *, with_backlog: bool = False, blind: str = ""
) -> Situation:
    """The situation of a run by hand: all candidates are new to it, and it has no grace."""
    backlog = counts.backlog if with_backlog else 0
    return Situation(counts, new=counts.ready, backlog=backlog, blind=blind)


def find_brakes(situation: Situation, settings: RecoverySettings) -> frozenset[str]:
    """The brakes that are on."""
    counts, new = situation.counts, situation.new
    conditions = {
        "share": counts.active >= FEWEST_FOR_SHARE and new > settings.max_share * situation.current,
        "count": new + situation.backlog > settings.max_count,
        "grace": situation.is_in_grace,
        "silent": counts.active >= FEWEST_FOR_SILENCE and not counts.live,
        "blind": bool(situation.blind),
    }
    return frozenset(brake for brake, is_on in conditions.items() if is_on)


def brake_sentences(situation: Situation, settings: RecoverySettings) -> tuple[str, ...]:
    """Each brake that is on and why, in the order of BRAKES."""
    counts, new = situation.counts, situation.new
    sentences = {
        "share": f"{new} of {situation.current} active sessions (backlog excluded) are orphaned, "
        f"more than max_share ({settings.max_share:.0%})",
        "count": f"{new + situation.backlog} sessions at once are more than max_count "
        f"({settings.max_count})",
        "grace": f"the exporter or the server has started less than {settings.grace:g} s ago",
        "silent": f"no recent sign of life in any of {counts.active} active sessions; is the "
        "application itself down?",
        "blind": f"the evidence cannot be read: {situation.blind}",
    }
    on = find_brakes(situation, settings)
    return tuple(f"{brake}: {sentences[brake]}" for brake in BRAKES if brake in on)
