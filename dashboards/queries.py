"""PromQL for all panels: filtered by the dashboard's variables, replicas folded into one.

The queries use the metrics of the exporter and not the recorded series, so that the dashboards work
without the rules file. Only the state of the alerts comes from it.
"""

from dataclasses import dataclass

from exporter.metrics.catalog import (
    BUILD_INFO,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    DAILY_INFO,
    DATABASE_CONNECTIONS,
    DATABASE_UP,
    EVIDENCE_UP,
    HTTP_CONNECTIONS,
    HTTP_REJECTED,
    REPLICA_LAG,
    WEB_CONFIG_RELOAD_SUCCESSFUL,
    Family,
)

#: The labels in which replicas of the exporter differ.
REPLICAS = "instance, pod, container, endpoint, node"
#: The labels of a target that say where it runs. A Prometheus may lack any of them but `job`.
PLACES = ("job", "namespace", "cluster")
#: The labels that together name one source, and those that name one database.
DATABASE_KEYS = ("database", *PLACES)
SOURCE_KEYS = ("source", *DATABASE_KEYS)
#: Labels by which one Prometheus may tell environments apart, beside those of a target.
_ENVIRONMENTS = (
    "env",
    "environment",
    "stage",
    "region",
    "datacenter",
    "dc",
    "tenant",
    "prometheus",
)
SEPARATING = (*PLACES, *_ENVIRONMENTS)
_BY_PLACE = f"by ({', '.join(PLACES)})"

#: Legends. Grafana leaves out a label that the series does not have.
PLACE = "{{namespace}} {{cluster}}"
BY_SOURCE = f"{{{{source}}}} {{{{database}}}} {PLACE}"
BY_DATABASE = f"{{{{database}}}} {PLACE}"

_ABOUT_PROCESSES = (
    BUILD_INFO,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    WEB_CONFIG_RELOAD_SUCCESSFUL,
    HTTP_CONNECTIONS,
    HTTP_REJECTED,
    EVIDENCE_UP,
)
_ABOUT_DATABASES = (DATABASE_UP, DATABASE_CONNECTIONS, REPLICA_LAG)

#: Calls that rank a series by the shown time range, whatever the step of a graph.
HIGHEST = "max_over_time({}[$__range] @ end())"
LOWEST = "min_over_time({}[$__range] @ end())"
RISE = "increase({}[$__range] @ end())"
MEAN = "avg_over_time({}[$__range] @ end())"
#: The age of a Unix time when it was last read: time() would rank each step of a graph separately.
AGE_AT_THE_END = "timestamp({0} @ end()) - {0} @ end()"
AT_THE_END = "{} @ end()"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel: the name of its lines, value or column, and the PromQL."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a dashboard shows: matchers on its variables, for each kind of series.

    `limit` is the number of series that a panel shows at most, a variable; without it, all.
    """

    process: str
    database: str
    source: str
    alerts: str
    limit: str = ""

    def matchers(self, family: Family) -> str:
        """Choose the matchers for the labels that a metric has."""
        if family in _ABOUT_PROCESSES:
            return self.process
        return self.database if family in _ABOUT_DATABASES else self.source

    def series(self, family: Family, more: str = "", *, suffix: str = "") -> str:
        """Select a metric; `suffix` names a sample of a histogram."""
        matchers = ",".join(each for each in (self.matchers(family), more) if each)
        return f"{family.name}{suffix}{{{matchers}}}"

    def fold(self, family: Family, more: str = "", *, suffix: str = "", call: str = "{}") -> str:
        """Fold replicas as the catalog says, after applying `call` to each of them."""
        selected = call.format(self.series(family, more, suffix=suffix))
        return f"{family.fold} without ({REPLICAS}) ({selected})"

    def age(self, family: Family, more: str = "") -> str:
        """Compute the seconds since the Unix time that a metric holds."""
        return f"time() - {self.fold(family, more)}"

    def fold_dates(self, family: Family, more: str = "") -> str:
        """Fold a daily metric with its calendar day as label `date`.

        Each replica is joined with its own dates: around midnight those of two replicas differ.
        """
        same = f"{REPLICAS}, {', '.join(SOURCE_KEYS)}, days_ago"
        joined = (
            f"{self.series(family, more)} * on ({same}) group_left (date) {self.series(DAILY_INFO)}"
        )
        return f"{family.fold} without ({REPLICAS}) ({joined})"

    def worst(self, expression: str, rank: str, *, among: int = 1, lowest: bool = False) -> str:
        """Keep the series that have the highest rank, or the lowest, at the end of the range.

        `rank` has the labels of the expression. `among` queries share the limit of a panel.
        """
        if not self.limit:
            return expression
        number = f"{self.limit} / {among}" if among > 1 else self.limit
        return f"({expression}) and {'bottomk' if lowest else 'topk'}({number}, {rank})"

    def highest(self, family: Family, more: str = "", *, call: str = HIGHEST) -> str:
        """Show the series of a metric that were highest in the time range, by the call."""
        return self.worst(self.fold(family, more), self.fold(family, more, call=call))

    def alert_series(self, more: str = "", *, name: str = "ALERTS") -> str:
        """Select the alerts of the rules file, those without a database or source included."""
        return f"{name}{{{','.join(each for each in (self.alerts, more) if each)}}}"


def without_name(expression: str) -> str:
    """Drop the name of a metric: in a table it would be a column and prevent joining rows."""
    return f"max without () ({expression})"


def sum_by_place(expression: str) -> str:
    """Add up the sources of one job in one namespace of one cluster."""
    return f"sum {_BY_PLACE} ({expression})"
