"""PromQL as all panels write it: filtered by the dashboard's variables, replicas folded into one.

The metrics are the exporter's own and not those that the rules file records, so that the dashboards
work without it. Only the state of the alerts comes from the rules.
"""

from dataclasses import dataclass

from exporter.metrics.catalog import (
    BUILD_INFO,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    DATABASE_UP,
    REPLICA_LAG,
    Family,
)

#: What tells replicas of the exporter apart, and nothing else.
REPLICAS = "instance, pod, container, endpoint, node"

#: What a line is called. A label that a series does not have leaves nothing.
PLACE = "{{namespace}} {{cluster}}"
BY_SOURCE = f"{{{{source}}}} {{{{database}}}} {PLACE}"
BY_DATABASE = f"{{{{database}}}} {PLACE}"

_ABOUT_PROCESSES = (BUILD_INFO, CONFIG_INFO, CONFIG_RELOAD_SUCCESSFUL, CONFIG_RELOAD_TIMESTAMP)
_ABOUT_DATABASES = (DATABASE_UP, REPLICA_LAG)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel: what its lines, its value or its column are called, and the PromQL."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a dashboard is about: matchers on the dashboard's variables, for each kind of series."""

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
        """Put replicas together as the catalog says, after `call` for each of them."""
        selected = call.format(self.series(family, more, suffix=suffix))
        return f"{family.fold} without ({REPLICAS}) ({selected})"

    def age(self, family: Family, more: str = "") -> str:
        """Tell how long ago the moment is that a metric gives as Unix time."""
        return f"time() - {self.fold(family, more)}"

    def alert_series(self, more: str = "", *, name: str = "ALERTS") -> str:
        """Select the alerts of our rules; those about no database or source are among them."""
        return f"{name}{{{','.join(each for each in (self.alerts, more) if each)}}}"


def without_name(expression: str) -> str:
    """Drop the name of a metric: in a table it would be a column, and hold rows apart."""
    return f"max without () ({expression})"
