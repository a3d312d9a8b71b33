"""What each exporter costs on its own host. This is about processes: replicas are not folded."""

from grafana_foundation_sdk.models import dashboard

from dashboards.about import About
from dashboards.panels import lines
from dashboards.queries import PLACE, Query, Scope

_REPLICA = "{{instance}} {{job}} " + PLACE


def memory(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the memory of each exporter."""
    about = About(
        "Memory",
        shows="Resident and virtual memory of each exporter.",
        act="resident memory should be flat for a given config; if it grows for days, that is a "
        "bug of ours: restart it, and report it with the log.",
        no_data="no exporter, or not on Linux",
    )
    queries = [
        Query(f"resident {_REPLICA}", f"process_resident_memory_bytes{{{scope.process}}}"),
        Query(f"virtual {_REPLICA}", f"process_virtual_memory_bytes{{{scope.process}}}"),
    ]
    return lines(about, queries, unit="bytes", width=width)


def cpu(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the CPU time of each exporter."""
    about = About(
        "CPU",
        shows="Part of one CPU that each exporter uses.",
        act="near 1 it cannot keep up: fewer sources per exporter, or longer intervals.",
        no_data="no exporter, or not on Linux",
    )
    used = f"rate(process_cpu_seconds_total{{{scope.process}}}[$__rate_interval])"
    return lines(about, [Query(_REPLICA, used)], unit="percentunit", width=width)


def files(scope: Scope, *, width: int = 8) -> dashboard.Panel:
    """Show the open files of each exporter beside how many there may be."""
    about = About(
        "File descriptors",
        shows="Open file descriptors of each exporter, connections included. The table of "
        "exporters says what part that is of how many there may be.",
        act="a number that only grows is a leak: restart it, and report it with the log.",
        no_data="no exporter, or not on Linux",
    )
    query = Query(_REPLICA, f"process_open_fds{{{scope.process}}}")
    return lines(about, [query], unit="none", width=width)
