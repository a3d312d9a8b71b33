"""Is recovery working? What it closes, what stops it, what fails, and what it got wrong."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import OK, PLAIN, WARNING, About, Levels, States
from dashboards.columns import Column
from dashboards.links import to_database, to_source
from dashboards.panels import lines, single, states
from dashboards.queries import BY_SOURCE, Query, Scope
from dashboards.tables import table
from exporter.metrics.catalog import (
    ORPHANED,
    RECOVERED,
    RECOVERY_BRAKE,
    RECOVERY_CANDIDATES,
    RECOVERY_CONTRADICTED,
    RECOVERY_FAILED,
    RECOVERY_LAST_RUN,
    RECOVERY_MODE,
    RECOVERY_PAUSED,
    RECOVERY_SKIPPED,
    RECOVERY_UNDONE,
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


def _mode(scope: Scope) -> str:
    """As a number: disabled 0, dry_run 1, auto 2; 3 while somebody has paused it."""
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
    """List what recovery does in each source, where most was closed first."""
    about = About(
        "Recovery by source, and what it did in the last hour",
        shows="The mode of each source, what it would close now, the brakes that are on, and what "
        "happened in the last hour. A click on a source opens its dashboard.",
        act="begin with contradicted ones: those were alive. Then pause that source. Failures and "
        f"brakes leave sessions orphaned. {_PLAN}",
        no_data="no source: is the exporter scraped?",
        runbook="SessionsRecoveryContradicted",
    )

    def counted(name: str, family: Family, levels: Levels | None = None) -> Column:
        hour = _in_an_hour(scope, family)
        return Column(name, hour, no_data="not declared", levels=levels, decimals=0)

    last = Column("last run ago", scope.age(RECOVERY_LAST_RUN), "s", no_data="never", decimals=0)
    columns = [
        # The one that every source always has, so that none is missing from the table.
        Column("mode", _mode(scope), meanings=_MODES, lasting=True),
        Column("candidates", scope.fold(RECOVERY_CANDIDATES), no_data=_NOTHING),
        Column("brakes on", _brakes_on(scope), no_data=_NOTHING, levels=_SOME),
        counted("recovered", RECOVERED),
        counted("failed", RECOVERY_FAILED, _SOME),
        counted("skipped", RECOVERY_SKIPPED),
        counted("contradicted", RECOVERY_CONTRADICTED, _BAD),
        counted("undone", RECOVERY_UNDONE),
        last,
    ]
    return table(
        about,
        columns,
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="recovered",
        width=24,
        height=8,
    )


def recovered(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how much is closed, and by whom."""
    about = About(
        "Sessions recovered in an hour",
        shows="Sessions that recovery closed in the hour before, by trigger: auto, by hand "
        "(manual), or with a server that stopped (close).",
        act="a rate that rises is a bug in the application, which loses the ends of its sessions: "
        "look at what was deployed when it began, and not at recovery.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryRateHigh",
    )
    hour = scope.fold(RECOVERED, call="increase({}[1h])")
    return lines(about, [Query(f"{{{{trigger}}}} {BY_SOURCE}", hour)], unit="none", width=width)


