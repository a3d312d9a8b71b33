"""The exporters as scrape targets: replicas are not folded but compared."""

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_exporter_page
from dashboards.panels.columns import Column
from dashboards.panels.graphs import build_states
from dashboards.panels.tables import build_table
from dashboards.panels.text import FAILING, OK, UP, WARNING, Levels, PanelText, States
from dashboards.queries import PLACE, Query, Scope, without_name
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
    """List the exporters; replicas are not folded."""
    text = PanelText(
        "Exporters",
        shows="Each exporter that Prometheus scrapes. A click on the instance opens its status "
        "page, which has the last message of each collection.",
        act="`down` means that the process does not run or cannot be reached. Replicas of one job "
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
    return build_table(
        text,
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
    """List the replicas that watch the same source, with the counts of each."""
    text = PanelText(
        "Replicas that watch this source",
        shows="Each exporter with this source in its config, and its last count. A click on the "
        "instance opens its status page.",
        act="replicas count at slightly different times; a lasting difference means that they read "
        "different databases, or that one of them is stuck.",
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
    return build_table(
        text,
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
    text = PanelText(
        "Exporters over time",
        shows="Whether Prometheus could scrape each exporter. In a gap it was not a target.",
        act="short red bars are restarts or a slow network; a long one is an exporter that is "
        "down.",
        no_data="no target",
        runbook="SessionsExporterDown",
    )
    return build_states(
        text, Query(_REPLICA, f"up{{{scope.process}}}"), UP, width=width, height=height
    )
