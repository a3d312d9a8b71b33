"""Sessions: overview. All sources: problems, where, since when, and is the data reliable."""

from dashboards import annotations, variables
from dashboards.export import Page
from dashboards.layout import Row
from dashboards.links import OVERVIEW
from dashboards.rows import alerts, evidence, service_level
from dashboards.rows.exporter import data_quality, health, targets
from dashboards.rows.recovery import graphs, stops, tables
from dashboards.rows.sessions import ages, current_state, days, sources

SCOPE = variables.several("source")


def build_page() -> Page:
    """Return the whole dashboard."""
    return Page(
        uid=OVERVIEW,
        description="All watched session tables: whether something is wrong now, in which source "
        "and since when, how old the sessions are, what the last days look like, what recovery "
        "does, and whether the data can be trusted.",
        variables=variables.for_several("source"),
        annotations=[
            annotations.built_in(),
            annotations.pages(SCOPE),
            annotations.starts(f"{{{SCOPE.process}}}"),
            annotations.recoveries_by_hand(SCOPE),
        ],
        rows=[
            build_status_row(),
            build_sources_row(),
            build_service_level_row(),
            build_ages_row(),
            build_days_row(),
            build_evidence_row(),
            build_stops_row(),
            build_recovery_row(),
            build_data_row(),
        ],
    )


def build_status_row() -> Row:
    """Show current numbers and the firing alerts."""
    numbers = [
        service_level.current(SCOPE),
        service_level.below_objective(SCOPE),
        alerts.count(SCOPE),
        current_state.above_threshold(SCOPE),
        current_state.orphaned(SCOPE),
        current_state.oldest_orphan(SCOPE),
        health.failing_or_down(SCOPE),
        current_state.data_age(SCOPE),
    ]
    firing = alerts.firing(SCOPE, width=10, height=7)
    return Row(
        "Is something wrong now?", [*numbers, current_state.orphaned_over_time(SCOPE), firing]
    )


def build_sources_row() -> Row:
    """List the sources, and show since when they are above their threshold."""
    return Row(
        "Which source, since when?",
        [
            sources.every_source(SCOPE),
            sources.above_over_time(SCOPE),
            sources.active_over_time(SCOPE),
            alerts.over_time(SCOPE, width=12),
            sources.change(SCOPE),
        ],
    )


def build_service_level_row() -> Row:
    """Show the sessions that were lost: by source, by cluster, by day and by hour."""
    return Row(
        "Is the service level met?",
        [
            service_level.by_source(SCOPE),
            service_level.by_place(SCOPE),
            service_level.lost_by_day(SCOPE),
            service_level.lost_in_an_hour(SCOPE),
            ages.newest_start(SCOPE),
        ],
    )


def build_ages_row() -> Row:
    """Show the ages in all sources together, and the oldest session of each."""
    return Row("How old are they?", [ages.ages(SCOPE), ages.oldest_active(SCOPE)])


def build_days_row() -> Row:
    """Show the days of all sources together, and today by source."""
    return Row(
        "What do the last days look like?",
        [
            days.started_and_ended(SCOPE),
            days.each_day(SCOPE),
            days.today(SCOPE),
            days.hourly(SCOPE),
        ],
    )


def build_evidence_row() -> Row:
    """Show why sessions are orphaned, and what the lists of the application hold."""
    return Row(
        "What does the evidence say?",
        [
            evidence.causes(SCOPE),
            evidence.live(SCOPE),
            evidence.contradictions(SCOPE),
            evidence.answers(SCOPE),
        ],
    )


def build_stops_row() -> Row:
    """Show the stops of recovery, and the sessions that wait."""
    return Row(
        "What waits for a person?",
        [stops.waiting(SCOPE), stops.held_over_time(SCOPE), graphs.brakes(SCOPE)],
    )


def build_recovery_row() -> Row:
    """Show what recovery does in each source, and what it closed wrongly."""
    return Row(
        "Is recovery working?",
        [
            tables.every_source(SCOPE),
            graphs.recovered(SCOPE),
            graphs.corrections(SCOPE),
            graphs.failures(SCOPE),
            graphs.skips(SCOPE),
        ],
    )


def build_data_row() -> Row:
    """Show whether collections succeed, and list the exporters."""
    return Row(
        "Can the data be trusted?",
        [
            data_quality.collections(SCOPE),
            data_quality.ages(SCOPE),
            data_quality.errors(SCOPE),
            targets.targets_over_time(SCOPE, height=8),
            targets.targets(SCOPE),
        ],
    )