def brakes(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a brake was on."""
    about = About(
        "Brakes over time",
        shows="When a brake kept automatic recovery from closing anything. `grace` is on for some "
        "minutes after a start or a failover. A gap is a time when it was off, or unknown.",
        act="`silent` means that the application is down; with `share` and `count`, look whether "
        f"so many sessions are really over. {_PLAN}",
        no_data="no brake on, or unknown",
        runbook="SessionsRecoveryBraked",
    )
    query = Query(f"{{{{brake}}}} {BY_SOURCE}", f"{scope.fold(RECOVERY_BRAKE)} > 0")
    return states(about, query, _BRAKES, width=width, height=8)


def failures(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why recovery failed."""
    about = About(
        "Failed recoveries by reason",
        shows="Runs of recovery that failed in the moments before each bar, by reason; refused are "
        "sessions that a constraint or a trigger of the application did not let close.",
        act=f"the runbook says what to do for each reason. {_PLAN}",
        no_data="none failed, or unknown",
        runbook="SessionsRecoveryFailing",
    )
    failed = scope.fold(RECOVERY_FAILED, call="increase({}[$__rate_interval])")
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", f"{failed} > 0")
    return lines(about, [query], unit="none", stacked_bars=True, width=width)


def skips(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why confirmed sessions were left open."""
    about = About(
        "Skipped sessions by reason",
        shows="Confirmed sessions that a run did not close, once for each run: the budget of the "
        "hour is used up, somebody works on the row just now (busy), or recovery is paused.",
        act="with budget for hours, more is lost than `per_hour` lets recovery close: the fault is "
        "in the application. With paused, ask who paused it and why.",
        no_data="none skipped, or unknown",
        runbook="SessionsRecoveryRateHigh",
    )
    skipped = scope.fold(RECOVERY_SKIPPED, call="increase({}[$__rate_interval])")
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", f"{skipped} > 0")
    return lines(about, [query], unit="none", stacked_bars=True, width=width)


def regrets(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show what recovery got wrong, and what was taken back."""
    about = About(
        "Contradicted and undone in an hour",
        shows="Recovered sessions that showed life afterwards or got another end, by when that was "
        "found; and those that somebody took back.",
        act="one contradicted session is one too many: `session-exporter pause SOURCE`, then find "
        "out why it was taken for orphaned.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryContradicted",
    )
    queries = [
        Query(f"contradicted {BY_SOURCE}", _in_an_hour(scope, RECOVERY_CONTRADICTED)),
        Query(f"undone {BY_SOURCE}", _in_an_hour(scope, RECOVERY_UNDONE)),
    ]
    return lines(about, queries, unit="none", width=width)


def candidates_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show what recovery has before it, beside what is orphaned."""
    about = About(
        "Candidates and orphaned sessions",
        shows="Sessions that recovery would close, confirmed or not, and all orphaned ones. What "
        "is between the two is protected, proved alive by `evidence`, or older than `max_age`.",
        act="candidates that do not go down are not closed: see the brakes, the failures and the "
        "skipped ones. What is older than `max_age` is only recovered by hand, with --backlog.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    queries = [
        Query(f"candidates {BY_SOURCE}", scope.fold(RECOVERY_CANDIDATES)),
        Query(f"orphaned {BY_SOURCE}", scope.fold(ORPHANED)),
    ]
    return lines(about, queries, unit="none", width=width)


def mode(scope: Scope) -> dashboard.Panel:
    """Say whether recovery does anything at all."""
    about = About(
        "Recovery mode",
        shows="What config.yaml says: disabled, a dry run that closes nothing, or auto; or that "
        "somebody has paused it.",
        act="`session-exporter resume SOURCE` ends a pause. Ask first who paused it, and why.",
        no_data="no exporter",
        runbook="SessionsRecoveryFailing",
    )
    return single(about, [Query("mode", _mode(scope))], unit="none", meanings=_MODES)


def candidates(scope: Scope) -> dashboard.Panel:
    """Say how much there is to close."""
    about = About(
        "Candidates",
        shows="Sessions that recovery would close, confirmed or not.",
        act=f"many at once are a crash or an outage, or a wrong `orphaned_after`. {_PLAN}",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    query = Query("candidates", f"sum({scope.fold(RECOVERY_CANDIDATES)})")
    return single(about, [query], unit="none")


def brakes_now(scope: Scope) -> dashboard.Panel:
    """Say whether something stops it."""
    about = About(
        "Brakes on",
        shows="How many brakes keep automatic recovery from closing anything.",
        act="see in the graph which one it is, and since when.",
        no_data=_NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    query = Query("brakes", f"max({_brakes_on(scope)})")
    return single(about, [query], unit="none", levels=_SOME)


def _hour(title: str, shows: str, act: str, runbook: str) -> About:
    return About(f"{title} in the last hour", shows, act, no_data=_NOTHING, runbook=runbook)


def recovered_now(scope: Scope) -> dashboard.Panel:
    """Say how much was closed."""
    about = _hour(
        "Recovered",
        "Sessions that recovery closed, by itself and by hand.",
        "compare with the hours before: more and more of them are a bug in the application.",
        "SessionsRecoveryRateHigh",
    )
    query = Query("recovered", f"sum({_in_an_hour(scope, RECOVERED)})")
    return single(about, [query], unit="none", decimals=0)


def failed_now(scope: Scope) -> dashboard.Panel:
    """Say how often it failed."""
    about = _hour(
        "Recoveries failed",
        "Runs of recovery that failed, and sessions that were refused.",
        "see the reasons in the graph; what failed was rolled back and is tried again.",
        "SessionsRecoveryFailing",
    )
    query = Query("failed", f"sum({_in_an_hour(scope, RECOVERY_FAILED)})")
    return single(about, [query], unit="none", levels=_SOME, decimals=0)


def contradicted_now(scope: Scope) -> dashboard.Panel:
    """Say whether live sessions were closed."""
    about = _hour(
        "Contradicted",
        "Recovered sessions that were found to be alive, or to have another end.",
        "`session-exporter pause SOURCE` at once, and then the runbook.",
        "SessionsRecoveryContradicted",
    )
    query = Query("contradicted", f"sum({_in_an_hour(scope, RECOVERY_CONTRADICTED)})")
    return single(about, [query], unit="none", levels=_BAD, decimals=0)


def undone_now(scope: Scope) -> dashboard.Panel:
    """Say how much was taken back."""
    about = _hour(
        "Undone",
        "Recovered sessions that somebody gave back what was there before.",
        "ask who did it, and whether recovery should be paused; `session-exporter runs` lists it.",
        "SessionsRecoveryContradicted",
    )
    query = Query("undone", f"sum({_in_an_hour(scope, RECOVERY_UNDONE)})")
    return single(about, [query], unit="none", decimals=0)


def last_run(scope: Scope) -> dashboard.Panel:
    """Say when it last looked."""
    about = About(
        "Last run of recovery ago",
        shows="Time since recovery last looked for sessions to close.",
        act="longer than some intervals, it fails or the database is out of reach: see the "
        "reasons in the graph of failures.",
        no_data="never",
        runbook="SessionsRecoveryFailing",
    )
    query = Query("ago", f"max({scope.age(RECOVERY_LAST_RUN)})")
    return single(about, [query], unit="s", decimals=0)
