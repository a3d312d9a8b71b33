"""Recovery over time: what it closes, what stops it, and what it closed wrongly."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph, build_states
from dashboards.panels.text import WARNING, PanelText, States
from dashboards.queries import BY_SOURCE, MEAN, RISE, Query, Scope
from dashboards.rows.recovery.expressions import HELD, NOTHING, PLAN, in_an_hour
from exporter.metrics.catalog import (
    ORPHANED,
    RECOVERED,
    RECOVERY_BRAKE,
    RECOVERY_CANDIDATES,
    RECOVERY_CONTRADICTED,
    RECOVERY_FAILED,
    RECOVERY_HELD,
    RECOVERY_SKIPPED,
    RECOVERY_UNDONE,
    RETURNED,
)

_BRAKES: States = {"1": ("on", WARNING)}


def recovered(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions are closed, by trigger."""
    text = PanelText(
        "Sessions recovered in an hour",
        shows="Sessions that recovery closed in the hour before each point, by trigger: automatic "
        "(auto), by hand (manual), or with a server that stopped (close).",
        act="a rising rate is a bug in the application, which loses the ends of its sessions: "
        "check what was deployed when it began, not recovery.",
        no_data=NOTHING,
        runbook="SessionsRecoveryRateHigh",
    )
    hour = scope.fold(RECOVERED, call="increase({}[1h])")
    query = Query(
        f"{{{{trigger}}}} {BY_SOURCE}", scope.worst(hour, scope.fold(RECOVERED, call=RISE))
    )
    return build_graph(text, [query], unit="none", width=width)


def brakes(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a brake was on."""
    text = PanelText(
        "Brakes over time",
        shows="When a brake kept automatic recovery from closing anything. `share`, `count`, "
        "`owner` and `returned` last until a person resumes. `grace` and `clock` are on for some "
        "time after a start, a failover or a step of the clock. In a gap the brake was off, or "
        "unknown.",
        act="`silent` means that the application is down; for the four that last, check whether "
        f"the sessions are really over. {HELD}",
        no_data="no brake on, or unknown",
        runbook="SessionsRecoveryBraked",
    )
    shown = scope.worst(f"{scope.fold(RECOVERY_BRAKE)} > 0", scope.fold(RECOVERY_BRAKE, call=MEAN))
    query = Query(f"{{{{brake}}}} {BY_SOURCE}", shown)
    return build_states(text, query, _BRAKES, width=width, height=8)


def failures(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why recovery failed."""
    text = PanelText(
        "Failed recoveries by reason",
        shows="Runs of recovery that failed in the interval before each bar, by reason; `refused` "
        "counts sessions that a constraint or a trigger of the application kept from closing.",
        act=f"the runbook says what to do for each reason. {PLAN}",
        no_data="none failed, or unknown",
        runbook="SessionsRecoveryFailing",
    )
    failed = scope.fold(RECOVERY_FAILED, call="increase({}[$__rate_interval])")
    shown = scope.worst(f"{failed} > 0", scope.fold(RECOVERY_FAILED, call=RISE))
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", shown)
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
    shown = scope.worst(f"{skipped} > 0", scope.fold(RECOVERY_SKIPPED, call=RISE))
    query = Query(f"{{{{reason}}}} {BY_SOURCE}", shown)
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
        no_data=NOTHING,
        runbook="SessionsRecoveryContradicted",
    )
    families = {
        "returned": RETURNED,
        "contradicted": RECOVERY_CONTRADICTED,
        "undone": RECOVERY_UNDONE,
    }
    queries = [
        Query(
            f"{name} {BY_SOURCE}",
            scope.worst(
                in_an_hour(scope, family), scope.fold(family, call=RISE), among=len(families)
            ),
        )
        for name, family in families.items()
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
        act=f"{HELD} If candidates do not decrease and none is held, see the failures and "
        "the skipped sessions. Those older than `max_age` are closed only by hand, with --backlog.",
        no_data=NOTHING,
        runbook="SessionsRecoveryBraked",
    )
    queries = [
        Query(f"candidates {BY_SOURCE}", scope.fold(RECOVERY_CANDIDATES)),
        Query(f"held {BY_SOURCE}", scope.fold(RECOVERY_HELD)),
        Query(f"orphaned {BY_SOURCE}", scope.fold(ORPHANED)),
    ]
    return build_graph(text, queries, unit="none", width=width)
