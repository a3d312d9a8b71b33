"""Which databases can be reached, and how far standbys are behind."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import UP, About, Levels
from dashboards.panels import lines, single, states
from dashboards.queries import BY_DATABASE, Query, Scope
from exporter.metrics.catalog import DATABASE_UP, REPLICA_LAG

_BAD = Levels(bad=1)


def databases_down(scope: Scope) -> dashboard.Panel:
    """Say how many databases cannot be reached."""
    about = About(
        "Databases down",
        shows="Databases to which an exporter cannot connect, may not log in, or loses the "
        "connection.",
        act="see that the database runs; then `dsn`, network and password. Its sources are not "
        "watched meanwhile.",
        no_data="no connection tried",
        runbook="SessionsDatabaseDown",
    )
    down = Query("down", f"sum(1 - {scope.fold(DATABASE_UP)})")
    return single(about, [down], unit="none", levels=_BAD)


def databases_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a database was out of reach."""
    about = About(
        "Databases over time",
        shows="Whether each database could be reached, by every replica.",
        act="compare with the database's own monitoring: where that is fine, look at the network "
        "and at the role's password.",
        no_data="no connection tried",
        runbook="SessionsDatabaseDown",
    )
    return states(about, Query(BY_DATABASE, scope.fold(DATABASE_UP)), UP, width=width)


def lag(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how far standbys are behind."""
    about = About(
        "Replica lag",
        shows="How far each standby is behind its primary. Above `max_replica_lag` nothing is "
        "collected from it.",
        act="look at replication: a long query on the standby, or a network that is too slow.",
        no_data="no standby, or its lag is unknown",
        runbook="SessionsReplicaLagging",
    )
    return lines(about, [Query(BY_DATABASE, scope.fold(REPLICA_LAG))], unit="s", width=width)
