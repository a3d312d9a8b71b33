"""Session exporter: whether the numbers can be believed, and why not."""

from dashboards import annotations, variables
from dashboards.classic import Page
from dashboards.layout import Row
from dashboards.links import EXPORTER
from dashboards.queries import Scope
from dashboards.rows import alerts, databases, exporters, health, now, process, truth

_CHOSEN = 'job=~"$job",database=~"$database"'
#: The alerts that are about watching and not about sessions.
_ABOUT_WATCHING = "Collection|Data|Source|Replica|Database|Exporter|Config|Index"
SCOPE = Scope(
    process='job=~"$job"',
    database=_CHOSEN,
    source=_CHOSEN,
    alerts=f'alertname=~"Sessions({_ABOUT_WATCHING}).+",job=~"$job|",database=~"$database|"',
)


def page() -> Page:
    """Return the whole dashboard."""
    return Page(
        uid=EXPORTER,
        description="The exporter's own health: whether it collects, from which databases, why "
        "not, what that costs them, and what it costs its own host.",
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
        rows=[wrong_now(), which(), why(), cost(), own_cost()],
    )


def wrong_now() -> Row:
    """Answer in numbers, in the alerts that fire, and in the list of exporters."""
    return Row(
        "Can the numbers be believed now?",
        [
            health.targets_down(SCOPE),
            databases.databases_down(SCOPE),
            now.failing(SCOPE),
            now.data_age(SCOPE),
            health.configs(SCOPE),
            health.rejected_configs(SCOPE),
            health.stretched(SCOPE),
            health.lacking_index(SCOPE),
            exporters.targets(SCOPE, width=14),
            alerts.firing(SCOPE, width=10, height=7),
        ],
    )


def which() -> Row:
    """List the collections, then show since when."""
    return Row(
        "Which database, which source, since when?",
        [
            truth.every_collection(SCOPE),
            exporters.targets_over_time(SCOPE),
            databases.databases_over_time(SCOPE),
            truth.collections(SCOPE),
            truth.ages(SCOPE),
        ],
    )


def why() -> Row:
    """Show the reasons."""
    return Row(
        "Why do collections fail?",
        [
            truth.errors(SCOPE),
            truth.skips(SCOPE),
            databases.lag(SCOPE, width=12),
            alerts.over_time(SCOPE, width=12, height=8),
        ],
    )


def cost() -> Row:
    """Show what the databases bear."""
    return Row("What does it cost the databases?", [truth.durations(SCOPE), truth.share(SCOPE)])


def own_cost() -> Row:
    """Show what the exporter's host, and Prometheus, bear."""
    panels = [
        process.memory(SCOPE, width=12),
        process.cpu(SCOPE, width=12),
        process.files(SCOPE, width=12),
        truth.series(SCOPE),
    ]
    return Row("What does it cost here?", panels)
