"""The families of the catalog by what they are about, and those that prometheus_client adds."""

from exporter.metrics.catalog import FAMILIES

#: Every family about a source.
SESSION_FAMILIES = tuple(family for family in FAMILIES if family.name.startswith("sessions_"))
#: Every family about the exporter itself.
EXPORTER_FAMILIES = FAMILIES[len(SESSION_FAMILIES) :]

#: Served by prometheus_client's ProcessCollector, on Linux.
PROCESS_METRICS = (
    *("process_virtual_memory_bytes", "process_resident_memory_bytes"),
    *("process_start_time_seconds", "process_cpu_seconds_total"),
    *("process_open_fds", "process_max_fds"),
)
