"""The service level: the share of sessions that end properly, over 28 days.

A session is lost when it is orphaned, or when recovery closed it; it counts on the day of its
start. A day is settled when a session that started at its end would be orphaned by now.
"""

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph, build_stat
from dashboards.panels.tables import build_bars, build_table
from dashboards.panels.text import BAD, Levels, PanelText
from dashboards.queries import BY_SOURCE, REPLICAS, RISE, Query, Scope, sum_by_place
from exporter.metrics.catalog import (
    ACTIVE,
    ALERT_THRESHOLD,
    DAILY_LOST,
    DAILY_STARTED,
    LOST,
    OBJECTIVE,
    ORPHANED,
    ORPHANED_AFTER,
    ORPHANED_EXCESS,
    RECOVERY_MODE,
    RETURNED,
    Family,
)

#: The settled days, and those that are settled with an `orphaned_after` of more than a day.
_DAYS, _LATE_DAYS = (f'days_ago=~"{first}|1[0-9]|2[0-8]"' for first in ("[2-9]", "[89]"))
_NO_DATA = "unknown, or no daily statistics of settled days"
_SHARE = "percentunit"
_LEFT = Levels(fine=0, base=BAD)
_ACT = (
    "see on which days sessions were lost, and what was deployed then; `session-exporter orphans` "
    "lists those that are orphaned now."
)


def _in_28_days(scope: Scope, family: Family) -> str:
    """Add up the settled days: those of each replica, because one may be a day ahead."""
    late = f"{scope.series(ORPHANED_AFTER)} > 86400"
    days = (
        f"{scope.series(family, _DAYS)} unless ignoring (days_ago) {late} "
        f"or {scope.series(family, _LATE_DAYS)}"
    )
    return f"{family.fold} without ({REPLICAS}) (sum without (days_ago) ({days}))"


def _lost(scope: Scope) -> str:
    """Compute the share of sessions that were lost; no value where none started."""
    return f"{_in_28_days(scope, DAILY_LOST)} / ({_in_28_days(scope, DAILY_STARTED)} > 0)"


def _level(scope: Scope) -> str:
    return f"1 - {_lost(scope)}"


def _budget_left(scope: Scope) -> str:
    """Compute which part of the losses that the objective allows is left; below 0, exceeded."""
    return f"1 - {_lost(scope)} / (1 - {scope.fold(OBJECTIVE)})"


def current(scope: Scope, *, width: int = 3) -> dashboard.Panel:
    """Show the service level of all sources together."""
    text = PanelText(
        "Sessions that ended properly",
        shows="The share of sessions that the application ended itself: neither orphaned nor "
        "closed by recovery. Those that started from 28 to two days ago, as far as `daily.days` "
        "goes back; red when a source is below its objective.",
        act=_ACT,
        no_data=_NO_DATA,
    )
    lost, started = (_in_28_days(scope, family) for family in (DAILY_LOST, DAILY_STARTED))
    share = f"1 - sum({lost}) / (sum({started}) > 0)"
    below = f"count({_budget_left(scope)} < 0)"
    queries = [Query("met", f"{share} unless {below}"), Query("missed", f"{share} and {below}")]
    return build_stat(
        text,
        queries,
        unit=_SHARE,
        levels=Levels(),
        levels_of={1: Levels(base=BAD)},
        names=False,
        width=width,
        decimals=2,
    )


def below_objective(scope: Scope) -> dashboard.Panel:
    """Show how many sources miss their objective."""
    text = PanelText(
        "Sources below their objective",
        shows="Sources that lost more sessions in 28 days than their `objective` allows, and "
        "sources of which that is unknown.",
        act=_ACT,
        no_data="no objective declared",
    )
    # From the config, and so always served where it is declared.
    declared = f"count({scope.fold(OBJECTIVE)})"
    left = _budget_left(scope)
    unknown = f"{declared} - (count({left}) or 0 * {declared})"
    queries = [
        Query("below", f"sum({left} < bool 0) or 0 * {declared}"),
        Query("unknown", unknown),
    ]
    return build_stat(text, queries, unit="none", levels=Levels(), levels_of={0: Levels(bad=1)})


def objective(scope: Scope, *, width: int = 6) -> dashboard.Panel:
    """Show the objective of a source."""
    text = PanelText(
        "Objective",
        shows="`objective` of this source: the share of sessions that should end properly.",
        act="set what the users of the application need; config.yaml is the only place for it.",
        no_data="none declared",
    )
    query = Query("objective", scope.fold(OBJECTIVE))
    return build_stat(text, [query], unit=_SHARE, width=width)


