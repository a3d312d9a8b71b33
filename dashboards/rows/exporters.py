"""The exporters one by one: here replicas are not folded but held against each other."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import FAILING, OK, UP, WARNING, About, Levels, States
from dashboards.columns import Column
from dashboards.links import to_exporter_page
from dashboards.panels import states
from dashboards.queries import PLACE, Query, Scope, without_name
from dashboards.tables import table
from exporter.metrics.catalog import (
    BUILD_INFO,
    COLLECTION_LAST_SUCCESS,
    COLLECTION_SUCCESS,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    ORPHANED,
)

_RELOADED: States = {"0": ("rejected", WARNING), "1": ("accepted", OK)}
_REPLICA = "{{instance}} {{job}} " + PLACE


def targets(scope: Scope, *, width: int = 24, height: int = 7) -> dashboard.Panel:
    """List the exporters one by one: this is the place where replicas are not folded."""
    about = About(
        "Exporters",
        shows="Each exporter that Prometheus scrapes. A click on the instance opens its own page, "
        "which has the last message of each collection.",
        act="`down` is a process that does not run or cannot be reached. Replicas of one job "
        "should have the same version and hash.",
        no_data="no target",
        runbook="SessionsExporterDown",
    )
    process = scope.process
    files = f"process_open_fds{{{process}}} / process_max_fds{{{process}}}"
    reloaded = scope.series(CONFIG_RELOAD_SUCCESSFUL)
    columns = [
        Column("state", without_name(f"up{{{process}}}"), meanings=UP, lasting=True),
        Column("build", without_name(scope.series(BUILD_INFO)), labels_only=True),
        Column("config", without_name(scope.series(CONFIG_INFO)), labels_only=True),
        Column("last reload", without_name(reloaded), no_data="unknown", meanings=_RELOADED),
        Column("config read", f"1000 * {scope.series(CONFIG_RELOAD_TIMESTAMP)}", "dateTimeFromNow"),
        Column("started", f"1000 * process_start_time_seconds{{{process}}}", "dateTimeFromNow"),
        Column("file descriptors", files, "percentunit", levels=Levels(warning=0.7, bad=0.9)),
    ]
    return table(
        about,
        columns,
        labels=["instance", "job", "version", "hash"],
        hide=["python"],
        links={"instance": [to_exporter_page()]},
        sort="state",
        descending=False,
        width=width,
        height=height,
    )


def watching(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """List the replicas that watch the same source, and what each of them counts."""
    about = About(
        "Replicas that watch this source",
        shows="Each exporter with this source in its config, and what it counted last. A click on "
        "the instance opens its own page.",
        act="replicas count at slightly different times; a lasting difference means that they look "
        "at different databases, or that one of them is stuck.",
        no_data="no exporter",
        runbook="SessionsReplicasDiffer",
    )
    success = f"min without (collector) ({scope.series(COLLECTION_SUCCESS)})"
    last = scope.series(COLLECTION_LAST_SUCCESS, 'collector="active"')
    columns = [
        Column("collections", success, meanings=FAILING, lasting=True),
        Column("orphaned", without_name(scope.series(ORPHANED)), no_data="unknown"),
        Column("counted ago", f"time() - {last}", "s", no_data="never"),
    ]
    return table(
        about,
        columns,
        labels=["instance", "job"],
        hide=["database", "source", "collector"],
        links={"instance": [to_exporter_page()]},
        sort="instance",
        descending=False,
        width=width,
    )


def targets_over_time(scope: Scope, *, width: int = 12, height: int = 6) -> dashboard.Panel:
    """Show when an exporter did not answer."""
    about = About(
        "Exporters over time",
        shows="Whether Prometheus could scrape each exporter. A gap is a time when Prometheus did "
        "not know it.",
        act="short reds are restarts or a slow network; a long one is an exporter that is down.",
        no_data="no target",
        runbook="SessionsExporterDown",
    )
    return states(about, Query(_REPLICA, f"up{{{scope.process}}}"), UP, width=width, height=height)
