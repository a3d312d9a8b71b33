"""Daily statistics. Days are calendar days in the time zone of the source."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph
from dashboards.panels.tables import build_bars, build_table
from dashboards.panels.text import PanelText
from dashboards.queries import AT_THE_END, BY_SOURCE, RISE, Query, Scope
from exporter.metrics.catalog import (
    DAILY_ENDED,
    DAILY_KNOWN_DURATION,
    DAILY_LOST,
    DAILY_RECOVERED,
    DAILY_STARTED,
    DAILY_STILL_ACTIVE,
    DAILY_TIMED,
    TODAY_STARTED,
    Family,
)

_NO_DATA = "unknown, or no daily statistics declared"
_COLORS = {"ended": "green", "recovered": "purple", "still active": "orange"}


def _by_date(scope: Scope, family: Family) -> str:
    return f"sum by (date) ({scope.fold_dates(family)})"


def _average(scope: Scope) -> str:
    """Average over sources: all known durations of a day, by the number of sessions that have one.

    No value where none has: the numbers are then 0.
    """
    timed = _by_date(scope, DAILY_TIMED)
    return f"{_by_date(scope, DAILY_KNOWN_DURATION)} / ({timed} > 0)"


def started_and_ended(scope: Scope) -> dashboard.Panel:
    """Show how many sessions of each day have ended and how many are still active."""
    text = PanelText(
        "Sessions by day of their start",
        shows="How many sessions started on each day: those that have ended, those that recovery "
        "closed, and those that are still active. Today is incomplete. Sources with unknown days "
        "are left out.",
        act="sessions still active from a past day are most likely orphaned. Find out why a day is "
        "far below the same day of the week before.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    columns = [
        Column("ended", _by_date(scope, DAILY_ENDED), lasting=True),
        Column("recovered", _by_date(scope, DAILY_RECOVERED)),
        Column("still active", _by_date(scope, DAILY_STILL_ACTIVE)),
    ]
    return build_bars(text, columns, x="date", unit="none", colors=_COLORS)


def each_day(scope: Scope) -> dashboard.Panel:
    """List the days, the newest first."""
    text = PanelText(
        "Daily statistics",
        shows="Sessions by the day of their start, the newest day first. Lost are those that are "
        "orphaned, and those that recovery closed. The average duration covers the sessions that "
        "the application ended and whose times are known.",
        act="a duration far from that of other days means that sessions end too early, or that "
        "their ends are written late.",
        no_data=_NO_DATA,
        runbook="SessionsAverageDurationChanged",
    )
    columns = [
        Column("started", _by_date(scope, DAILY_STARTED), lasting=True),
        Column("ended", _by_date(scope, DAILY_ENDED)),
        Column("recovered", _by_date(scope, DAILY_RECOVERED)),
        Column("lost", _by_date(scope, DAILY_LOST)),
        Column("still active", _by_date(scope, DAILY_STILL_ACTIVE)),
        Column("average duration", _average(scope), "s", no_data="none ended", decimals=1),
    ]
    return build_table(text, columns, labels=["date"], sort="date", last=())


def today(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the sessions started today beside those of the same day last week."""
    text = PanelText(
        "Started today, and a week ago",
        shows="Sessions started since midnight; dashed, at the same time a week before. In the "
        "week of a clock change the two differ by an hour.",
        act="far below the dashed line, users may be unable to start sessions: try it yourself. A "
        "flat line means that no session has started since.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    now = scope.fold(TODAY_STARTED)
    week_ago = scope.fold(TODAY_STARTED, call="{} offset 1w")
    fewer = " - ".join(
        scope.fold(TODAY_STARTED, call=call) for call in ("{} @ end() offset 1w", AT_THE_END)
    )
    # In the first week no source has a difference.
    rank = f"({fewer} or -{scope.fold(TODAY_STARTED, call=AT_THE_END)})"
    return build_graph(
        text,
        [Query(BY_SOURCE, scope.worst(now, rank))],
        limits=[Query(f"a week ago {BY_SOURCE}", scope.worst(week_ago, rank))],
        unit="none",
        width=width,
    )


def hourly(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many sessions started in each hour."""
    text = PanelText(
        "Started in the last hour",
        shows="Sessions started in the hour before each point. The numbers are read every "
        "`daily.every`. Deleting a row of today looks like a reset at midnight: for an hour, all "
        "sessions of today are counted again.",
        act="a sudden 0 in a busy hour means that the application starts no sessions.",
        no_data=_NO_DATA,
        runbook="SessionsStartsDropped",
    )
    # The daily numbers are read every few minutes: a shorter range would miss most changes.
    hour = scope.fold(TODAY_STARTED, call="increase({}[1h])")
    query = Query(BY_SOURCE, scope.worst(hour, scope.fold(TODAY_STARTED, call=RISE)))
    return build_graph(text, [query], unit="none", width=width)


def durations(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the average duration of each day."""
    text = PanelText(
        "Average duration by day of the start",
        shows="Average duration of the sessions that started on each day, that the application "
        "ended and whose times are known.",
        act="if it is far from that of other days, sessions end too early, or their ends are "
        "written late.",
        no_data=f"{_NO_DATA}; or no session has ended",
        runbook="SessionsAverageDurationChanged",
    )
    column = Column("average duration", _average(scope))
    colors = {"average duration": "blue"}
    return build_bars(text, [column], x="date", unit="s", colors=colors, width=width)
