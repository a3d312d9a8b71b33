"""The sources: current values of each, and their history."""

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph, build_states
from dashboards.panels.tables import build_table
from dashboards.panels.text import BAD, FAILING, OK, Levels, PanelText, States
from dashboards.queries import AT_THE_END, BY_SOURCE, HIGHEST, LOWEST, PLACE, REPLICAS, Query, Scope
from dashboards.rows.sessions.current_state import COUNTS
from exporter.metrics.catalog import (
    ACTIVE,
    ALERT_THRESHOLD,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SUCCESS,
    INCONSISTENT,
    KEYS_AT_LIMIT,
    KEYS_BLOCKED,
    NEWEST_START,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED,
    OVERLONG,
    RECOVERY_MODE,
    ROWS_ESTIMATED,
)

_ABOVE: States = {"0": ("fine", OK), "1": ("above", BAD)}


def every_source(scope: Scope) -> dashboard.Panel:
    """List all sources, the one with most orphans first."""
    text = PanelText(
        "Sources",
        shows="The sources with their last counts, the worst first: those above their threshold, "
        "those whose number is unknown, then the others. A click on a source opens its dashboard.",
        act="open the source that is above its threshold. An empty cell means unknown or not "
        "applicable, never 0.",
        no_data="no source: is the exporter scraped?",
        runbook="SessionsOrphanedAboveThreshold",
    )
    orphaned, threshold = scope.fold(ORPHANED), scope.fold(ALERT_THRESHOLD)
    above = f"{orphaned} > bool {threshold}"
    some = Levels(warning=1)
    newest = scope.age(NEWEST_START)
    collected = f"min without (collector) ({scope.fold(COLLECTION_SUCCESS)})"
    counted = f"max without (collector) ({scope.fold(COLLECTION_LAST_SUCCESS, COUNTS)})"
    columns = [
        Column("state", above, no_data="unknown, or no threshold", meanings=_ABOVE),
        Column("orphaned", orphaned, no_data="unknown"),
        Column("threshold", threshold, no_data="none"),
        Column("oldest orphan", scope.age(OLDEST_ORPHAN_LAST_SEEN), "s", no_data="none known"),
        Column("active", scope.fold(ACTIVE), no_data="unknown"),
        Column("overlong", scope.fold(OVERLONG), no_data="n/a, unknown", levels=some),
        Column("inconsistent", f"sum without (kind) ({scope.fold(INCONSISTENT)})"),
        Column("newest start ago", newest, "s", no_data="none known", decimals=0),
        # Every source always has this metric, so that no source is missing from the table.
        Column("collections", collected, meanings=FAILING, lasting=True),
        Column("counted ago", f"time() - {counted}", "s", no_data="never"),
        Column("blocked users", scope.fold(KEYS_BLOCKED), no_data="n/a, unknown", levels=some),
    ]
    rank = _rank(scope)
    return build_table(
        text,
        [replace(each, expr=scope.worst(each.expr, rank)) for each in columns],
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="orphaned",
        width=24,
        height=9,
    )


def _rank(scope: Scope) -> str:
    """Rank sources: those above their threshold, then those that are unknown, then the others."""
    orphaned, threshold = scope.fold(ORPHANED), scope.fold(ALERT_THRESHOLD)
    known = f"{orphaned} - {threshold} or -1 / (1 + {orphaned})"
    return f"({known} or 0.5 * sum without (mode) ({scope.fold(RECOVERY_MODE)}))"


def above_over_time(scope: Scope) -> dashboard.Panel:
    """Show when each source was above its threshold."""
    text = PanelText(
        "Above threshold, by source",
        shows="When a source had more orphaned sessions than its `alert_above`.",
        act="find out what happened when the red begins: a deployment, a restart, a network fault.",
        no_data="unknown, or no threshold declared",
        runbook="SessionsOrphanedAboveThreshold",
    )
    threshold = scope.fold(ALERT_THRESHOLD)
    above = f"{scope.fold(ORPHANED)} > bool {threshold}"
    most = f"{scope.fold(ORPHANED, call=HIGHEST)} - {scope.fold(ALERT_THRESHOLD, call=AT_THE_END)}"
    return build_states(text, Query(BY_SOURCE, scope.worst(above, most)), _ABOVE)


