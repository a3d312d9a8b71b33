"""Sessions: overview. All sources: what is wrong, where, since when, and can it be believed."""

from dashboards import annotations, variables
from dashboards.classic import Page
from dashboards.layout import Row
from dashboards.links import OVERVIEW
from dashboards.queries import Scope
from dashboards.rows import ages, alerts, days, exporters, health, now, recovery, sources, truth

_CHOSEN = 'job=~"$job",database=~"$database"'
SCOPE = Scope(
    process='job=~"$job"',
    database=_CHOSEN,
    source=_CHOSEN,
    # An alert about the exporter has no database, and one about its absence no job.
    alerts='alertname=~"Sessions.+",job=~"$job|",database=~"$database|"',
)


def page() -> Page:
    """Return the whole dashboard."""
    return Page(
        uid=OVERVIEW,
        description="All watched session tables: whether something is wrong now, in which source "
        "and since when, how old the sessions are, what the last days look like, what recovery "
        "does, and whether the numbers can be believed.",
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
        rows=[wrong_now(), which_source(), how_old(), last_days(), recovering(), believable()],
    )


def wrong_now() -> Row:
    """Answer in numbers, and in the alerts that fire."""
    numbers = [
        alerts.count(SCOPE),
        now.above_threshold(SCOPE),
        now.orphaned(SCOPE),
        now.oldest_orphan(SCOPE),
        now.overlong(SCOPE),
        now.inconsistent(SCOPE),
        health.failing_or_down(SCOPE),
        now.data_age(SCOPE),
    ]
    firing = alerts.firing(SCOPE, width=10, height=7)
    return Row("Is something wrong now?", [*numbers, now.orphaned_over_time(SCOPE), firing])


def which_source() -> Row:
    """List the sources, then show since when."""
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


def how_old() -> Row:
    """Show ages of all sources together, and the oldest session of each."""
    return Row("How old are they?", [ages.ages(SCOPE), ages.oldest_active(SCOPE)])


def last_days() -> Row:
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


def recovering() -> Row:
    """Show what recovery does in each source, what stops it, and what it got wrong."""
    return Row(
        "Is recovery working?",
        [
            recovery.every_source(SCOPE),
            recovery.recovered(SCOPE),
            recovery.brakes(SCOPE),
            recovery.failures(SCOPE, width=8),
            recovery.skips(SCOPE, width=8),
            recovery.regrets(SCOPE, width=8),
        ],
    )


def believable() -> Row:
    """Show whether collections succeed, and which exporters there are."""
    return Row(
        "Is the exporter itself telling the truth?",
        [
            truth.collections(SCOPE),
            truth.ages(SCOPE),
            truth.errors(SCOPE),
            exporters.targets_over_time(SCOPE, height=8),
            exporters.targets(SCOPE),
        ],
    )
