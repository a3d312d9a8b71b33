"""Sessions: one source. What an alert links to: everything that is known of one session table."""

from dashboards import annotations, variables
from dashboards.classic import Page
from dashboards.layout import Row
from dashboards.links import SOURCE
from dashboards.queries import Scope
from dashboards.rows import ages, alerts, days, exporters, labels, now, recovery, sources, truth
from exporter.metrics.catalog import COLLECTION_SUCCESS

_CHOSEN = 'job=~"$job",database="$database",source="$source"'
SCOPE = Scope(
    process='job=~"$job"',  # it has no database and no source
    database='job=~"$job",database="$database"',
    source=_CHOSEN,
    # An alert about the database has no source, one about the exporter neither of them, and one
    # about its absence no job.
    # Raw strings: Grafana writes the dot of a name as `\.`, which is no escape in a quoted one.
    alerts='alertname=~"Sessions.+",job=~"$job|",database=~`${database:regex}|`,'
    "source=~`${source:regex}|`",
)


def page() -> Page:
    """Return the whole dashboard."""
    same = "job, instance, namespace, cluster"
    of_this_source = f"and on ({same}) {SCOPE.series(COLLECTION_SUCCESS)}"
    return Page(
        uid=SOURCE,
        description="One watched session table: whether something is wrong now, since when, how "
        "old its sessions are, what the last days look like, what recovery does, and whether the "
        "numbers can be believed.",
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
            wrong_now(),
            since_when(),
            how_old(),
            last_days(),
            by_label(),
            recovering(),
            believable(),
        ],
    )


def wrong_now() -> Row:
    """Answer in numbers, and in the alerts that fire."""
    numbers = [
        alerts.count(SCOPE),
        now.orphaned(SCOPE),
        now.threshold(SCOPE, width=2),
        now.oldest_orphan(SCOPE),
        now.active(SCOPE, width=2),
        now.overlong(SCOPE),
        now.inconsistent(SCOPE),
        now.failing(SCOPE),
        now.data_age(SCOPE, width=2),
    ]
    firing = alerts.firing(SCOPE, width=10, height=7)
    return Row("Is something wrong now?", [*numbers, now.orphaned_over_time(SCOPE), firing])


def since_when() -> Row:
    """Show what changed, and when."""
    return Row(
        "Since when?",
        [
            sources.change(SCOPE, height=9),
            sources.active_over_time(SCOPE, height=9),
            alerts.over_time(SCOPE),
            sources.contradictions(SCOPE),
            sources.overlong_over_time(SCOPE),
        ],
    )


def how_old() -> Row:
    """Show ages and silences, all and the greatest."""
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


def last_days() -> Row:
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


def by_label() -> Row:
    """Show the same once more, split by what the source declares."""
    panels = [labels.counts(SCOPE), labels.orphaned(SCOPE), labels.days(SCOPE)]
    return Row("Details by declared label", panels, closed=True)


def recovering() -> Row:
    """Show what recovery does, what stops it, and what it got wrong."""
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
            recovery.regrets(SCOPE),
            recovery.failures(SCOPE),
            recovery.skips(SCOPE),
        ],
    )


def believable() -> Row:
    """Show whether this source is collected, and by whom."""
    return Row(
        "Is the exporter itself telling the truth?",
        [
            truth.collections(SCOPE),
            truth.ages(SCOPE),
            truth.errors(SCOPE),
            truth.skips(SCOPE),
            truth.durations(SCOPE),
            exporters.watching(SCOPE),
        ],
    )
