"""The databases: whether they can be reached, and the lag of standbys."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph, build_stat, build_states
from dashboards.panels.text import UP, Levels, PanelText
from dashboards.queries import BY_DATABASE, MEAN, Query, Scope
from exporter.metrics.catalog import DATABASE_CONNECTIONS, DATABASE_UP, REPLICA_LAG

_BAD = Levels(bad=1)


def databases_down(scope: Scope) -> dashboard.Panel:
    """Show how many databases cannot be reached."""
    text = PanelText(
        "Databases down",
        shows="Databases to which an exporter cannot connect, may not log in, or loses the "
        "connection.",
        act="check that the database runs, then `dsn`, network and password. Meanwhile its sources "
        "are not watched.",
        no_data="no connection tried",
        runbook="SessionsDatabaseDown",
    )
    down = Query("down", f"sum(1 - {scope.fold(DATABASE_UP)})")
    return build_stat(text, [down], unit="none", levels=_BAD)


def databases_over_time(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a database could not be reached."""
    text = PanelText(
        "Databases over time",
        shows="Whether every replica could reach each database.",
        act="compare with the monitoring of the database: if that is fine, check the network and "
        "the password of the role.",
        no_data="no connection tried",
        runbook="SessionsDatabaseDown",
    )
    shown = scope.worst(scope.fold(DATABASE_UP), scope.fold(DATABASE_UP, call=MEAN), lowest=True)
    return build_states(text, Query(BY_DATABASE, shown), UP, width=width)


def connections(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how many connections are open to each database."""
    text = PanelText(
        "Connections",
        shows="Connections that each exporter has open, for collection and for recovery.",
        act="they stay within `max_connections` and `max_recovery_connections`, whatever the "
        "number of sources; lower these if the database needs its connections for others.",
        no_data="no exporter",
    )
    query = Query(f"{{{{use}}}} {BY_DATABASE}", scope.highest(DATABASE_CONNECTIONS))
    return build_graph(text, [query], unit="none", width=width)


def lag(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show how far standbys are behind."""
    text = PanelText(
        "Replica lag",
        shows="How far each standby is behind its primary. Above `max_replica_lag` nothing is "
        "collected from it.",
        act="check the replication: a long query on the standby, or a network that is too slow.",
        no_data="no standby, or its lag is unknown",
        runbook="SessionsReplicaLagging",
    )
    return build_graph(
        text, [Query(BY_DATABASE, scope.highest(REPLICA_LAG))], unit="s", width=width
    )
