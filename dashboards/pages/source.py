"""Sessions: one source. Alerts link here: all metrics of one session table."""

from dashboards import annotations, variables
from dashboards.export import Page
from dashboards.layout import Row
from dashboards.links import SOURCE
from dashboards.queries import Scope
from dashboards.rows import alerts, evidence, recovery
from dashboards.rows.exporter import data_quality, targets
from dashboards.rows.sessions import ages, current_state, days, labels, sources
from exporter.metrics.catalog import COLLECTION_SUCCESS

_CHOSEN = 'job=~"$job",database="$database",source="$source"'
SCOPE = Scope(
    process='job=~"$job"',  # these series have no database and no source
    database='job=~"$job",database="$database"',
    source=_CHOSEN,
    # Alerts about the database have no source, those about the exporter have neither, and the one
    # about its absence has no job.
    # Raw strings: Grafana escapes a dot as `\.`, which a quoted PromQL string does not allow.
    alerts='alertname=~"Sessions.+",job=~"$job|",database=~`${database:regex}|`,'
    "source=~`${source:regex}|`",
)


def build_page() -> Page:
    """Return the whole dashboard."""
    same = "job, instance, namespace, cluster"
    of_this_source = f"and on ({same}) {SCOPE.series(COLLECTION_SUCCESS)}"
    return Page(
        uid=SOURCE,
        description="One watched session table: whether something is wrong now, since when, how "
        "old its sessions are, what the last days look like, what recovery does, and whether the "
        "data can be trusted.",
        variables=[
            variables.datasource(),
            variables.jobs(),
            variables.databases('job=~"$job"', several=False),
            variables.sources('job=~"$job",database="$database"'),
        ],
        annotations=[
            annotations.built_in(),
            annotations.alerts(SCOPE),
            annotations.starts(f"{{{SCOPE.process}}} {of_this_source}"),
            annotations.recoveries(SCOPE),
        ],
        rows=[
            build_status_row(),
            build_history_row(),
            build_ages_row(),
            build_days_row(),
            build_labels_row(),
            build_evidence_row(),
            build_recovery_row(),
            build_data_row(),
        ],
    )


def build_status_row() -> Row:
    """Show current numbers and the firing alerts."""
    numbers = [
        alerts.count(SCOPE),
        current_state.orphaned(SCOPE),
        current_state.threshold(SCOPE, width=2),
        current_state.oldest_orphan(SCOPE),
        current_state.active(SCOPE, width=2),
        current_state.overlong(SCOPE),
        current_state.inconsistent(SCOPE),
        current_state.failing(SCOPE),
        current_state.data_age(SCOPE, width=2),
    ]
    firing = alerts.firing(SCOPE, width=10, height=7)
    return Row(
        "Is something wrong now?", [*numbers, current_state.orphaned_over_time(SCOPE), firing]
    )


def build_history_row() -> Row:
    """Show what changed, and when."""
    return Row(
        "Since when?",
        [
            sources.change(SCOPE, height=9),
            sources.active_over_time(SCOPE, height=9),
            alerts.over_time(SCOPE),
            sources.contradictions(SCOPE, width=8),
            sources.overlong_over_time(SCOPE, width=8),
            sources.blocked(SCOPE, width=8),
        ],
    )


def build_ages_row() -> Row:
    """Show the distribution of ages and silences, and the longest of each."""
    return Row(
        "How old are they?",
        [
            ages.ages(SCOPE),
            ages.silences(SCOPE),
            ages.oldest_active(SCOPE),
            ages.oldest_orphan(SCOPE),
            ages.typical(SCOPE),
            sources.size(SCOPE),
        ],
    )


def build_days_row() -> Row:
    """Show each day, and today."""
    return Row(
        "What do the last days look like?",
        [
            days.started_and_ended(SCOPE),
            days.each_day(SCOPE),
            days.durations(SCOPE),
            days.today(SCOPE),
            days.hourly(SCOPE, width=24),
        ],
    )


def build_labels_row() -> Row:
    """Show the counts split by the labels that the source declares."""
    panels = [labels.counts(SCOPE), labels.orphaned(SCOPE), labels.days(SCOPE)]
    return Row("Details by declared label", panels, closed=True)


def build_evidence_row() -> Row:
    """Show why sessions are orphaned, and what the lists of the application hold."""
    return Row(
        "What does the evidence say?",
        [
            evidence.causes(SCOPE, width=8),
            evidence.live(SCOPE, width=8),
            evidence.contradictions(SCOPE, width=8),
        ],
    )


def build_recovery_row() -> Row:
    """Show what recovery does, what stops it, and what it closed wrongly."""
    return Row(
        "Is recovery working?",
        [
            recovery.mode(SCOPE),
            recovery.candidates(SCOPE),
            recovery.brakes_now(SCOPE),
            recovery.recovered_now(SCOPE),
            recovery.failed_now(SCOPE),
            recovery.contradicted_now(SCOPE),
            recovery.undone_now(SCOPE),
            recovery.last_run(SCOPE),
            recovery.recovered(SCOPE),
            recovery.brakes(SCOPE),
            recovery.candidates_over_time(SCOPE),
            recovery.corrections(SCOPE),
            recovery.failures(SCOPE),
            recovery.skips(SCOPE),
        ],
    )


def build_data_row() -> Row:
    """Show whether this source is collected, and by which exporters."""
    return Row(
        "Can the data be trusted?",
        [
            data_quality.collections(SCOPE),
            data_quality.ages(SCOPE),
            data_quality.errors(SCOPE),
            data_quality.skips(SCOPE),
            data_quality.durations(SCOPE),
            targets.watching(SCOPE),
        ],
    )
