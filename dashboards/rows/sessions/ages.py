"""Ages and silences of active sessions."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph, build_heatmap
from dashboards.panels.text import PanelText
from dashboards.queries import AT_THE_END, BY_SOURCE, LOWEST, PLACE, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    ACTIVE_AGE,
    ACTIVE_SILENCE,
    NEWEST_START,
    OLDEST_ACTIVE_START,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED_AFTER,
    OVERLONG_AFTER,
)


def ages(scope: Scope) -> dashboard.Panel:
    """Show how the ages of the active sessions are distributed."""
    text = PanelText(
        "Active sessions by age",
        shows="Active sessions by the time since their start. Each cell counts the sessions "
        "between two ages; a session moves up until it ends.",
        act="a band that keeps rising is a batch of sessions whose end was lost at the same "
        "moment: find out when it began.",
    )
    buckets = f"sum by (le) ({scope.fold(ACTIVE_AGE, suffix='_bucket')})"
    return build_heatmap(text, Query("{{le}}", buckets), bucket_unit="s")


def silences(scope: Scope) -> dashboard.Panel:
    """Show how long ago the active sessions were last seen."""
    text = PanelText(
        "Active sessions by silence",
        shows="Active sessions by the time since they were last seen.",
        act="old sessions with a short silence are alive and long; those with a long silence are "
        "orphaned.",
        no_data="unknown, or no last_seen_at declared",
    )
    buckets = f"sum by (le) ({scope.fold(ACTIVE_SILENCE, suffix='_bucket')})"
    return build_heatmap(text, Query("{{le}}", buckets), bucket_unit="s")


def oldest_active(scope: Scope) -> dashboard.Panel:
    """Show how old the oldest session of each source is."""
    text = PanelText(
        "Oldest active session",
        shows="Time since the start of the active session that started first; dashed, the age "
        "above which a session is overlong, or orphaned where no sign of life is declared.",
        act="a straight rise is one session that does not end. The application may no longer know "
        "its row.",
        no_data="no active session known",
        runbook="SessionsOverlong",
    )
    # If a sign of life is declared, silence and not age decides whether a session is orphaned.
    counted = f"{scope.fold(ORPHANED_AFTER)} and {scope.fold(ACTIVE)}"
    orphaned = f"{counted} unless {scope.fold(ACTIVE_SILENCE, suffix='_gcount')}"
    first = scope.fold(OLDEST_ACTIVE_START, call=LOWEST)
    return build_graph(
        text,
        [Query(BY_SOURCE, scope.worst(scope.age(OLDEST_ACTIVE_START), first, lowest=True))],
        # A source has one of them: overlong sessions are declared with a sign of life.
        limits=[
            Query(f"{name} {BY_SOURCE}", scope.worst(after, first, lowest=True))
            for name, after in (
                ("overlong after", scope.fold(OVERLONG_AFTER)),
                ("orphaned after", orphaned),
            )
        ],
        unit="s",
    )


def oldest_orphan(scope: Scope) -> dashboard.Panel:
    """Show how long the oldest orphan has been silent."""
    text = PanelText(
        "Oldest orphan over time",
        shows="Time since the longest silent orphan was last seen; dashed, the silence above which "
        "a session is orphaned; no such line where each row has a threshold of its own.",
        act="it falls when that session ends. While it rises, orphans are not ended.",
        no_data="no orphan known in this time",
        runbook="SessionsOldestOrphanTooOld",
    )
    return build_graph(
        text,
        [Query(BY_SOURCE, scope.age(OLDEST_ORPHAN_LAST_SEEN))],
        limits=[Query(f"orphaned after {BY_SOURCE}", scope.fold(ORPHANED_AFTER))],
        unit="s",
    )


def newest_start(scope: Scope) -> dashboard.Panel:
    """Show how long no session has started."""
    text = PanelText(
        "Time since the newest start",
        shows="Time since the newest session started, whether it has ended or not.",
        act="a straight rise that is longer than usual at this time of day means that no session "
        "can be started: try it yourself.",
        no_data="no session known",
        runbook="SessionsStartsDropped",
    )
    last = scope.fold(NEWEST_START, call=AT_THE_END)
    query = Query(BY_SOURCE, scope.worst(scope.age(NEWEST_START), last, lowest=True))
    return build_graph(text, [query], unit="s")


def typical(scope: Scope) -> dashboard.Panel:
    """Show the mean and the quantiles of the ages."""
    text = PanelText(
        "Usual age of active sessions",
        shows="The mean age, and the ages below which half and nine of ten active sessions are, "
        "estimated from wide buckets that end at 30 days.",
        act="a mean far above the median (half) means a few very old sessions; all three rising "
        "together means that sessions in general do not end.",
        no_data="no active session known",
    )
    buckets = scope.fold(ACTIVE_AGE, suffix="_bucket")
    total = f"sum without (source) ({scope.fold(ACTIVE_AGE, suffix='_gsum')})"
    number = f"sum without (source) ({scope.fold(ACTIVE_AGE, suffix='_gcount')})"
    by_age = f"sum without (source) ({buckets})"
    return build_graph(
        text,
        [
            Query(f"mean {PLACE}", f"{total} / ({number} > 0)"),
            Query(f"half {PLACE}", f"histogram_quantile(0.5, {by_age})"),
            Query(f"nine of ten {PLACE}", f"histogram_quantile(0.9, {by_age})"),
        ],
        unit="s",
    )
