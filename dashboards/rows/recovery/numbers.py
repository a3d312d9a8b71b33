"""Current numbers about recovery."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_stat
from dashboards.panels.text import PanelText
from dashboards.queries import Query, Scope
from dashboards.rows.recovery.expressions import (
    HELD,
    MODES,
    NOTHING,
    SOME,
    WRONG,
    brakes_on,
    in_an_hour,
    mode_number,
)
from exporter.metrics.catalog import (
    RECOVERED,
    RECOVERY_CANDIDATES,
    RECOVERY_CONTRADICTED,
    RECOVERY_FAILED,
    RECOVERY_HELD,
    RECOVERY_LAST_RUN,
    RECOVERY_UNDONE,
)


def mode(scope: Scope) -> dashboard.Panel:
    """Show the mode of recovery."""
    text = PanelText(
        "Recovery mode",
        shows="The mode set in config.yaml: disabled, a dry run that closes nothing, or auto; or "
        "paused.",
        act="`session-exporter resume SOURCE` shows who paused it, when and why; with `--yes`, "
        "as a role that may, it ends the pause.",
        no_data="no exporter",
        runbook="SessionsRecoveryFailing",
    )
    return build_stat(text, [Query("mode", mode_number(scope))], unit="none", meanings=MODES)


def candidates(scope: Scope) -> dashboard.Panel:
    """Show how many sessions recovery would close, and how many wait."""
    text = PanelText(
        "Candidates, held",
        shows="Sessions that recovery would close, confirmed or not; and those that wait for a "
        "person or for the budget of the next day.",
        act=f"many at once mean a crash, an outage or a wrong `orphaned_after`. {HELD}",
        no_data=NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    queries = [
        Query("candidates", f"sum({scope.fold(RECOVERY_CANDIDATES)})"),
        Query("held", f"sum({scope.fold(RECOVERY_HELD)})"),
    ]
    return build_stat(text, queries, unit="none", levels_of={1: SOME})


def brakes_now(scope: Scope) -> dashboard.Panel:
    """Show how many brakes are on."""
    text = PanelText(
        "Brakes on",
        shows="How many brakes keep automatic recovery from closing anything.",
        act=f"see in the graph which one it is, and since when. {HELD}",
        no_data=NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    query = Query("brakes", f"max({brakes_on(scope)})")
    return build_stat(text, [query], unit="none", levels=SOME)


def _hour(title: str, shows: str, act: str, runbook: str) -> PanelText:
    return PanelText(f"{title} in the last hour", shows, act, no_data=NOTHING, runbook=runbook)


def recovered_now(scope: Scope) -> dashboard.Panel:
    """Show how many sessions were closed."""
    text = _hour(
        "Recovered",
        "Sessions that recovery closed, automatically and by hand.",
        "compare with the hours before: a rising number is a bug in the application.",
        "SessionsRecoveryRateHigh",
    )
    query = Query("recovered", f"sum({in_an_hour(scope, RECOVERED)})")
    return build_stat(text, [query], unit="none", decimals=0)


def failed_now(scope: Scope) -> dashboard.Panel:
    """Show how often recovery failed."""
    text = _hour(
        "Recoveries failed",
        "Runs of recovery that failed, and sessions that were refused.",
        "see the reasons in the graph; a failed transaction was rolled back and is retried.",
        "SessionsRecoveryFailing",
    )
    query = Query("failed", f"sum({in_an_hour(scope, RECOVERY_FAILED)})")
    return build_stat(text, [query], unit="none", levels=SOME, decimals=0)


def contradicted_now(scope: Scope) -> dashboard.Panel:
    """Show whether live sessions were closed."""
    text = _hour(
        "Contradicted",
        "Recovered sessions that were found to be alive, or to have another end.",
        "run `session-exporter pause SOURCE` at once, then follow the runbook.",
        "SessionsRecoveryContradicted",
    )
    query = Query("contradicted", f"sum({in_an_hour(scope, RECOVERY_CONTRADICTED)})")
    return build_stat(text, [query], unit="none", levels=WRONG, decimals=0)


def undone_now(scope: Scope) -> dashboard.Panel:
    """Show how many recoveries were undone."""
    text = _hour(
        "Undone",
        "Recovered sessions that were undone.",
        "ask who did it, and whether recovery should be paused; `session-exporter runs` lists it.",
        "SessionsRecoveryContradicted",
    )
    query = Query("undone", f"sum({in_an_hour(scope, RECOVERY_UNDONE)})")
    return build_stat(text, [query], unit="none", decimals=0)


def last_run(scope: Scope) -> dashboard.Panel:
    """Show the time since the last run of recovery."""
    text = PanelText(
        "Last run of recovery ago",
        shows="Time since recovery last searched for sessions to close.",
        act="if it is longer than some intervals, recovery fails or the database cannot be "
        "reached: see the reasons in the graph of failures.",
        no_data="never",
        runbook="SessionsRecoveryFailing",
    )
    query = Query("ago", f"max({scope.age(RECOVERY_LAST_RUN)})")
    return build_stat(text, [query], unit="s", decimals=0)
