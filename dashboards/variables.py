"""The variables at the top of a dashboard. Their values are read for the shown time range."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards.panels.defaults import DATASOURCE
from exporter.metrics.catalog import BUILD_INFO, ORPHANED_AFTER


def datasource() -> dashboard.VariableModel:
    """Choose the Prometheus: its name and uid differ between installations of Grafana."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus").build()


def jobs() -> dashboard.VariableModel:
    """Choose scrape jobs: every job that scrapes an exporter, whatever its name."""
    return _query_variable("job", "Job", f"label_values({BUILD_INFO.name}, job)", several=True)


def databases(matchers: str = "", *, several: bool) -> dashboard.VariableModel:
    """Choose databases, listed by a metric from the config: it exists while they are down."""
    query = f"label_values({ORPHANED_AFTER.name}{{{matchers}}}, database)"
    return _query_variable("database", "Database", query, several=several)


def sources(matchers: str) -> dashboard.VariableModel:
    """Choose one source."""
    query = f"label_values({ORPHANED_AFTER.name}{{{matchers}}}, source)"
    return _query_variable("source", "Source", query, several=False)


def _query_variable(name: str, label: str, query: str, *, several: bool) -> dashboard.VariableModel:
    built = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(several)
        .include_all(several)
    )
    if several:
        everything = dashboard.VariableOption(selected=True, text="All", value="$__all")
        built.current(everything)
    return built.build()
