"""Quality of the data: which collections succeed, how old their values are, and what fails."""

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_source
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_graph, build_states
from dashboards.panels.tables import build_table
from dashboards.panels.text import FAILING, OK, WARNING, Levels, PanelText, States
from dashboards.queries import (
    AGE_AT_THE_END,
    AT_THE_END,
    BY_DATABASE,
    BY_SOURCE,
    MEAN,
    RISE,
    Query,
    Scope,
)
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
    text = PanelText(
        "Collections",
        shows="Whether the last run of each collector succeeded. While it is red, its values are "
        "old at first and then missing. In a gap the exporter was not scraped.",
        act="see the reasons in the other panels; the message of the database is on the status "
        "page of the exporter and in its log.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    shown = scope.worst(
        scope.fold(COLLECTION_SUCCESS), scope.fold(COLLECTION_SUCCESS, call=MEAN), lowest=True
    )
    query = Query(_PER_COLLECTOR, shown)
    return build_states(text, query, FAILING, width=width, height=8)


def ages(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how old the data was."""
    text = PanelText(
        "Age of the data",
        shows="Time since the last success of each collector; dashed, its interval.",
        act="a line far above its interval means that data is not updated: see the reasons. The "
        "numbers on this dashboard are that old.",
        no_data="never collected",
        runbook="SessionsDataStale",
    )
    age, interval = scope.age(COLLECTION_LAST_SUCCESS), scope.fold(COLLECTION_INTERVAL)
    old = scope.fold(COLLECTION_LAST_SUCCESS, call=AGE_AT_THE_END)
    rank = f"{old} / {scope.fold(COLLECTION_INTERVAL, call=AT_THE_END)}"
    return build_graph(
        text,
        [Query(_PER_COLLECTOR, scope.worst(age, rank))],
        limits=[Query(f"interval {_PER_COLLECTOR}", scope.worst(interval, rank))],
        unit="s",
        width=width,
    )


def errors(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why collections failed."""
    text = PanelText(
        "Failed collections by reason",
        shows="Collections that failed in the interval before each bar, by reason.",
        act="docs/metrics.md says what to check for each reason; `session-exporter check --live` "
        "finds the cause of most failures.",
        no_data="none failed, or no exporter",
        runbook="SessionsCollectionFailing",
    )
    failed = scope.fold(COLLECTION_ERRORS, call="increase({}[$__rate_interval])")
    shown = scope.worst(f"{failed} > 0", scope.fold(COLLECTION_ERRORS, call=RISE))
    query = Query(_REASONS, shown)
    return build_graph(text, [query], unit="none", stacked_bars=True, width=width)


def skips(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show why collections were skipped."""
    text = PanelText(
        "Skipped collections by reason",
        shows="Collections that did not start: the previous one still ran (overlap), or the "
        "database could not be reached shortly before (backoff).",
        act="for overlap, raise max_connections or find out why the database is slow; for backoff, "
        "check the database.",
        no_data="none skipped, or no exporter",
        runbook="SessionsCollectionFailing",
    )
    skipped = scope.fold(COLLECTION_SKIPPED, call="increase({}[$__rate_interval])")
    shown = scope.worst(f"{skipped} > 0", scope.fold(COLLECTION_SKIPPED, call=RISE))
    query = Query(_REASONS, shown)
    return build_graph(text, [query], unit="none", stacked_bars=True, width=width)


def durations(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how long collections kept the database busy."""
    text = PanelText(
        "Duration of collections",
        shows="How long the last run of each collector kept the database busy.",
        act="`session-exporter sql index` prints the missing index; without it the duration grows "
        "with the table.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    query = Query(_PER_COLLECTOR, scope.highest(COLLECTION_DURATION))
    return build_graph(text, [query], unit="s", width=width)


def share(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the share of time in which a database runs collections."""
    text = PanelText(
        "Share of database time used by collections",
        shows="Share of time in which one exporter keeps the database busy, all collectors "
        "together. Each collector takes at most 5 %: above that its interval is stretched.",
        act="see which collection is slow, and whether an index is missing.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    part = f"{scope.fold(COLLECTION_DURATION)} / {scope.fold(COLLECTION_INTERVAL)}"
    used = f"sum without (source, collector) ({part})"
    at_the_end = " / ".join(
        scope.fold(family, call=AT_THE_END) for family in (COLLECTION_DURATION, COLLECTION_INTERVAL)
    )
    rank = f"sum without (source, collector) ({at_the_end})"
    query = Query(BY_DATABASE, scope.worst(used, rank))
    return build_graph(text, [query], unit="percentunit", width=width)


def series(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many time series each source serves."""
    text = PanelText(
        "Series about sessions",
        shows="Time series that each source serves now.",
        act="the number follows from the config: days, declared labels and their values. "
        "`max_series` limits it.",
        no_data="no exporter",
    )
    query = Query(BY_SOURCE, scope.highest(SERIES))
    return build_graph(text, [query], unit="none", width=width)


def every_collection(scope: Scope, *, width: int = 24, height: int = 9) -> dashboard.Panel:
    """List the collections, the one with the oldest data first."""
    text = PanelText(
        "Every collection",
        shows="The collectors of the sources, failing and late ones first: whether each succeeds, "
        "how old its data is, how long it takes, and whether an index serves it.",
        act="start with the failing ones. An interval longer than config.yaml says is stretched, "
        "because the collection is slow.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    duration, interval = scope.fold(COLLECTION_DURATION), scope.fold(COLLECTION_INTERVAL)
    success = scope.fold(COLLECTION_SUCCESS)
    failed = scope.fold(COLLECTION_ERRORS, call="increase({}[1h])")
    # Errors have no label `collector`: the value is the same for all of them.
    failures = f"0 * {success} + ignoring (collector) group_left sum without (reason) ({failed})"
    columns = [
        Column("last run", success, meanings=FAILING, lasting=True),
        Column("age of the data", scope.age(COLLECTION_LAST_SUCCESS), "s", no_data="never"),
        Column("interval", interval, "s"),
        Column("duration", duration, "s", no_data="n/a", decimals=3),
        Column("busy", f"{duration} / {interval}", "percentunit", "n/a", Levels(warning=0.05)),
        Column("index", scope.fold(INDEX_MISSING), no_data="unknown", meanings=_MISSING),
        Column("source's failures in 1 h", failures, decimals=0),
    ]
    late = f"({scope.age(COLLECTION_LAST_SUCCESS)}) / {interval}"
    # One that has never succeeded has no age.
    rank = f"(1e9 * (1 - {success}) + {late} or 1e9 * (1 - {success}))"
    return build_table(
        text,
        [replace(each, expr=scope.worst(each.expr, rank)) for each in columns],
        labels=["source", "database", "collector"],
        links={"source": [to_source()]},
        sort="age of the data",
        width=width,
        height=height,
    )
