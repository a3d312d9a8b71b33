"""Details by the labels that a source declares, whatever their names are."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About
from dashboards.columns import Column
from dashboards.panels import lines
from dashboards.queries import REPLICAS, Query, Scope
from dashboards.tables import table
from exporter.metrics.catalog import (
    ACTIVE,
    DAILY_AVERAGE_DURATION,
    DAILY_ENDED,
    DAILY_STARTED,
    DAILY_STILL_ACTIVE,
    ORPHANED,
    OVERLONG,
    TODAY_STARTED,
)

_NO_DATA = "no labels declared, or unknown"
#: The same in every row of a dashboard about one source.
_KNOWN = ("job", "database", "source")


def counts(scope: Scope) -> dashboard.Panel:
    """List the counts of now for each combination of declared labels."""
    about = About(
        "By declared label",
        shows="The counts of this source, split by the labels that it declares in config.yaml. "
        "Everything that is not declared is `other`.",
        act="one value with most of the orphans tells which part of the application loses ends.",
        no_data=_NO_DATA,
    )
    columns = [
        Column("orphaned", scope.fold(ORPHANED.by_label), lasting=True),
        Column("active", scope.fold(ACTIVE.by_label)),
        Column("overlong", scope.fold(OVERLONG.by_label), no_data="n/a"),
        Column("started today", scope.fold(TODAY_STARTED.by_label), no_data="n/a"),
    ]
    return table(about, columns, labels=[], hide=_KNOWN, sort="orphaned", others_first=True)


def orphaned(scope: Scope) -> dashboard.Panel:
    """Draw the orphans of each combination of declared labels."""
    about = About(
        "Orphaned sessions by declared label",
        shows="Orphaned sessions, split by the labels that the source declares.",
        act="see which line rises: there the ends are lost.",
        no_data=_NO_DATA,
    )
    # Grafana names the lines after the labels that are left: nobody here knows what they are.
    left = f"max without ({REPLICAS}, {', '.join(_KNOWN)})"
    query = Query("__auto", f"{left} ({scope.series(ORPHANED.by_label)})")
    return lines(about, [query], unit="none")


def days(scope: Scope) -> dashboard.Panel:
    """List the days for each combination of declared labels, the newest first."""
    about = About(
        "Daily statistics by declared label",
        shows="Sessions by the day of their start and the declared labels, the newest day first.",
        act="compare a value with itself on other days; the total is in the table above.",
        no_data=_NO_DATA,
    )
    columns = [
        Column("started", scope.fold(DAILY_STARTED.by_label), lasting=True),
        Column("ended", scope.fold(DAILY_ENDED.by_label)),
        Column("still active", scope.fold(DAILY_STILL_ACTIVE.by_label)),
        Column(
            "average duration",
            scope.fold(DAILY_AVERAGE_DURATION.by_label),
            "s",
            no_data="none ended",
            decimals=1,
        ),
    ]
    return table(
        about, columns, labels=["date"], hide=_KNOWN, sort="date", others_first=True, width=24
    )
