"""Events marked on every graph: alerts, starts of the exporter, recoveries."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from dashboards.panels.defaults import DATASOURCE
from dashboards.panels.text import BAD
from dashboards.queries import PLACES, Scope
from exporter.metrics.catalog import RECOVERED

_STARTED = "process_start_time_seconds"


def built_in() -> dashboard.AnnotationQuery:
    """Keep Grafana's own annotations, which users write by hand."""
    grafana = common.DataSourceRef(type_val="grafana", uid="-- Grafana --")
    return (
        builders.AnnotationQuery()
        .name("Annotations & Alerts")
        .datasource(grafana)
        .built_in(1)
        .type("dashboard")
        .icon_color("rgba(0, 211, 255, 1)")
        .enable(True)
        .hide(True)
        .build()
    )


def alerts(scope: Scope) -> dashboard.AnnotationQuery:
    """Mark the time in which an alert about one source fired."""
    return (
        _annotation("Alerts", BAD, scope.alert_series('alertstate="firing"'))
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
        # In a text, Grafana writes the name of a label that is missing; in tags it leaves it out.
        .tag_keys("source,database,collector,kind,brake")
        .build()
    )


def pages(scope: Scope) -> dashboard.AnnotationQuery:
    """Mark the time in which an alert paged, one mark for all sources of a job."""
    fires = scope.alert_series('alertstate="firing",severity="critical"')
    kept = f"alertname, severity, {', '.join(PLACES)}"
    return (
        _annotation("Pages", BAD, f"count by ({kept}) ({fires})")
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
        .tag_keys("cluster,namespace,job")
        .build()
    )


def starts(exporters: str) -> dashboard.AnnotationQuery:
    """Mark the last start of an exporter of each job: the value is the moment, in milliseconds.

    `exporters` follows the name of the metric: matchers, and conditions on the result. Of a crash
    loop, or of many replicas that restart, one start in ten minutes is marked.
    """
    last = f"max by ({', '.join(PLACES)}) ({_STARTED}{exporters})"
    return (
        _annotation("Exporter starts", "blue", f"{last} * 1000", step="10m")
        .use_value_for_time(True)
        .title_format("An exporter started")
        .text_format("{{job}}")
        .tag_keys("cluster,namespace,job")
        .build()
    )


def recoveries(scope: Scope) -> dashboard.AnnotationQuery:
    """Mark when recovery closed sessions of one source, automatically or by hand."""
    recovered = scope.fold(RECOVERED, call="increase({}[$__rate_interval])")
    return (
        _annotation("Recoveries", "purple", f"{recovered} > 0", step="10m")
        .title_format("Sessions were recovered")
        .text_format("{{trigger}} {{source}} {{database}}")
        .tag_keys("source,database,trigger")
        .build()
    )


def recoveries_by_hand(scope: Scope) -> dashboard.AnnotationQuery:
    """Mark when persons closed sessions; automatic recovery of many sources never rests."""
    recovered = scope.fold(RECOVERED, 'trigger="manual"', call="increase({}[$__rate_interval])")
    kept = f"trigger, {', '.join(PLACES)}"
    return (
        _annotation("Recoveries", "purple", f"sum by ({kept}) ({recovered}) > 0")
        .title_format("Sessions were recovered by hand")
        .text_format("{{job}}")
        .tag_keys("cluster,namespace,job")
        .build()
    )


def _annotation(
    name: str, color: str, expression: str, *, step: str = "60s"
) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .hide(False)
        .icon_color(color)
        .expr(expression)
        .step(step)
    )
