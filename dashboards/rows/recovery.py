"""Recovery: what it closes, what stops it, what fails, and what it closed wrongly."""

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph, build_stat, build_states
from dashboards.panels.tables import build_table
from dashboards.panels.text import OK, PLAIN, WARNING, Levels, PanelText, States
from dashboards.queries import BY_SOURCE, Query, Scope
from exporter.metrics.catalog import (
    ORPHANED,
    RECOVERED,
    RECOVERY_BRAKE,
    RECOVERY_CANDIDATES,
    RECOVERY_CONTRADICTED,
    RECOVERY_FAILED,
    RECOVERY_HELD,
    RECOVERY_LAST_RUN,
    RECOVERY_MODE,
    RECOVERY_PAUSED,
    RECOVERY_SKIPPED,
    RECOVERY_UNDONE,
    RETURNED,
    Family,
)

_MODES: States = {
    "0": ("disabled", PLAIN),
    "1": ("dry run", PLAIN),
    "2": ("auto", OK),
    "3": ("paused", WARNING),
}
_BRAKES: States = {"1": ("on", WARNING)}
_SOME, _BAD = Levels(warning=1), Levels(bad=1)
_NOTHING = "not declared, or unknown"
_PLAN = "`session-exporter recover SOURCE` shows what it would close now, and changes nothing."
_HELD = "`session-exporter resume SOURCE` shows what is held and why, and changes nothing."


def _mode(scope: Scope) -> str:
    """Compute the mode as a number: disabled 0, dry_run 1, auto 2; 3 while paused."""
    dry, auto = (
        f"max without (mode) ({scope.fold(RECOVERY_MODE, matcher)})"
        for matcher in ('mode="dry_run"', 'mode="auto"')
    )
    return f"3 * {scope.fold(RECOVERY_PAUSED)} > 0 or {dry} + 2 * {auto}"


def _in_an_hour(scope: Scope, family: Family) -> str:
    counted = scope.fold(family, call="increase({}[1h])")
    return f"sum without ({family.labels[0]}) ({counted})" if family.labels else counted


def _brakes_on(scope: Scope) -> str:
    return f"sum without (brake) ({scope.fold(RECOVERY_BRAKE)})"


def every_source(scope: Scope) -> dashboard.Panel:
    """List what recovery does in each source, the most recoveries first."""
    text = PanelText(
        "Recovery by source, and what it did in the last hour",
        shows="The mode of each source, the sessions it would close now, those that wait for a "
        "person or for the budget of the next day (held), the brakes that are on, and the events "
        "of the last hour. A click on a source opens its dashboard.",
        act="start with contradicted sessions, which were alive: pause that source. Failures and "
        f"brakes leave sessions orphaned. {_PLAN}",
        no_data="no source: is the exporter scraped?",
        runbook="SessionsRecoveryContradicted",
    )

    def counted(name: str, family: Family, levels: Levels | None = None) -> Column:
        hour = _in_an_hour(scope, family)
        return Column(name, hour, no_data="not declared", levels=levels, decimals=0)

    last = Column("last run ago", scope.age(RECOVERY_LAST_RUN), "s", no_data="never", decimals=0)
    columns = [
        # Every source always has this metric, so that no source is missing from the table.
        Column("mode", _mode(scope), meanings=_MODES, lasting=True),
        Column("candidates", scope.fold(RECOVERY_CANDIDATES), no_data=_NOTHING),
        Column("held", scope.fold(RECOVERY_HELD), no_data=_NOTHING, levels=_SOME),
        Column("brakes on", _brakes_on(scope), no_data=_NOTHING, levels=_SOME),
        counted("recovered", RECOVERED),
        counted("failed", RECOVERY_FAILED, _SOME),
        counted("skipped", RECOVERY_SKIPPED),
        counted("returned", RETURNED, _SOME),
        counted("contradicted", RECOVERY_CONTRADICTED, _BAD),
        counted("undone", RECOVERY_UNDONE),
        last,
    ]
    return build_table(
        text,
        columns,
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="recovered",
        width=24,
        height=8,
    )


