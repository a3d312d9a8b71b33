"""Is an exporter in trouble now? Numbers of this moment."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About, Levels
from dashboards.panels import single
from dashboards.queries import REPLICAS, Query, Scope
from exporter.metrics.catalog import (
    COLLECTION_DURATION,
    COLLECTION_INTERVAL,
    COLLECTION_SUCCESS,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    INDEX_MISSING,
)

_SOME, _BAD = Levels(warning=1), Levels(bad=1)


def targets_down(scope: Scope) -> dashboard.Panel:
    """Say how many exporters do not answer."""
    about = About(
        "Exporters down",
        shows="Targets that do not answer Prometheus.",
        act="nobody watches what only they watch: see that the process runs and can be reached.",
        no_data="no target",
        runbook="SessionsExporterDown",
    )
    down = Query("down", f"sum(1 - up{{{scope.process}}})")
    return single(about, [down], unit="none", levels=_BAD)


def failing_or_down(scope: Scope) -> dashboard.Panel:
    """Say how much is not watched, on a dashboard that is about sessions."""
    about = About(
        "Collections and exporters",
        shows="Collectors whose last run failed or that had no success yet, and exporters that do "
        "not answer. What they count is missing from the numbers beside this one.",
        act="see the reasons in the last row, and the message on the exporter's own page.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    queries = [
        Query("failing", f"sum(1 - {scope.fold(COLLECTION_SUCCESS)})"),
        Query("down", f"sum(1 - up{{{scope.process}}})"),
    ]
    return single(about, queries, unit="none", levels=_SOME, levels_of={1: _BAD})


def lacking_index(scope: Scope) -> dashboard.Panel:
    """Say how many collections no index serves."""
    about = About(
        "Without an index",
        shows="Collections whose query no index serves: their cost grows with the table.",
        act="`session-exporter sql index` prints the index for a DBA to create.",
        runbook="SessionsIndexMissing",
    )
    query = Query("missing", f"sum({scope.fold(INDEX_MISSING)})")
    return single(about, [query], unit="none", levels=_SOME)


def stretched(scope: Scope) -> dashboard.Panel:
    """Say how many collections run less often than they were configured to."""
    about = About(
        "Stretched intervals",
        shows="Collections that are slow, and therefore run less often than config.yaml says.",
        act="see which ones in the table, and whether an index is missing.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    slow = f"20 * {scope.fold(COLLECTION_DURATION)} >= bool {scope.fold(COLLECTION_INTERVAL)}"
    return single(about, [Query("stretched", f"sum({slow})")], unit="none", levels=_SOME)


def configs(scope: Scope) -> dashboard.Panel:
    """Say how many different configs replicas of one job use."""
    about = About(
        "Configs in use",
        shows="How many different config files the replicas of one job run on. 1 is right.",
        act="see in the table which replica differs, and give it the same file as the others.",
        no_data="no exporter",
        runbook="SessionsReplicasDiffer",
    )
    each = f"count without ({REPLICAS}) ({scope.series(CONFIG_INFO)})"
    query = Query("configs", f"max(count without (hash) ({each}))")
    return single(about, [query], unit="none", levels=Levels(warning=2))


def rejected_configs(scope: Scope) -> dashboard.Panel:
    """Say how many jobs have a replica that could not read its new config."""
    about = About(
        "Rejected configs",
        shows="Jobs with an exporter whose config file was wrong when it was last read. It goes on "
        "with the one before.",
        act="`session-exporter check` says what is wrong in the file, with the line.",
        no_data="no exporter",
        runbook="SessionsConfigReloadFailed",
    )
    query = Query("rejected", f"sum(1 - {scope.fold(CONFIG_RELOAD_SUCCESSFUL)})")
    return single(about, [query], unit="none", levels=_SOME)
