"""Current numbers about sessions, summed over all sources of a dashboard."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph, build_stat
from dashboards.panels.text import BAD, Levels, PanelText
from dashboards.queries import BY_SOURCE, HIGHEST, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    ALERT_THRESHOLD,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SUCCESS,
    INCONSISTENT,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED,
    OVERLONG,
    RECOVERY_MODE,
)

_LIST = "`session-exporter orphans` lists the rows behind the number."


def above_threshold(scope: Scope) -> dashboard.Panel:
    """Show how many sources have more orphans than their threshold."""
    text = PanelText(
        "Sources above threshold",
        shows="Sources with more orphaned sessions than their `alert_above` (after five minutes "
        "that pages), and sources whose number of orphaned sessions is unknown.",
        act=f"see below which source it is, and since when. {_LIST} An unknown source may be above "
        "its threshold too: see why its collections fail.",
        runbook="SessionsOrphanedAboveThreshold",
    )
    above = f"sum({scope.fold(ORPHANED)} > bool {scope.fold(ALERT_THRESHOLD)})"
    # The mode comes from the config and is always served: it shows which sources are declared.
    declared = f"sum({scope.fold(RECOVERY_MODE)})"
    unknown = f"{declared} - (count({scope.fold(ORPHANED)}) or 0 * {declared})"
    queries = [Query("above", above), Query("unknown", unknown)]
    return build_stat(
        text, queries, unit="none", levels=Levels(warning=1), levels_of={0: Levels(bad=1)}
    )


def orphaned(scope: Scope) -> dashboard.Panel:
    """Show how many sessions are orphaned."""
    text = PanelText(
        "Orphaned sessions",
        shows="Active sessions without a sign of life for longer than `orphaned_after`; red when a "
        "source has more than its `alert_above`. The sum leaves out sources whose number is "
        "unknown.",
        act=f"compare with the threshold of the source. {_LIST}",
        runbook="SessionsOrphanedAboveThreshold",
    )
    number = f"sum({scope.fold(ORPHANED)})"
    above = f"count({scope.fold(ORPHANED)} > {scope.fold(ALERT_THRESHOLD)})"
    # The color is that of the query which has an answer: a color by the value would need one
    # number for all sources.
    queries = [
        Query("orphaned", f"{number} unless {above}"),
        Query("above", f"{number} and {above}"),
    ]
    return build_stat(
        text, queries, unit="none", levels=Levels(), levels_of={1: Levels(base=BAD)}, names=False
    )


def threshold(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Show the threshold of the alert."""
    text = PanelText(
        "Threshold",
        shows="`alert_above` of this source: the alert fires above this number of orphaned "
        "sessions.",
        act="if it pages without need, raise it in config.yaml, the only place that sets it.",
        no_data="none: never alerts",
        runbook="SessionsOrphanedAboveThreshold",
    )
    query = Query("threshold", scope.fold(ALERT_THRESHOLD))
    return build_stat(text, [query], unit="none", width=width)


def active(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Show how many sessions are active."""
    text = PanelText(
        "Active sessions",
        shows="Sessions that satisfy the `active` condition, orphaned ones included.",
        act="0 at a busy hour means that no sessions start; see how many started today.",
        runbook="SessionsStartsDropped",
    )
    query = Query("active", f"sum({scope.fold(ACTIVE)})")
    return build_stat(text, [query], unit="none", width=width)


def oldest_orphan(scope: Scope) -> dashboard.Panel:
    """Show how long the longest silent orphan has been silent."""
    text = PanelText(
        "Oldest orphan silent for",
        shows="Time since the longest silent orphaned session was last seen.",
        act="many days mean that such sessions are never ended: a backlog, not an incident of "
        f"today. {_LIST}",
        no_data="no orphan known",
        runbook="SessionsOldestOrphanTooOld",
    )
    query = Query("silent", f"max({scope.age(OLDEST_ORPHAN_LAST_SEEN)})")
    return build_stat(text, [query], unit="s", decimals=1)


def overlong(scope: Scope) -> dashboard.Panel:
    """Show how many sessions are kept alive for too long."""
    text = PanelText(
        "Overlong sessions",
        shows="Sessions that still show signs of life and started longer ago than "
        "`overlong_after`.",
        act="find out what keeps them alive: often a client that reconnects forever.",
        no_data="not declared, or unknown",
        runbook="SessionsOverlong",
    )
    query = Query("overlong", f"sum({scope.fold(OVERLONG)})")
    return build_stat(text, [query], unit="none", levels=Levels(warning=1))


def inconsistent(scope: Scope) -> dashboard.Panel:
    """Show how many rows contradict themselves."""
    text = PanelText(
        "Inconsistent rows",
        shows="Rows that contradict themselves, of all kinds.",
        act="see which kind it is; docs/metrics.md describes each kind. The cause of `future` is "
        "often a wrong `timestamps_in`; that of `seen_after_end`, what closes sessions that live.",
        runbook="SessionsInconsistent",
    )
    query = Query("rows", f"sum({scope.fold(INCONSISTENT)})")
    return build_stat(text, [query], unit="none", levels=Levels(warning=1))


def failing(scope: Scope) -> dashboard.Panel:
    """Show how many collections fail, and so how complete the other numbers are."""
    text = PanelText(
        "Failing collections",
        shows="Collectors whose last run failed, or that have had no success yet. Their counts are "
        "missing from the numbers beside this one.",
        act="see the reasons in the last row, and the message on the status page of the exporter.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    query = Query("failing", f"sum(1 - {scope.fold(COLLECTION_SUCCESS)})")
    return build_stat(text, [query], unit="none", levels=Levels(warning=1))


def data_age(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Show the age of the oldest counts."""
    text = PanelText(
        "Age of counts",
        shows="Time since the last successful count, for the source where that is longest ago. "
        "While collections fail, the last counts are shown for at most `stale_after`.",
        act="the database is slow or cannot be reached; see the last row.",
        no_data="never counted",
        runbook="SessionsDataStale",
    )
    query = Query("age", f"max({scope.age(COLLECTION_LAST_SUCCESS, COUNTS)})")
    return build_stat(text, [query], unit="s", decimals=0, width=width)


#: The collector of counts and ages.
COUNTS = 'collector="active"'


def orphaned_over_time(scope: Scope, *, width: int = 14) -> dashboard.Panel:
    """Show the orphans of each source beside its threshold."""
    text = PanelText(
        "Orphaned sessions and threshold",
        shows="Orphaned sessions by source; dashed, the source's `alert_above`.",
        act="a slow rise means that ends are lost one by one; a jump means a crash, a deployment "
        "or a network fault at that moment. In a gap the number is unknown.",
        runbook="SessionsOrphanedRising",
    )
    most = scope.fold(ORPHANED, call=HIGHEST)
    limit = scope.worst(scope.fold(ALERT_THRESHOLD), most)
    return build_graph(
        text,
        [Query(BY_SOURCE, scope.highest(ORPHANED))],
        limits=[Query(f"threshold {BY_SOURCE}", limit)],
        unit="none",
        width=width,
        height=7,
    )