def recovered(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions are closed, by trigger."""
    text = PanelText(
        "Sessions recovered in an hour",
        shows="Sessions that recovery closed in the hour before each point, by trigger: automatic "
        "(auto), by hand (manual), or with a server that stopped (close).",
        act="a rising rate is a bug in the application, which loses the ends of its sessions: "
        "check what was deployed when it began, not recovery.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryRateHigh",
    )
    hour = scope.fold(RECOVERED, call="increase({}[1h])")
    return build_graph(
        text, [Query(f"{{{{trigger}}}} {BY_SOURCE}", hour)], unit="none", width=width
    )


def brakes(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a brake was on."""
    text = PanelText(
        "Brakes over time",
        shows="When a brake kept automatic recovery from closing anything. `share`, `count`, "
        "`owner` and `returned` last until a person resumes. `grace` and `clock` are on for some "
        "time after a start, a failover or a step of the clock. In a gap the brake was off, or "
        "unknown.",
        act="`silent` means that the application is down; for the four that last, check whether "
        f"the sessions are really over. {_HELD}",
        no_data="no brake on, or unknown",
        runbook="SessionsRecoveryBraked",
    )
    query = Query(f"{{{{brake}}}} {BY_SOURCE}", f"{scope.fold(RECOVERY_BRAKE)} > 0")
    return build_states(text, query, _BRAKES, width=width, height=8)


def failures(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why recovery failed."""
    text = PanelText(
        "Failed recoveries by reason",
        shows="Runs of recovery that failed in the interval before each bar, by reason; `refused` "
        "counts sessions that a constraint or a trigger of the application kept from closing.",
        act=f"the runbook says what to do for each reason. {_PLAN}",
        no_data="none failed, or unknown",
        runbook="SessionsRecoveryFailing",
    )
    failed = scope.fold(RECOVERY_FAILED, call="increase({}[$__rate_interval])")
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", f"{failed} > 0")
    return build_graph(text, [query], unit="none", stacked_bars=True, width=width)


def skips(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why confirmed sessions were not closed."""
    text = PanelText(
        "Skipped sessions by reason",
        shows="Confirmed sessions that a run did not close, counted in each run: the budget of the "
        "hour or the day is used up (budget), another transaction locks or has changed the row "
        "(busy), or recovery is paused (paused).",
        act="budget for hours means that more sessions are lost than recovery may close: the fault "
        "is in the application. For paused, ask who paused it and why.",
        no_data="none skipped, or unknown",
        runbook="SessionsRecoveryRateHigh",
    )
    skipped = scope.fold(RECOVERY_SKIPPED, call="increase({}[$__rate_interval])")
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", f"{skipped} > 0")
    return build_graph(text, [query], unit="none", stacked_bars=True, width=width)


def corrections(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the orphans and recoveries that were wrong, and those that were undone."""
    text = PanelText(
        "Returned, contradicted and undone in an hour",
        shows="Orphaned sessions that showed life or were ended by the application (returned); "
        "recovered ones that did so afterwards or got another end (contradicted), at the time when "
        "that was found; and those that were undone.",
        act="one contradicted session is one too many: `session-exporter pause SOURCE`, then find "
        "out why it counted as orphaned. Many returned ones mean that `orphaned_after` is too "
        "short.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryContradicted",
    )
    queries = [
        Query(f"returned {BY_SOURCE}", _in_an_hour(scope, RETURNED)),
        Query(f"contradicted {BY_SOURCE}", _in_an_hour(scope, RECOVERY_CONTRADICTED)),
        Query(f"undone {BY_SOURCE}", _in_an_hour(scope, RECOVERY_UNDONE)),
    ]
    return build_graph(text, queries, unit="none", width=width)


def candidates_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the sessions that recovery would close and those that wait, beside all orphaned ones."""
    text = PanelText(
        "Candidates, held and orphaned sessions",
        shows="Sessions that recovery would close, confirmed or not; those that wait for a person "
        "or for the budget of the next day (held); and all orphaned ones. The difference to the "
        "candidates is protected by `exempt`, proved alive by `evidence`, undone, or older than "
        "`max_age`.",
        act=f"{_HELD} If candidates do not decrease and none is held, see the failures and "
        "the skipped sessions. Those older than `max_age` are closed only by hand, with --backlog.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    queries = [
        Query(f"candidates {BY_SOURCE}", scope.fold(RECOVERY_CANDIDATES)),
        Query(f"held {BY_SOURCE}", scope.fold(RECOVERY_HELD)),
        Query(f"orphaned {BY_SOURCE}", scope.fold(ORPHANED)),
    ]
    return build_graph(text, queries, unit="none", width=width)


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
    return build_stat(text, [Query("mode", _mode(scope))], unit="none", meanings=_MODES)


def candidates(scope: Scope) -> dashboard.Panel:
    """Show how many sessions recovery would close, and how many wait."""
    text = PanelText(
        "Candidates, held",
        shows="Sessions that recovery would close, confirmed or not; and those that wait for a "
        "person or for the budget of the next day.",
        act=f"many at once mean a crash, an outage or a wrong `orphaned_after`. {_HELD}",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    queries = [
        Query("candidates", f"sum({scope.fold(RECOVERY_CANDIDATES)})"),
        Query("held", f"sum({scope.fold(RECOVERY_HELD)})"),
    ]
    return build_stat(text, queries, unit="none", levels_of={1: _SOME})


def brakes_now(scope: Scope) -> dashboard.Panel:
    """Show how many brakes are on."""
    text = PanelText(
        "Brakes on",
        shows="How many brakes keep automatic recovery from closing anything.",
        act=f"see in the graph which one it is, and since when. {_HELD}",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    query = Query("brakes", f"max({_brakes_on(scope)})")
    return build_stat(text, [query], unit="none", levels=_SOME)


def _hour(title: str, shows: str, act: str, runbook: str) -> PanelText:
    return PanelText(f"{title} in the last hour", shows, act, no_data=_NOTHING, runbook=runbook)


def recovered_now(scope: Scope) -> dashboard.Panel:
    """Show how many sessions were closed."""
    text = _hour(
        "Recovered",
        "Sessions that recovery closed, automatically and by hand.",
        "compare with the hours before: a rising number is a bug in the application.",
        "SessionsRecoveryRateHigh",
    )
    query = Query("recovered", f"sum({_in_an_hour(scope, RECOVERED)})")
    return build_stat(text, [query], unit="none", decimals=0)


def failed_now(scope: Scope) -> dashboard.Panel:
    """Show how often recovery failed."""
    text = _hour(
        "Recoveries failed",
        "Runs of recovery that failed, and sessions that were refused.",
        "see the reasons in the graph; a failed transaction was rolled back and is retried.",
        "SessionsRecoveryFailing",
    )
    query = Query("failed", f"sum({_in_an_hour(scope, RECOVERY_FAILED)})")
    return build_stat(text, [query], unit="none", levels=_SOME, decimals=0)


def contradicted_now(scope: Scope) -> dashboard.Panel:
    """Show whether live sessions were closed."""
    text = _hour(
        "Contradicted",
        "Recovered sessions that were found to be alive, or to have another end.",
        "run `session-exporter pause SOURCE` at once, then follow the runbook.",
        "SessionsRecoveryContradicted",
    )
    query = Query("contradicted", f"sum({_in_an_hour(scope, RECOVERY_CONTRADICTED)})")
    return build_stat(text, [query], unit="none", levels=_BAD, decimals=0)


def undone_now(scope: Scope) -> dashboard.Panel:
    """Show how many recoveries were undone."""
    text = _hour(
        "Undone",
        "Recovered sessions that were undone.",
        "ask who did it, and whether recovery should be paused; `session-exporter runs` lists it.",
        "SessionsRecoveryContradicted",
    )
    query = Query("undone", f"sum({_in_an_hour(scope, RECOVERY_UNDONE)})")
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
