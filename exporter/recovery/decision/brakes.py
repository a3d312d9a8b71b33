"""The brakes: conditions under which nothing is closed without explicit permission.

Automatic recovery, the plan of `recover` and `check --live` all decide by find_brakes().
"""

from exporter.config import RecoverySettings
from exporter.recovery.decision.observation import SessionCounts

BRAKES = ("share", "count", "grace", "silent", "blind")

#: From this many active sessions on, a share of them means something.
FEWEST_FOR_SHARE = 20

#: From this many active sessions on, silence in all of them is the application's.
FEWEST_FOR_SILENCE = 3


def find_brakes(
    counts: SessionCounts,
    settings: RecoverySettings,
    *,
    new: int,
    backlog: int = 0,
    is_in_grace: bool = False,
    blind: str = "",
) -> dict[str, str]:
    """The brakes that are on, in the order of BRAKES, each with a sentence that says why.

    `new` are the candidates that are not of the backlog and were none in the last run without too
    many; `backlog` are those of it that are to be closed too, which only a person asks for.
    """
    current = counts.active - counts.backlog  # which says nothing of how many are lost now
    together = new + backlog
    is_on = {
        "share": counts.active >= FEWEST_FOR_SHARE and new > settings.max_share * current,
        "count": together > settings.max_count,
        "grace": is_in_grace,
        "silent": counts.active >= FEWEST_FOR_SILENCE and not counts.live,
        "blind": bool(blind),
    }
    why = {
        "share": f"{new} of {current} active sessions (backlog excluded) are orphaned, more than "
        f"max_share ({settings.max_share:.0%})",
        "count": f"{together} sessions at once are more than max_count ({settings.max_count})",
        "grace": f"the exporter or the server has started less than {settings.grace:g} s ago",
        "silent": f"no recent sign of life in any of {counts.active} active sessions; is the "
        "application itself down?",
        "blind": f"the evidence cannot be read: {blind}",
    }
    return {brake: f"{brake}: {why[brake]}" for brake in BRAKES if is_on[brake]}
