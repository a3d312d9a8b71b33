"""The result of a run by hand."""

from typing import Any

from exporter.cli.output.report import Report
from exporter.recovery.close.candidates import Outcome
from exporter.text import number_of, printable

NOTHING_CHANGED = "Nothing was changed; --yes closes them."
BRAKED = "Nothing was changed; --yes --despite-brake closes them."
#: Of one session, and of any other number.
CLOSED = ("was closed", "were closed")


def outcome_json(outcome: Outcome, *, left: int = 0, is_complete: bool = True) -> dict[str, Any]:
    """The result for programs; `is_complete` is whether the run was completed."""
    return {
        "run": str(outcome.run) if outcome.closed or not is_complete else None,
        "outcome": {
            "closed": outcome.closed,
            "skipped": outcome.skipped,
            "locked": left,
            "refused": dict(outcome.refused),
            "complete": is_complete,
        },
    }


def report_early_end(report: Report, outcome: Outcome) -> None:
    """Report what was done until Ctrl-C or an error, and how to see and undo it."""
    report.add(
        f"  {number_of(outcome.closed, *CLOSED)} before the run ended early; if the connection was "
        f"lost, its last batch may be closed too\n  run {outcome.run}; session-exporter undo "
        f"{outcome.run} shows what it closed, and with --yes undoes it",
        **outcome_json(outcome, is_complete=False),
    )


def outcome_text(
    outcome: Outcome,
    *,
    skipped: str = "changed since the plan, or locked by another transaction",
    left: int = 0,
    over_limit: int = 0,
) -> str:
    """The result, how to undo it, and how many sessions are left to close."""
    lines = [f"  {number_of(outcome.closed, *CLOSED)}"]
    if outcome.skipped:
        lines.append(f"  {outcome.skipped} skipped: {skipped}")
    for session, why in outcome.refused.items():
        lines.append(printable(f"  session {session} was set aside: {why}"))
    if left:
        still = number_of(left, "is still active", "are still active")
        lines.append(f"  {still}: locked by another transaction; run the command again")
    if over_limit:
        left_over = number_of(over_limit, "more is left", "more are left")
        lines.append(f"  {left_over}, because of --limit")
    if outcome.closed:
        lines.append(f"  run {outcome.run}; to undo it: session-exporter undo {outcome.run}")
    return "\n".join(lines)
