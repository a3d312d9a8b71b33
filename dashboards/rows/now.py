"""Is something wrong now? Numbers of this moment, over all sources that a dashboard is about."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About, Levels
from dashboards.panels import lines, single
from dashboards.queries import BY_SOURCE, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    ALERT_THRESHOLD,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SUCCESS,
    INCONSISTENT,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED,
    ORPHANED_AFTER,
    OVERLONG,
)

_LIST = "`session-exporter orphans` lists the rows behind the number."


def above_threshold(scope: Scope) -> dashboard.Panel:
    """Say how many sources have more orphans than are all right."""
    about = About(
        "Sources above threshold",
        shows="Sources with more orphaned sessions than their `alert_above` (after five minutes "
        "that pages), and those of which nobody knows how many they have.",
        act=f"see below which source it is, and since when. {_LIST} Unknown can be above as well: "
        "see why its collections fail.",
        runbook="SessionsOrphanedAboveThreshold",
    )
    above = f"sum({scope.fold(ORPHANED)} > bool {scope.fold(ALERT_THRESHOLD)})"
    # Limits are there as long as the exporter is, and so tell which sources there should be.
    declared = f"count({scope.fold(ORPHANED_AFTER)})"
    unknown = f"{declared} - (count({scope.fold(ORPHANED)}) or 0 * {declared})"
    queries = [Query("above", above), Query("unknown", unknown)]
    return single(
        about, queries, unit="none", levels=Levels(warning=1), levels_of={0: Levels(bad=1)}
    )


def orphaned(scope: Scope) -> dashboard.Panel:
    """Say how many sessions are orphaned."""
    about = About(
        "Orphaned sessions",
        shows="Active sessions without a sign of life for longer than `orphaned_after`. Where the "
        "number is unknown it is not in the sum.",
        act=f"compare with the threshold of the source. {_LIST}",
        runbook="SessionsOrphanedAboveThreshold",
    )
    query = Query("orphaned", f"sum({scope.fold(ORPHANED)})")
    return single(about, [query], unit="none", levels=Levels(warning=1))


def threshold(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Say how many orphans are all right."""
    about = About(
        "Threshold",
        shows="`alert_above` of this source: more orphaned sessions than this page somebody.",
        act="a threshold that pages for nothing is raised in config.yaml, and nowhere else.",
        no_data="none: never alerts",
        runbook="SessionsOrphanedAboveThreshold",
    )
    query = Query("threshold", scope.fold(ALERT_THRESHOLD))
    return single(about, [query], unit="none", width=width)


def active(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Say how many sessions are active."""
    about = About(
        "Active sessions",
        shows="Sessions that satisfy the `active` condition, orphaned ones included.",
        act="0 at a busy hour means that nothing starts; see how many started today.",
        runbook="SessionsStartsDropped",
    )
    query = Query("active", f"sum({scope.fold(ACTIVE)})")
    return single(about, [query], unit="none", width=width)


def oldest_orphan(scope: Scope) -> dashboard.Panel:
    """Say for how long the longest silent orphan is silent."""
    about = About(
        "Oldest orphan silent for",
        shows="Time since the orphaned session that is silent for longest was last seen.",
        act="many days mean that nothing ever ends such sessions: it is a backlog and not an "
        f"accident of today. {_LIST}",
        no_data="no orphan known",
        runbook="SessionsOldestOrphanTooOld",
    )
    query = Query("silent", f"max({scope.age(OLDEST_ORPHAN_LAST_SEEN)})")
    return single(about, [query], unit="s", decimals=1)


def overlong(scope: Scope) -> dashboard.Panel:
    """Say how many sessions are kept alive for too long."""
    about = About(
        "Overlong sessions",
        shows="Sessions that still show signs of life and started longer ago than "
        "`overlong_after`.",
        act="find out what keeps them alive: often a client that reconnects for ever.",
        no_data="not declared, or unknown",
        runbook="SessionsOverlong",
    )
    query = Query("overlong", f"sum({scope.fold(OVERLONG)})")
    return single(about, [query], unit="none", levels=Levels(warning=1))


def inconsistent(scope: Scope) -> dashboard.Panel:
    """Say how many rows contradict themselves."""
    about = About(
        "Inconsistent rows",
        shows="Rows that contradict themselves, of all kinds.",
        act="see which kind it is; docs/metrics.md says what each counts. `future` is often a "
        "wrong `timestamps_in`.",
        runbook="SessionsInconsistent",
    )
    query = Query("rows", f"sum({scope.fold(INCONSISTENT)})")
    return single(about, [query], unit="none", levels=Levels(warning=1))


def failing(scope: Scope) -> dashboard.Panel:
    """Say how many collections fail, so that no number here is taken for more than it is."""
    about = About(
        "Failing collections",
        shows="Collectors whose last run failed, or that had no success yet. What they count is "
        "missing from the numbers beside this one.",
        act="see the reasons in the last row, and the message on the exporter's own page.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    query = Query("failing", f"sum(1 - {scope.fold(COLLECTION_SUCCESS)})")
    return single(about, [query], unit="none", levels=Levels(warning=1))


def data_age(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Say how old the oldest of the counts is."""
    about = About(
        "Age of counts",
        shows="Time since the last successful count, of the source where that is longest ago. "
        "While counts fail the old ones are shown, for `stale_after` at most.",
        act="the database is slow or out of reach; see the last row.",
        no_data="never counted",
        runbook="SessionsDataStale",
    )
    query = Query("age", f"max({scope.age(COLLECTION_LAST_SUCCESS, COUNTS)})")
    return single(about, [query], unit="s", decimals=0, width=width)


#: Counts and ages are what this collector reads.
COUNTS = 'collector="active"'


def orphaned_over_time(scope: Scope, *, width: int = 14) -> dashboard.Panel:
    """Show the orphans of each source beside what is all right."""
    about = About(
        "Orphaned sessions and threshold",
        shows="Orphaned sessions by source; dashed, the source's `alert_above`.",
        act="a slow rise is sessions whose end is lost one by one; a jump is a crash, a deployment "
        "or a network fault at that moment. A gap is a time when nobody counted.",
        runbook="SessionsOrphanedRising",
    )
    return lines(
        about,
        [Query(BY_SOURCE, scope.fold(ORPHANED))],
        limits=[Query(f"threshold {BY_SOURCE}", scope.fold(ALERT_THRESHOLD))],
        unit="none",
        width=width,
        height=7,
    )
