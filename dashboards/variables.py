"""The variables at the top of a dashboard. Their values are read for the shown time range.

Many Prometheus servers have no label `cluster` or `namespace`. A variable that finds no value then
selects the series without that label: `.*` matches them, and so does the empty text.
"""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards.panels.defaults import DATASOURCE
from dashboards.queries import Scope
from exporter.metrics.catalog import BUILD_INFO, RECOVERY_MODE

#: The variables that name a source, from left to right: each lists what those before it leave.
NAMES = {
    "cluster": "Cluster",
    "namespace": "Namespace",
    "job": "Job",
    "database": "Database",
    "source": "Source",
}
#: How many series a panel shows at most.
LIMIT = "worst"

#: Series of a target have the first three of the names.
_OF_A_TARGET = 3


def several(last: str, alerts: str = "Sessions.+") -> Scope:
    """Select the values of variables with several values, up to the variable `last`.

    `alerts` is a pattern of alert names.
    """
    chosen = [f'{name}=~"${name}"' for name in _names(last)]
    # An alert about the exporter has no database, and the one about its absence has no job.
    alerting = [f'{name}=~"${name}|"' for name in _names(last)]
    return Scope(
        process=",".join(chosen[:_OF_A_TARGET]),
        database=",".join(chosen[: _OF_A_TARGET + 1]),
        source=",".join(chosen),
        alerts=",".join([f'alertname=~"{alerts}"', *alerting]),
        limit=f"${LIMIT}",
    )


def single() -> Scope:
    """Select one source."""
    chosen = [f'{name}="${name}"' for name in NAMES]
    # Alerts about the database have no source, those about the exporter have neither.
    # Raw strings: Grafana escapes a dot as `\\.`, which a quoted PromQL string does not allow.
    alerting = [f"{name}=~`${{{name}:regex}}|`" for name in NAMES]
    return Scope(
        process=",".join(chosen[:_OF_A_TARGET]),
        database=",".join(chosen[: _OF_A_TARGET + 1]),
        source=",".join(chosen),
        alerts=",".join(['alertname=~"Sessions.+"', *alerting]),
    )


def for_several(last: str) -> list[dashboard.VariableModel]:
    """Build the variables of `several`: all values are chosen at first."""
    names = _names(last)
    filters = [f'{name}=~"${name}"' for name in names]
    found = [_query_variable(name, filters[:at], multi=True) for at, name in enumerate(names)]
    return [_datasource(), *found, _limit()]


def for_one() -> list[dashboard.VariableModel]:
    """Build the variables of `single`: the first value of each is chosen at first."""
    filters = [f'{name}="${name}"' for name in NAMES]
    found = [_query_variable(name, filters[:at], multi=False) for at, name in enumerate(NAMES)]
    return [_datasource(), *found]


def _names(last: str) -> list[str]:
    names = list(NAMES)
    return names[: names.index(last) + 1]


def _datasource() -> dashboard.VariableModel:
    """Choose the Prometheus: its name and uid differ between installations of Grafana."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus").build()


def _limit() -> dashboard.VariableModel:
    """Choose how many series a panel shows: with two hundred sources a graph is unreadable."""
    default = dashboard.VariableOption(selected=True, text="20", value="20")
    options = [
        dashboard.VariableOption(selected=text == "20", text=text, value=text)
        for text in ("10", "20", "50", "100", "1000")
    ]
    query = ",".join(str(each.text) for each in options)
    return (
        builders.CustomVariable(LIMIT)
        .label("Worst")
        .values(query)
        .options(options)
        .current(default)
        .build()
    )


def _query_variable(name: str, filters: list[str], *, multi: bool) -> dashboard.VariableModel:
    # Both come from the config and the program: they are served while databases are down.
    family = RECOVERY_MODE if name in {"database", "source"} else BUILD_INFO
    matchers = f"{{{','.join(filters)}}}" if filters else ""
    query = f"label_values({family.name}{matchers}, {name})"
    built = (
        builders.QueryVariable(name)
        .label(NAMES[name])
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(multi)
        .include_all(multi)
    )
    if multi:
        # Without it, Grafana would list the values: a series without the label has none of them.
        built.all_value(".*")
        everything = dashboard.VariableOption(selected=True, text="All", value="$__all")
        built.current(everything)
    return built.build()