def budget_left(scope: Scope, *, width: int = 6) -> dashboard.Panel:
    """Show how many more sessions may be lost."""
    text = PanelText(
        "Budget left",
        shows="Which part of the losses that the objective allows in 28 days is left; below 0 the "
        "objective is missed.",
        act=_ACT,
        no_data="unknown, or no objective",
    )
    query = Query("left", _budget_left(scope))
    return build_stat(text, [query], unit=_SHARE, levels=_LEFT, width=width, decimals=0)


def excess(scope: Scope, *, width: int = 6) -> dashboard.Panel:
    """Show for how long the orphans have been orphaned."""
    text = PanelText(
        "Time beyond the threshold",
        shows="How long the orphaned sessions have been orphaned, added up: the time that users "
        "are charged for, or locked out, without a session.",
        act="close the oldest ones first: `session-exporter recover SOURCE` shows what it would "
        "close.",
        runbook="SessionsOldestOrphanTooOld",
    )
    query = Query("excess", f"sum({scope.fold(ORPHANED_EXCESS)})")
    return build_stat(text, [query], unit="s", width=width, decimals=1)


def by_source(scope: Scope, *, width: int = 24) -> dashboard.Panel:
    """List the sources, the one with the least budget first."""
    text = PanelText(
        "Service level by source",
        shows="The sessions of the settled days, those that were lost, the share that ended "
        "properly, the objective, and which part of the losses that it allows is left.",
        act=_ACT,
        no_data=_NO_DATA,
    )
    level = _level(scope)
    columns = [
        Column("budget left", _budget_left(scope), _SHARE, "no objective", _LEFT, decimals=0),
        Column("ended properly", level, _SHARE, "none started", decimals=2),
        Column("objective", scope.fold(OBJECTIVE), _SHARE, "none"),
        Column("lost", _in_28_days(scope, DAILY_LOST)),
        Column("started", _in_28_days(scope, DAILY_STARTED), lasting=True),
    ]
    # Those without an objective come last.
    rank = f"({_budget_left(scope)} or 1 + {level} or 2 + 0 * {_in_28_days(scope, DAILY_STARTED)})"
    return build_table(
        text,
        [replace(each, expr=scope.worst(each.expr, rank, lowest=True)) for each in columns],
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="budget left",
        descending=False,
        width=width,
    )


def by_place(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """List the clusters, which other numbers add up."""
    text = PanelText(
        "Clusters, namespaces and jobs",
        shows="The sources of each job in each namespace and cluster, added up. Numbers without a "
        "name beside them are the sum of what is chosen at the top.",
        act="choose the cluster at the top, and the whole dashboard is about it.",
        no_data="no source: is the exporter scraped?",
    )
    above = f"{scope.fold(ORPHANED)} > bool {scope.fold(ALERT_THRESHOLD)}"
    lost, started = (
        sum_by_place(_in_28_days(scope, family)) for family in (DAILY_LOST, DAILY_STARTED)
    )
    columns = [
        Column("above", sum_by_place(above), no_data="unknown", levels=Levels(bad=1)),
        Column("orphaned", sum_by_place(scope.fold(ORPHANED))),
        Column("active", sum_by_place(scope.fold(ACTIVE))),
        Column("sources", sum_by_place(scope.fold(RECOVERY_MODE)), lasting=True),
        Column("ended properly", f"1 - {lost} / ({started} > 0)", _SHARE, decimals=2),
    ]
    return build_table(
        text,
        columns,
        labels=["cluster", "namespace", "job"],
        last=(),
        sort="above",
        width=width,
    )


def lost_by_day(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the share of the sessions of each day that was lost."""
    text = PanelText(
        "Share lost by day of the start",
        shows="The share of the sessions that started on each day and are orphaned, or were closed "
        "by recovery. The last two days may still change.",
        act=_ACT,
        no_data="unknown, or no daily statistics declared",
    )
    lost, started = (
        f"sum by (date) ({scope.fold_dates(family)})" for family in (DAILY_LOST, DAILY_STARTED)
    )
    column = Column("lost", f"{lost} / ({started} > 0)")
    return build_bars(text, [column], x="date", unit=_SHARE, colors={"lost": "red"}, width=width)


def lost_in_an_hour(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions became orphaned, and how many of those returned."""
    text = PanelText(
        "Lost and returned in an hour",
        shows="Sessions that became orphaned in the hour before each point, and orphaned ones that "
        "showed life again or were ended by the application.",
        act="a jump means a crash, a deployment or a network fault about `orphaned_after` earlier. "
        "If most of them return, `orphaned_after` is too short.",
        runbook="SessionsOrphanedRising",
    )
    queries = [
        Query(
            f"{name} {BY_SOURCE}",
            scope.worst(scope.fold(family, call="increase({}[1h])"), scope.fold(family, call=RISE)),
        )
        for name, family in (("lost", LOST), ("returned", RETURNED))
    ]
    return build_graph(text, queries, unit="none", width=width)
