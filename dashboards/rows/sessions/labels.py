"""Counts by the labels that a source declares."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph
from dashboards.panels.tables import build_table
from dashboards.panels.text import PanelText
from dashboards.queries import REPLICAS, SOURCE_KEYS, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    DAILY_ENDED,
    DAILY_KNOWN_DURATION,
    DAILY_LOST,
    DAILY_RECOVERED,
    DAILY_STARTED,
    DAILY_STILL_ACTIVE,
    DAILY_TIMED,
    ORPHANED,
    OVERLONG,
    TODAY_STARTED,
)

_NO_DATA = "no labels declared, or unknown"


def counts(scope: Scope) -> dashboard.Panel:
    """List the current counts for each combination of declared labels."""
    text = PanelText(
        "By declared label",
        shows="The counts of this source, split by the labels that it declares in config.yaml. "
        "Values that are not declared count as `other`.",
        act="a value with most of the orphans shows which part of the application loses ends.",
        no_data=_NO_DATA,
    )
    columns = [
        Column("orphaned", scope.fold(ORPHANED.by_label), lasting=True),
        Column("active", scope.fold(ACTIVE.by_label)),
        Column("overlong", scope.fold(OVERLONG.by_label), no_data="n/a"),
        Column("started today", scope.fold(TODAY_STARTED.by_label), no_data="n/a"),
    ]
    return build_table(text, columns, labels=[], hide=SOURCE_KEYS, sort="orphaned", others=True)


def orphaned(scope: Scope) -> dashboard.Panel:
    """Show the orphans of each combination of declared labels."""
    text = PanelText(
        "Orphaned sessions by declared label",
        shows="Orphaned sessions, split by the labels that the source declares.",
        act="see which line rises: that part of the application loses ends.",
        no_data=_NO_DATA,
    )
    # Grafana names the lines after the remaining labels, whose names only the config knows.
    left = f"max without ({REPLICAS}, {', '.join(SOURCE_KEYS)})"
    query = Query("__auto", f"{left} ({scope.series(ORPHANED.by_label)})")
    return build_graph(text, [query], unit="none")


def days(scope: Scope) -> dashboard.Panel:
    """List the days for each combination of declared labels, the newest first."""
    text = PanelText(
        "Daily statistics by declared label",
        shows="Sessions by the day of their start and the declared labels, the newest day first.",
        act="compare a value with the same value on other days; the table above has the totals.",
        no_data=_NO_DATA,
    )
    duration, timed = (
        scope.fold_dates(family.by_label) for family in (DAILY_KNOWN_DURATION, DAILY_TIMED)
    )
    columns = [
        Column("started", scope.fold_dates(DAILY_STARTED.by_label), lasting=True),
        Column("ended", scope.fold_dates(DAILY_ENDED.by_label)),
        Column("recovered", scope.fold_dates(DAILY_RECOVERED.by_label)),
        Column("lost", scope.fold_dates(DAILY_LOST.by_label)),
        Column("still active", scope.fold_dates(DAILY_STILL_ACTIVE.by_label)),
        Column(
            "average duration", f"{duration} / ({timed} > 0)", "s", no_data="none ended", decimals=1
        ),
    ]
    return build_table(
        text,
        columns,
        labels=["date"],
        hide=("days_ago", *SOURCE_KEYS),
        sort="date",
        others=True,
        width=24,
    )
