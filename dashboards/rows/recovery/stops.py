"""What automatic recovery does not close until a person decides, or until the next day."""

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph
from dashboards.panels.tables import build_table
from dashboards.panels.text import BAD, WARNING, PanelText, States
from dashboards.queries import BY_SOURCE, Query, Scope
from dashboards.rows.recovery.expressions import HELD, NOTHING, brakes_on
from exporter.metrics.catalog import ORPHANED, RECOVERY_BRAKE, RECOVERY_HELD, RECOVERY_PAUSED

#: The brakes that last until a person resumes.
_STOPS = 'brake=~"share|count|owner|returned"'
_REASONS: States = {
    "1": ("budget of the day", WARNING),
    "2": ("stopped", BAD),
    "3": ("paused", WARNING),
}


def waiting(scope: Scope, *, width: int = 24) -> dashboard.Panel:
    """List the sources that wait, the one with most sessions first."""
    text = PanelText(
        "Stops and held sessions",
        shows="The sources in which recovery is paused, is stopped by a brake that lasts until a "
        "person resumes, or has used up the budget of the day, and how many sessions wait.",
        act=f"check whether the sessions are really over: ask the application. {HELD} Held "
        "sessions stay orphaned until then.",
        no_data="nothing waits, or unknown",
        runbook="SessionsRecoveryBraked",
    )
    stops = f"sum without (brake) ({scope.fold(RECOVERY_BRAKE, _STOPS)})"
    held, paused = scope.fold(RECOVERY_HELD), scope.fold(RECOVERY_PAUSED)
    why = f"3 * ({paused} > 0) or 2 * ({stops} > bool 0 > 0) or ({held} > bool 0 > 0)"
    columns = [
        Column("why", why, meanings=_REASONS, lasting=True),
        Column("held", held, no_data=NOTHING),
        Column("stops", stops, no_data=NOTHING),
        Column("brakes on", brakes_on(scope), no_data=NOTHING),
        Column("orphaned", scope.fold(ORPHANED)),
    ]
    # A source with few held sessions may be stopped all the same.
    rank = f"({held} + 0.5 and ({why}) or 0.5 * ({why}))"
    return build_table(
        text,
        [replace(each, expr=scope.worst(f"({each.expr}) and ({why})", rank)) for each in columns],
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="held",
        width=width,
        height=7,
    )


def held_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions wait."""
    text = PanelText(
        "Held sessions over time",
        shows="Orphaned sessions that wait for a person to resume recovery, or for the budget of "
        "the next day.",
        act=f"they stay until a person decides. {HELD}",
        no_data=NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    query = Query(BY_SOURCE, scope.highest(RECOVERY_HELD))
    return build_graph(text, [query], unit="none", width=width)
