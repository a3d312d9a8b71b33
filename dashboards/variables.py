"""What one can choose at the top of a dashboard. The values are those of the time that is shown."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards.dressing import DATASOURCE
from exporter.metrics.catalog import BUILD_INFO, ORPHANED_AFTER


def datasource() -> dashboard.VariableModel:
    """Choose the Prometheus: no dashboard names one, because each Grafana calls it differently."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus").build()


def jobs() -> dashboard.VariableModel:
    """Choose scrape jobs: every job with an exporter behind it, however it is called."""
    return _chosen("job", "Job", f"label_values({BUILD_INFO.name}, job)", several=True)


def databases(matchers: str = "", *, several: bool) -> dashboard.VariableModel:
    """Choose databases. A limit from the config is there even while the database is not."""
    query = f"label_values({ORPHANED_AFTER.name}{{{matchers}}}, database)"
    return _chosen("database", "Database", query, several=several)


def sources(matchers: str) -> dashboard.VariableModel:
    """Choose one source."""
    query = f"label_values({ORPHANED_AFTER.name}{{{matchers}}}, source)"
    return _chosen("source", "Source", query, several=False)


def _chosen(name: str, label: str, query: str, *, several: bool) -> dashboard.VariableModel:
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
