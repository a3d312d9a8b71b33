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


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel: the name of its lines, value or column, and the PromQL."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a dashboard shows: matchers on its variables, for each kind of series."""

    process: str
    database: str
    source: str
    alerts: str

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

    def dated(self, family: Family) -> str:
        """A metric by `days_ago`, by the date that each day has in the zone of its source."""
        same = "cluster, namespace, job, database, source, days_ago"
        info = f"(count without ({REPLICAS}) ({self.series(DAILY_INFO)}) ^ 0)"
        dated = f"{self.fold(family)} * on ({same}) group_left (date) {info}"
        return f"max without (days_ago) ({dated})"

    def age(self, family: Family, more: str = "") -> str:
        """Compute the seconds since the Unix time that a metric holds."""
        return f"time() - {self.fold(family, more)}"

    def alert_series(self, more: str = "", *, name: str = "ALERTS") -> str:
        """Select the alerts of the rules file, those without a database or source included."""
        return f"{name}{{{','.join(each for each in (self.alerts, more) if each)}}}"


def without_name(expression: str) -> str:
    """Drop the name of a metric: in a table it would be a column and prevent joining rows."""
    return f"max without () ({expression})"
