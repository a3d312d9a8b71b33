"""Sessions: overview. All sources: problems, where, since when, and is the data reliable."""

from dashboards import annotations, variables
from dashboards.export import Page
from dashboards.layout import Row
from dashboards.links import OVERVIEW
from dashboards.queries import Scope
from dashboards.rows import alerts, evidence, recovery
from dashboards.rows.exporter import data_quality, health, targets
from dashboards.rows.sessions import ages, current_state, days, sources

_CHOSEN = 'job=~"$job",database=~"$database"'
SCOPE = Scope(
    process='job=~"$job"',
    database=_CHOSEN,
    source=_CHOSEN,
    # Alerts about the exporter have no database; the one about its absence has no job.
    alerts='alertname=~"Sessions.+",job=~"$job|",database=~"$database|"',
)


def build_page() -> Page:
    """Return the whole dashboard."""
    return Page(
        uid=OVERVIEW,
        description="All watched session tables: whether something is wrong now, in which source "
        "and since when, how old the sessions are, what the last days look like, what recovery "
        "does, and whether the data can be trusted.",
        variables=[
            variables.datasource(),
            variables.jobs(),
            variables.databases('job=~"$job"', several=True),
        ],
        annotations=[
            annotations.built_in(),
            annotations.alerts(SCOPE),
            annotations.starts(f"{{{SCOPE.process}}}"),
            annotations.recoveries(SCOPE),
        ],
        rows=[
            build_status_row(),
            build_sources_row(),
            build_ages_row(),
            build_days_row(),
            build_evidence_row(),
            build_recovery_row(),
            build_data_row(),
        ],
    )


def build_status_row() -> Row:
    """Show current numbers and the firing alerts."""
    numbers = [
        alerts.count(SCOPE),
        current_state.above_threshold(SCOPE),
        current_state.orphaned(SCOPE),
        current_state.oldest_orphan(SCOPE),
        current_state.overlong(SCOPE),
        current_state.inconsistent(SCOPE),
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


def build_recovery_row() -> Row:
    """Show what recovery does in each source, what stops it, and what it closed wrongly."""
    return Row(
        "Is recovery working?",
        [
            recovery.every_source(SCOPE),
            recovery.recovered(SCOPE),
            recovery.brakes(SCOPE),
            recovery.failures(SCOPE, width=8),
            recovery.skips(SCOPE, width=8),
            recovery.corrections(SCOPE, width=8),
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
