"""The texts and the PromQL that several panels about recovery share."""

from dashboards.panels.text import OK, PLAIN, WARNING, Levels, States
from dashboards.queries import Scope
from exporter.metrics.catalog import (
    RECOVERY_BRAKE,
    RECOVERY_MODE,
    RECOVERY_PAUSED,
    Family,
)

MODES: States = {
    "0": ("disabled", PLAIN),
    "1": ("dry run", PLAIN),
    "2": ("auto", OK),
    "3": ("paused", WARNING),
}
#: Texts that several panels share.
NOTHING = "not declared, or unknown"
PLAN = "`session-exporter recover SOURCE` shows what it would close now, and changes nothing."
HELD = "`session-exporter resume SOURCE` shows what is held and why, and changes nothing."
SOME, WRONG = Levels(warning=1), Levels(bad=1)


def mode_number(scope: Scope) -> str:
    """Compute the mode as a number: disabled 0, dry_run 1, auto 2; 3 while paused."""
    dry, auto = (
        f"max without (mode) ({scope.fold(RECOVERY_MODE, matcher)})"
        for matcher in ('mode="dry_run"', 'mode="auto"')
    )
    return f"(3 * {scope.fold(RECOVERY_PAUSED)} > 0 or {dry} + 2 * {auto})"


def in_an_hour(scope: Scope, family: Family) -> str:
    """Count what happened in a source in the last hour."""
    counted = scope.fold(family, call="increase({}[1h])")
    return f"sum without ({family.labels[0]}) ({counted})" if family.labels else counted


def brakes_on(scope: Scope) -> str:
    """Count the brakes that are on in a source."""
    return f"sum without (brake) ({scope.fold(RECOVERY_BRAKE)})"
