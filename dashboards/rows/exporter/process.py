"""Resources that each exporter process uses on its host; replicas are not folded."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph
from dashboards.panels.text import PanelText
from dashboards.queries import PLACE, Query, Scope
from exporter.metrics.catalog import HTTP_CONNECTIONS, HTTP_REJECTED

_REPLICA = "{{instance}} {{job}} " + PLACE


def memory(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the memory of each exporter."""
    text = PanelText(
        "Memory",
        shows="Resident and virtual memory of each exporter.",
        act="resident memory should be constant for a given config; if it grows for days, that is "
        "a bug: restart the exporter, and report it with the log.",
        no_data="no exporter, or not on Linux",
    )
    queries = [
        Query(f"resident {_REPLICA}", f"process_resident_memory_bytes{{{scope.process}}}"),
        Query(f"virtual {_REPLICA}", f"process_virtual_memory_bytes{{{scope.process}}}"),
    ]
    return build_graph(text, queries, unit="bytes", width=width)


def cpu(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the CPU time of each exporter."""
    text = PanelText(
        "CPU",
        shows="Share of one CPU that each exporter uses.",
        act="near 1 it cannot keep up: use fewer sources per exporter, or longer intervals.",
        no_data="no exporter, or not on Linux",
    )
    used = f"rate(process_cpu_seconds_total{{{scope.process}}}[$__rate_interval])"
    return build_graph(text, [Query(_REPLICA, used)], unit="percentunit", width=width)


def files(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the open file descriptors of each exporter."""
    text = PanelText(
        "File descriptors",
        shows="Open file descriptors of each exporter, connections included. The table of "
        "exporters shows them as a share of the limit.",
        act="a number that only grows is a leak: restart the exporter, and report it with the log.",
        no_data="no exporter, or not on Linux",
    )
    query = Query(_REPLICA, f"process_open_fds{{{scope.process}}}")
    return build_graph(text, [query], unit="none", width=width)


def http(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the connections to the web servers, and what they refuse."""
    text = PanelText(
        "HTTP",
        shows="Open connections to the web server of an exporter, and requests and connections "
        "that it refused in a minute, by reason.",
        act="refusals without end are a client that is broken or hostile: the log names its "
        "address (`event=http_rejecting`). Scrapes go on.",
        no_data="no exporter",
    )
    rejected = scope.fold(HTTP_REJECTED, call="60 * rate({}[$__rate_interval])")
    queries = [
        Query(f"open {PLACE}", scope.fold(HTTP_CONNECTIONS)),
        Query(f"refused: {{{{reason}}}} {PLACE}", rejected),
    ]
    return build_graph(text, queries, unit="none", width=width)
