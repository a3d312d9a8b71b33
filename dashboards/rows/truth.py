"""Is the exporter itself telling the truth? What is collected, how old it is, and what fails."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import FAILING, OK, WARNING, About, Levels, States
from dashboards.columns import Column
from dashboards.links import to_source
from dashboards.panels import lines, states
from dashboards.queries import BY_SOURCE, PLACE, Query, Scope
from dashboards.tables import table
from exporter.metrics.catalog import (
    COLLECTION_DURATION,
    COLLECTION_ERRORS,
    COLLECTION_INTERVAL,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SKIPPED,
    COLLECTION_SUCCESS,
    INDEX_MISSING,
    SERIES,
)

_MISSING: States = {"0": ("there", OK), "1": ("missing", WARNING)}
_PER_COLLECTOR = f"{{{{collector}}}} {BY_SOURCE}"
_REASONS = f"{{{{reason}}}} {BY_SOURCE}"


def collections(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when collections failed."""
    about = About(
        "Collections",
        shows="Whether the last run of each collector succeeded. Red, what it counts is old at "
        "first and then gone; a gap is a time without the exporter.",
        act="see the reasons beside it; the message of the database is on the exporter's own page "
        "and in its log.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    query = Query(_PER_COLLECTOR, scope.fold(COLLECTION_SUCCESS))
    return states(about, query, FAILING, width=width, height=8)


def ages(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how old the numbers were."""
    about = About(
        "Age of the data",
        shows="Time since the last success of each collector; dashed, its interval.",
        act="a line that climbs far above its interval is data that is not renewed: see the "
        "reasons. The numbers on this page are that old.",
        no_data="never collected",
        runbook="SessionsDataStale",
    )
    return lines(
        about,
        [Query(_PER_COLLECTOR, scope.age(COLLECTION_LAST_SUCCESS))],
        limits=[Query(f"interval {_PER_COLLECTOR}", scope.fold(COLLECTION_INTERVAL))],
        unit="s",
        width=width,
    )


def errors(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why collections failed."""
    about = About(
        "Failed collections by reason",
        shows="Collections that failed in the moments before each bar, by reason.",
        act="docs/metrics.md says of each reason what to look at; `session-exporter check --live` "
        "finds most of them.",
        no_data="none failed, or no exporter",
        runbook="SessionsCollectionFailing",
    )
    failed = scope.fold(COLLECTION_ERRORS, call="increase({}[$__rate_interval])")
    query = Query(_REASONS, f"{failed} > 0")
    return lines(about, [query], unit="none", stacked_bars=True, width=width)


def skips(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why collections did not begin."""
    about = About(
        "Skipped collections by reason",
        shows="Collections that did not begin: the one before still ran (overlap), or the database "
        "was out of reach a moment ago (backoff).",
        act="with overlap, raise max_connections or look for what makes the database slow; with "
        "backoff, look at the database.",
        no_data="none skipped, or no exporter",
        runbook="SessionsCollectionFailing",
    )
    skipped = scope.fold(COLLECTION_SKIPPED, call="increase({}[$__rate_interval])")
    query = Query(_REASONS, f"{skipped} > 0")
    return lines(about, [query], unit="none", stacked_bars=True, width=width)


def durations(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how long collections kept the database busy."""
    about = About(
        "Duration of collections",
        shows="How long the last run of each collector kept the database busy.",
        act="`session-exporter sql index` prints the index that is missing; without one the "
        "duration grows with the table.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    query = Query(_PER_COLLECTOR, scope.fold(COLLECTION_DURATION))
    return lines(about, [query], unit="s", width=width)


def share(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show what part of its time a database spends on collections."""
    about = About(
        "Time that collections take of a database",
        shows="Part of the time in which one exporter keeps the database busy, all its collectors "
        "together. Each of them takes at most 5 %: then its interval is stretched.",
        act="see which collection is slow, and whether an index is missing.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    part = f"{scope.fold(COLLECTION_DURATION)} / {scope.fold(COLLECTION_INTERVAL)}"
    query = Query("{{database}} " + PLACE, f"sum without (source, collector) ({part})")
    return lines(about, [query], unit="percentunit", width=width)


def series(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many time series each source costs."""
    about = About(
        "Series about sessions",
        shows="Time series that each source serves now.",
        act="the number follows from the config: days, declared labels and their values. "
        "`max_series` is what stops it.",
        no_data="no exporter",
    )
    query = Query(BY_SOURCE, scope.fold(SERIES))
    return lines(about, [query], unit="none", width=width)


def every_collection(scope: Scope, *, width: int = 24, height: int = 9) -> dashboard.Panel:
    """List all collections, the one that is longest without a success first."""
    about = About(
        "Every collection",
        shows="Each collector of each source: whether it succeeds, how old its data is, how long "
        "it takes, and whether an index serves it.",
        act="take the failing ones first. An interval above what config.yaml says is stretched, "
        "because the collection is slow.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    duration, interval = scope.fold(COLLECTION_DURATION), scope.fold(COLLECTION_INTERVAL)
    failed = scope.fold(COLLECTION_ERRORS, call="increase({}[1h])")
    columns = [
        Column("last run", scope.fold(COLLECTION_SUCCESS), meanings=FAILING, lasting=True),
        Column("age of the data", scope.age(COLLECTION_LAST_SUCCESS), "s", no_data="never"),
        Column("interval", interval, "s"),
        Column("duration", duration, "s", no_data="n/a", decimals=3),
        Column("busy", f"{duration} / {interval}", "percentunit", "n/a", Levels(warning=0.05)),
        Column("index", scope.fold(INDEX_MISSING), no_data="unknown", meanings=_MISSING),
        # Counted by source only: the same for all of its collectors.
        Column("source's failures in 1 h", f"sum without (reason) ({failed})", decimals=0),
    ]
    return table(
        about,
        columns,
        labels=["source", "database", "collector"],
        links={"source": [to_source()]},
        sort="age of the data",
        width=width,
        height=height,
    )
