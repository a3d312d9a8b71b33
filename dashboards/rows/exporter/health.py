"""Current numbers about the health of the exporters."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_stat
from dashboards.panels.text import Levels, PanelText
from dashboards.queries import REPLICAS, Query, Scope
from exporter.metrics.catalog import (
    COLLECTION_DURATION,
    COLLECTION_INTERVAL,
    COLLECTION_SUCCESS,
    CONFIG_INFO,
    CONFIG_RELOAD_SUCCESSFUL,
    INDEX_MISSING,
    WEB_CONFIG_RELOAD_SUCCESSFUL,
)

_SOME, _BAD = Levels(warning=1), Levels(bad=1)


def targets_down(scope: Scope) -> dashboard.Panel:
    """Show how many exporters do not answer."""
    text = PanelText(
        "Exporters down",
        shows="Targets that do not answer Prometheus.",
        act="sources that only these exporters watch are not watched: check that the process runs "
        "and can be reached.",
        no_data="no target",
        runbook="SessionsExporterDown",
    )
    down = Query("down", f"sum(1 - up{{{scope.process}}})")
    return build_stat(text, [down], unit="none", levels=_BAD)


def failing_or_down(scope: Scope) -> dashboard.Panel:
    """Show how many collections and exporters fail, for a dashboard about sessions."""
    text = PanelText(
        "Collections and exporters",
        shows="Collectors whose last run failed or that have had no success yet, and exporters "
        "that do not answer. Their counts are missing from the numbers beside this one.",
        act="see the reasons in the last row, and the message on the status page of the exporter.",
        no_data="no exporter",
        runbook="SessionsCollectionFailing",
    )
    queries = [
        Query("failing", f"sum(1 - {scope.fold(COLLECTION_SUCCESS)})"),
        Query("down", f"sum(1 - up{{{scope.process}}})"),
    ]
    return build_stat(text, queries, unit="none", levels=_SOME, levels_of={1: _BAD})


def lacking_index(scope: Scope) -> dashboard.Panel:
    """Show how many collections lack an index."""
    text = PanelText(
        "Without an index",
        shows="Collections whose query is not served by an index: their cost grows with the table.",
        act="`session-exporter sql index` prints the index for a DBA to create.",
        runbook="SessionsIndexMissing",
    )
    query = Query("missing", f"sum({scope.fold(INDEX_MISSING)})")
    return build_stat(text, [query], unit="none", levels=_SOME)


def stretched(scope: Scope) -> dashboard.Panel:
    """Show how many collections run less often than configured."""
    text = PanelText(
        "Stretched intervals",
        shows="Collections that are slow and therefore run less often than config.yaml says.",
        act="see in the table which ones they are, and whether an index is missing.",
        no_data="never collected",
        runbook="SessionsIndexMissing",
    )
    slow = f"20 * {scope.fold(COLLECTION_DURATION)} >= bool {scope.fold(COLLECTION_INTERVAL)}"
    return build_stat(text, [Query("stretched", f"sum({slow})")], unit="none", levels=_SOME)


def configs(scope: Scope) -> dashboard.Panel:
    """Show how many different configs the replicas of one job use."""
    text = PanelText(
        "Configs in use",
        shows="How many different config files the replicas of one job use. It should be 1.",
        act="see in the table which replica differs, and give it the same file as the others.",
        no_data="no exporter",
        runbook="SessionsReplicasDiffer",
    )
    each = f"count without ({REPLICAS}) ({scope.series(CONFIG_INFO)})"
    query = Query("configs", f"max(count without (hash) ({each}))")
    return build_stat(text, [query], unit="none", levels=Levels(warning=2))


def rejected_configs(scope: Scope) -> dashboard.Panel:
    """Show how many jobs have a replica that rejected its new config."""
    text = PanelText(
        "Rejected configs",
        shows="Jobs with an exporter whose config file, or web config file or certificate, was "
        "invalid when it was last read. It keeps the previous one.",
        act="`session-exporter check` lists the errors in the config file, each with its line; the "
        "log has those in the web config file (`event=web_config_invalid`).",
        no_data="no exporter",
        runbook="SessionsConfigReloadFailed",
    )
    queries = [
        Query("config", f"sum(1 - {scope.fold(CONFIG_RELOAD_SUCCESSFUL)})"),
        Query("web config", f"sum(1 - {scope.fold(WEB_CONFIG_RELOAD_SUCCESSFUL)})"),
    ]
    return build_stat(text, queries, unit="none", levels=_SOME)
