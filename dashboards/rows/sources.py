"""Which source is in trouble, and since when."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import BAD, FAILING, OK, About, Levels, States
from dashboards.columns import Column
from dashboards.links import to_database, to_source
from dashboards.panels import lines, states
from dashboards.queries import BY_SOURCE, PLACE, Query, Scope
from dashboards.rows.now import COUNTS
from dashboards.tables import table
from exporter.metrics.catalog import (
    ACTIVE,
    ALERT_THRESHOLD,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SUCCESS,
    INCONSISTENT,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED,
    OVERLONG,
    ROWS_ESTIMATED,
    TODAY_STARTED,
)

_ABOVE: States = {"0": ("fine", OK), "1": ("above", BAD)}


def every_source(scope: Scope) -> dashboard.Panel:
    """List all sources, the one with most orphans first."""
    about = About(
        "Sources",
        shows="Every source with what was counted last. A click on a source opens its dashboard.",
        act="open the source that is above its threshold. An empty cell is unknown or does not "
        "apply; it is never 0.",
        no_data="no source: is the exporter scraped?",
        runbook="SessionsOrphanedAboveThreshold",
    )
    orphaned, threshold = scope.fold(ORPHANED), scope.fold(ALERT_THRESHOLD)
    above = f"{orphaned} > bool {threshold}"
    some = Levels(warning=1)
    collected = f"min without (collector) ({scope.fold(COLLECTION_SUCCESS)})"
    columns = [
        Column("state", above, no_data="unknown, or no threshold", meanings=_ABOVE),
        Column("orphaned", orphaned, no_data="unknown"),
        Column("threshold", threshold, no_data="none"),
        Column("oldest orphan", scope.age(OLDEST_ORPHAN_LAST_SEEN), "s", no_data="none known"),
        Column("active", scope.fold(ACTIVE), no_data="unknown"),
        Column("overlong", scope.fold(OVERLONG), no_data="n/a, unknown", levels=some),
        Column("inconsistent", f"sum without (kind) ({scope.fold(INCONSISTENT)})", levels=some),
        Column("started today", scope.fold(TODAY_STARTED), no_data="n/a, unknown"),
        Column("rows, about", scope.fold(ROWS_ESTIMATED), "short", no_data="not analyzed"),
        # The one that every source always has, so that none is missing from the table.
        Column("collections", collected, meanings=FAILING, lasting=True),
        Column("counted ago", scope.age(COLLECTION_LAST_SUCCESS, COUNTS), "s", no_data="never"),
    ]
    return table(
        about,
        columns,
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="orphaned",
        width=24,
        height=9,
    )


def above_over_time(scope: Scope) -> dashboard.Panel:
    """Show since when a source is above its threshold."""
    about = About(
        "Above threshold, by source",
        shows="When a source had more orphaned sessions than its `alert_above`.",
        act="look at what happened when the red begins: a deployment, a restart, a network fault.",
        no_data="unknown, or no threshold declared",
        runbook="SessionsOrphanedAboveThreshold",
    )
    above = f"{scope.fold(ORPHANED)} > bool {scope.fold(ALERT_THRESHOLD)}"
    return states(about, Query(BY_SOURCE, above), _ABOVE)


def active_over_time(scope: Scope, *, width: int = 12, height: int = 6) -> dashboard.Panel:
    """Show how many sessions were active."""
    about = About(
        "Active sessions over time",
        shows="Sessions that are active, orphaned ones included.",
        act="a line that only rises is one whose sessions never end; one that falls to 0 is an "
        "application that starts none.",
        runbook="SessionsStartsDropped",
    )
    query = Query(BY_SOURCE, scope.fold(ACTIVE))
    return lines(about, [query], unit="none", width=width, height=height)


def change(scope: Scope, *, width: int = 12, height: int = 6) -> dashboard.Panel:
    """Show whether orphans keep coming."""
    about = About(
        "Orphaned sessions: change in an hour",
        shows="How many more sessions are orphaned than an hour before; below 0, how many fewer.",
        act="above 0 for hours means that ends are being lost right now: look at the application "
        "that should write them.",
        runbook="SessionsOrphanedRising",
    )
    query = Query(BY_SOURCE, scope.fold(ORPHANED, call="delta({}[1h])"))
    return lines(about, [query], unit="none", lowest=None, width=width, height=height)


def contradictions(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the kinds of rows that contradict themselves."""
    about = About(
        "Inconsistent rows by kind",
        shows="Rows that contradict themselves, by kind.",
        act="docs/metrics.md says what each kind counts; the application writes such rows, and "
        "the fix belongs there.",
        runbook="SessionsInconsistent",
    )
    query = Query("{{kind}} " + PLACE, scope.fold(INCONSISTENT))
    return lines(about, [query], unit="none", width=width, height=6)


def overlong_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions were kept alive for too long, and how big the table is."""
    about = About(
        "Overlong sessions over time",
        shows="Sessions with signs of life that started longer ago than `overlong_after`.",
        act="find out what keeps them alive: often a client that reconnects for ever.",
        no_data="unknown, or no overlong_after declared",
        runbook="SessionsOverlong",
    )
    query = Query(BY_SOURCE, scope.fold(OVERLONG))
    return lines(about, [query], unit="none", width=width, height=6)


def size(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how big the table is."""
    about = About(
        "Rows in the table",
        shows="Rows as the planner estimates them: as good as the last ANALYZE.",
        act="a table that only grows wants an index that serves, or its collections get slower "
        "with it; `session-exporter sql index` prints one.",
        no_data="unknown, or never analyzed",
        runbook="SessionsIndexMissing",
    )
    query = Query(BY_SOURCE, scope.fold(ROWS_ESTIMATED))
    return lines(about, [query], unit="short", width=width)
