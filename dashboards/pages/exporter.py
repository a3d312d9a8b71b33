"""Session exporter: whether the data can be trusted, and if not, why."""

from dashboards import annotations, variables
from dashboards.export import Page
from dashboards.layout import Row
from dashboards.links import EXPORTER
from dashboards.rows import alerts, evidence
from dashboards.rows.exporter import data_quality, databases, health, process, targets
from dashboards.rows.sessions import current_state

#: The alerts about the exporter and its databases, without those about sessions.
_EXPORTER_ALERTS = "Collection|Data|Source|Replica|Database|Exporter|Config|Index|Evidence"
SCOPE = variables.several("database", f"Sessions({_EXPORTER_ALERTS}).+")


def build_page() -> Page:
    """Return the whole dashboard."""
    return Page(
        uid=EXPORTER,
        description="Health of the exporter: which collections succeed, from which databases, why "
        "others fail, and the load on the databases and on the exporter's host.",
        variables=variables.for_several("database"),
        annotations=[
            annotations.built_in(),
            annotations.pages(SCOPE),
            annotations.starts(f"{{{SCOPE.process}}}"),
            annotations.recoveries_by_hand(SCOPE),
        ],
        rows=[
            build_status_row(),
            build_collections_row(),
            build_failures_row(),
            build_database_cost_row(),
            build_own_cost_row(),
        ],
    )


def build_status_row() -> Row:
    """Show current numbers, the firing alerts, and the list of exporters."""
    return Row(
        "Can the data be trusted now?",
        [
            health.targets_down(SCOPE),
            databases.databases_down(SCOPE),
            current_state.failing(SCOPE),
            current_state.data_age(SCOPE),
            health.configs(SCOPE),
            health.rejected_configs(SCOPE),
            health.stretched(SCOPE),
            health.lacking_index(SCOPE),
            targets.targets(SCOPE, width=14),
            alerts.firing(SCOPE, width=10, height=7),
        ],
    )


def build_collections_row() -> Row:
    """List the collections, and show since when they fail."""
    return Row(
        "Which database, which source, since when?",
        [
            data_quality.every_collection(SCOPE),
            targets.targets_over_time(SCOPE),
            databases.databases_over_time(SCOPE),
            data_quality.collections(SCOPE),
            data_quality.ages(SCOPE),
            evidence.answers(SCOPE, width=24),
        ],
    )


def build_failures_row() -> Row:
    """Show why collections fail or are skipped."""
    return Row(
        "Why do collections fail?",
        [
            data_quality.errors(SCOPE),
            data_quality.skips(SCOPE),
            databases.lag(SCOPE, width=12),
            alerts.over_time(SCOPE, width=12, height=8),
        ],
    )


def build_database_cost_row() -> Row:
    """Show the load on the databases."""
    return Row(
        "What does it cost the databases?",
        [
            data_quality.durations(SCOPE, width=8),
            data_quality.share(SCOPE, width=8),
            databases.connections(SCOPE, width=8),
        ],
    )


def build_own_cost_row() -> Row:
    """Show the load on the exporter's host and on Prometheus."""
    panels = [
        process.memory(SCOPE),
        process.cpu(SCOPE),
        process.files(SCOPE),
        process.http(SCOPE, width=12),
        data_quality.series(SCOPE),
    ]
    return Row("What does it cost here?", panels)
