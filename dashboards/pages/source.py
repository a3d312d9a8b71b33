"""Sessions: one source. Alerts link here: all metrics of one session table."""

from dashboards import annotations, variables
from dashboards.export import Page
from dashboards.layout import Row
from dashboards.links import SOURCE
from dashboards.queries import PLACES
from dashboards.rows import alerts, evidence, service_level
from dashboards.rows.exporter import data_quality, targets
from dashboards.rows.recovery import graphs, numbers
from dashboards.rows.sessions import ages, current_state, days, labels, sources
from exporter.metrics.catalog import COLLECTION_SUCCESS

SCOPE = variables.single()


def build_page() -> Page:
    """Return the whole dashboard."""
    same = f"instance, {', '.join(PLACES)}"
    watching = f"and on ({same}) {SCOPE.series(COLLECTION_SUCCESS)}"
    return Page(
        uid=SOURCE,
        description="One watched session table: whether something is wrong now, since when, how "
        "old its sessions are, what the last days look like, what recovery does, and whether the "
        "data can be trusted.",
        variables=variables.for_one(),
        annotations=[
            annotations.built_in(),
            annotations.alerts(SCOPE),
            annotations.starts(f"{{{SCOPE.process}}} {watching}"),
            annotations.recoveries(SCOPE),
        ],
        rows=[
            build_status_row(),
            build_history_row(),
            build_service_level_row(),
            build_ages_row(),
            build_days_row(),
            build_labels_row(),
            build_evidence_row(),
            build_stops_row(),
            build_recovery_row(),
            build_data_row(),
        ],
    )


def build_status_row() -> Row:
    """Show current numbers and the firing alerts."""
    first = [
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
    return Row("Is something wrong now?", [*first, current_state.orphaned_over_time(SCOPE), firing])


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


def build_service_level_row() -> Row:
    """Show the share of sessions that were lost, in 28 days, by day and by hour."""
    return Row(
        "Is the service level met?",
        [
            service_level.current(SCOPE, width=6),
            service_level.objective(SCOPE),
            service_level.budget_left(SCOPE),
            service_level.excess(SCOPE),
            service_level.lost_by_day(SCOPE),
            service_level.lost_in_an_hour(SCOPE),
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
            days.hourly(SCOPE),
            ages.newest_start(SCOPE),
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


def build_stops_row() -> Row:
    """Show what stops recovery, and the sessions that wait."""
    return Row(
        "What waits for a person?",
        [graphs.brakes(SCOPE), graphs.candidates_over_time(SCOPE)],
    )


def build_recovery_row() -> Row:
    """Show what recovery does, and what it closed wrongly."""
    return Row(
        "Is recovery working?",
        [
            numbers.mode(SCOPE),
            numbers.candidates(SCOPE),
            numbers.brakes_now(SCOPE),
            numbers.recovered_now(SCOPE),
            numbers.failed_now(SCOPE),
            numbers.contradicted_now(SCOPE),
            numbers.undone_now(SCOPE),
            numbers.last_run(SCOPE),
            graphs.recovered(SCOPE),
            graphs.corrections(SCOPE),
            graphs.failures(SCOPE),
            graphs.skips(SCOPE),
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
