"""What do the last days look like? A day is one in the time zone of the source."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About
from dashboards.columns import Column
from dashboards.panels import lines
from dashboards.queries import BY_SOURCE, Query, Scope
from dashboards.tables import bars, table
from exporter.metrics.catalog import (
    DAILY_AVERAGE_DURATION,
    DAILY_ENDED,
    DAILY_STARTED,
    DAILY_STILL_ACTIVE,
    TODAY_STARTED,
    Family,
)

_NO_DATA = "unknown, or no daily statistics declared"
_COLORS = {"ended": "green", "still active": "orange"}


def _by_date(scope: Scope, family: Family) -> str:
    return f"sum by (date) ({scope.fold(family)})"


def _average(scope: Scope) -> str:
    """Average over sources: each day's averages, weighted by the sessions behind them."""
    average, ended = scope.fold(DAILY_AVERAGE_DURATION), scope.fold(DAILY_ENDED)
    return f"sum by (date) ({average} * {ended}) / sum by (date) ({ended} and {average})"


def started_and_ended(scope: Scope) -> dashboard.Panel:
    """Draw what became of the sessions of each day."""
    about = About(
        "Sessions by day of their start",
        shows="How many sessions started on each day: those that have ended, and on top of them "
        "those that are still active. Today is not over yet. Sources whose days are unknown are "
        "not in it.",
        act="what is still active from a day that is over is orphaned in all likelihood. A day far "
        "below the same day of the week before is worth a question.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    columns = [
        Column("ended", _by_date(scope, DAILY_ENDED), lasting=True),
        Column("still active", _by_date(scope, DAILY_STILL_ACTIVE)),
    ]
    return bars(about, columns, x="date", unit="none", colors=_COLORS)


def each_day(scope: Scope) -> dashboard.Panel:
    """List the days, the newest first."""
    about = About(
        "Daily statistics",
        shows="Sessions by the day of their start, the newest day first. The average duration is "
        "that of the ended ones.",
        act="a duration far from that of other days means that sessions end too early, or that "
        "their ends are written late.",
        no_data=_NO_DATA,
        runbook="SessionsAverageDurationChanged",
    )
    columns = [
        Column("started", _by_date(scope, DAILY_STARTED), lasting=True),
        Column("ended", _by_date(scope, DAILY_ENDED)),
        Column("still active", _by_date(scope, DAILY_STILL_ACTIVE)),
        Column("average duration", _average(scope), "s", no_data="none ended", decimals=1),
    ]
    return table(about, columns, labels=["date"], sort="date")


def today(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Draw the day so far beside the same day of last week."""
    about = About(
        "Started today, and a week ago",
        shows="Sessions started since midnight; dashed, at the same time a week before. In the "
        "week of a clock change the two are an hour apart.",
        act="far below the dashed line, people cannot start sessions: try it yourself. Flat means "
        "that nothing has started since.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    return lines(
        about,
        [Query(BY_SOURCE, scope.fold(TODAY_STARTED))],
        limits=[Query(f"a week ago {BY_SOURCE}", scope.fold(TODAY_STARTED, call="{} offset 1w"))],
        unit="none",
        width=width,
    )


def hourly(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Draw how many sessions started in each hour."""
    about = About(
        "Started in the last hour",
        shows="Sessions started in the hour before each moment. The numbers are read every "
        "`daily.every`. A row of today that is deleted looks like midnight: for an hour, all that "
        "started today is counted again.",
        act="a sudden 0 in a busy hour is an application that starts no sessions.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    # The daily numbers are read every few minutes: a shorter range would miss most changes.
    query = Query(BY_SOURCE, scope.fold(TODAY_STARTED, call="increase({}[1h])"))
    return lines(about, [query], unit="none", width=width)


def durations(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Draw the average duration of each day as it is known now."""
    about = About(
        "Average duration by day of the start",
        shows="Average duration of the ended sessions that started on each day.",
        act="far from that of the other days, sessions end too early, or ends are written late.",
        no_data=f"{_NO_DATA}; or no session has ended",
        runbook="SessionsAverageDurationChanged",
    )
    column = Column("average duration", _average(scope))
    colors = {"average duration": "blue"}
    return bars(about, [column], x="date", unit="s", colors=colors, width=width)