def active_over_time(scope: Scope, *, width: int = 12, height: int = 6) -> dashboard.Panel:
    """Show how many sessions were active."""
    text = PanelText(
        "Active sessions over time",
        shows="Active sessions, orphaned ones included.",
        act="a line that only rises means that sessions never end; one that falls to 0 means that "
        "none start.",
        runbook="SessionsStartsDropped",
    )
    query = Query(BY_SOURCE, scope.highest(ACTIVE))
    return build_graph(text, [query], unit="none", width=width, height=height)


def change(scope: Scope, *, width: int = 12, height: int = 6) -> dashboard.Panel:
    """Show whether the number of orphans rises."""
    text = PanelText(
        "Orphaned sessions: change in an hour",
        shows="How many more sessions are orphaned than an hour before; below 0, how many fewer.",
        act="above 0 for hours means that ends are being lost now: check the application that "
        "should write them.",
        runbook="SessionsOrphanedRising",
    )
    hour = scope.fold(ORPHANED, call="delta({}[1h])")
    low = f"max without ({REPLICAS}) ({LOWEST.format(scope.series(ORPHANED))})"
    variation = f"{scope.fold(ORPHANED, call=HIGHEST)} - {low}"
    query = Query(BY_SOURCE, scope.worst(hour, variation))
    return build_graph(text, [query], unit="none", lowest=None, width=width, height=height)


def contradictions(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the kinds of rows that contradict themselves."""
    text = PanelText(
        "Inconsistent rows by kind",
        shows="Rows that contradict themselves, by kind.",
        act="docs/metrics.md describes each kind. The application writes such rows: correct it "
        "there.",
        runbook="SessionsInconsistent",
    )
    query = Query("{{kind}} " + PLACE, scope.fold(INCONSISTENT))
    return build_graph(text, [query], unit="none", width=width, height=6)


def overlong_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions were kept alive for too long."""
    text = PanelText(
        "Overlong sessions over time",
        shows="Sessions with signs of life that started longer ago than `overlong_after`.",
        act="find out what keeps them alive: often a client that reconnects forever.",
        no_data="unknown, or no overlong_after declared",
        runbook="SessionsOverlong",
    )
    query = Query(BY_SOURCE, scope.fold(OVERLONG))
    return build_graph(text, [query], unit="none", width=width, height=6)


def blocked(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many users orphaned sessions lock out."""
    text = PanelText(
        "Blocked users",
        shows="Keys of `limit_per`, such as users, with as many active sessions as they may have: "
        "they cannot start another one. Blocked are those that could if their orphaned sessions "
        "were closed.",
        act="`session-exporter orphans SOURCE --blocked` lists the blocked ones. Close their "
        "orphaned sessions.",
        no_data="unknown, or no limit_per declared",
        runbook="SessionsOrphanedAboveThreshold",
    )
    queries = [
        Query(f"blocked by orphans {BY_SOURCE}", scope.fold(KEYS_BLOCKED)),
        Query(f"at the limit {BY_SOURCE}", scope.fold(KEYS_AT_LIMIT)),
    ]
    return build_graph(text, queries, unit="none", width=width, height=6)


def size(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the estimated size of the table."""
    text = PanelText(
        "Rows in the table",
        shows="Rows as estimated by the planner: as accurate as the last ANALYZE.",
        act="a table that keeps growing needs an index, or its collections get slower; "
        "`session-exporter sql index` prints one.",
        no_data="unknown, or never analyzed",
        runbook="SessionsIndexMissing",
    )
    query = Query(BY_SOURCE, scope.fold(ROWS_ESTIMATED))
    return build_graph(text, [query], unit="short", width=width)
