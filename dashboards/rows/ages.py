"""How old active sessions are."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About
from dashboards.panels import heatmap, lines
from dashboards.queries import BY_SOURCE, PLACE, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    ACTIVE_AGE,
    ACTIVE_SILENCE,
    OLDEST_ACTIVE_START,
    OLDEST_ORPHAN_LAST_SEEN,
    ORPHANED_AFTER,
    OVERLONG_AFTER,
)


def ages(scope: Scope) -> dashboard.Panel:
    """Show how the ages of the active sessions are distributed."""
    about = About(
        "Active sessions by age",
        shows="How many active sessions began how long ago. Each cell counts sessions between two "
        "ages; a session climbs until it ends.",
        act="a band that climbs and never ends is a batch of sessions that lost their end at the "
        "same moment: read off when it started.",
    )
    buckets = f"sum by (le) ({scope.fold(ACTIVE_AGE, suffix='_bucket')})"
    return heatmap(about, Query("{{le}}", buckets), bucket_unit="s")


def silences(scope: Scope) -> dashboard.Panel:
    """Show how long ago the active sessions were seen."""
    about = About(
        "Active sessions by silence",
        shows="How many active sessions were last seen how long ago.",
        act="many old sessions with short silence are alive and long; with long silence, they are "
        "orphans.",
        no_data="unknown, or no last_seen_at declared",
    )
    buckets = f"sum by (le) ({scope.fold(ACTIVE_SILENCE, suffix='_bucket')})"
    return heatmap(about, Query("{{le}}", buckets), bucket_unit="s")


def oldest_active(scope: Scope) -> dashboard.Panel:
    """Show how old the oldest session of each source is."""
    about = About(
        "Oldest active session",
        shows="Time since the start of the active session that started first; dashed, the age from "
        "which on a session is overlong, or orphaned where no sign of life is declared.",
        act="a straight rise is one session that nobody ends. It may be a row that the application "
        "has forgotten.",
        no_data="no active session known",
        runbook="SessionsOverlong",
    )
    # With a sign of life, it is silence that makes an orphan, and age says nothing about it.
    counted = f"{scope.fold(ORPHANED_AFTER)} and {scope.fold(ACTIVE)}"
    orphaned = f"{counted} unless {scope.fold(ACTIVE_SILENCE, suffix='_gcount')}"
    return lines(
        about,
        [Query(BY_SOURCE, scope.age(OLDEST_ACTIVE_START))],
        limits=[
            Query(f"overlong after {BY_SOURCE}", scope.fold(OVERLONG_AFTER)),
            Query(f"orphaned after {BY_SOURCE}", orphaned),
        ],
        unit="s",
    )


def oldest_orphan(scope: Scope) -> dashboard.Panel:
    """Show how long the oldest orphan is silent."""
    about = About(
        "Oldest orphan over time",
        shows="Time since the orphan that is silent for longest was last seen; dashed, the silence "
        "from which on a session is orphaned.",
        act="falls when that session ends. While it rises, nothing ends orphans.",
        no_data="no orphan known in this time",
        runbook="SessionsOldestOrphanTooOld",
    )
    return lines(
        about,
        [Query(BY_SOURCE, scope.age(OLDEST_ORPHAN_LAST_SEEN))],
        limits=[Query(f"orphaned after {BY_SOURCE}", scope.fold(ORPHANED_AFTER))],
        unit="s",
    )


def typical(scope: Scope) -> dashboard.Panel:
    """Show what age is usual."""
    about = About(
        "Usual age of active sessions",
        shows="The mean age, and the ages that half and nine of ten active sessions are below, "
        "estimated from wide buckets; nothing above 30 days.",
        act="a mean far above the half is a few very old sessions; all of them rising together "
        "means that sessions in general do not end.",
        no_data="no active session known",
    )
    buckets = scope.fold(ACTIVE_AGE, suffix="_bucket")
    total = f"sum without (source) ({scope.fold(ACTIVE_AGE, suffix='_gsum')})"
    number = f"sum without (source) ({scope.fold(ACTIVE_AGE, suffix='_gcount')})"
    by_age = f"sum without (source) ({buckets})"
    return lines(
        about,
        [
            Query(f"mean {PLACE}", f"{total} / ({number} > 0)"),
            Query(f"half {PLACE}", f"histogram_quantile(0.5, {by_age})"),
            Query(f"nine of ten {PLACE}", f"histogram_quantile(0.9, {by_age})"),
        ],
        unit="s",
    )
