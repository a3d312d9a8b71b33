"""Events marked on every graph: alerts, starts of the exporter, recoveries."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from dashboards.panels.defaults import DATASOURCE
from dashboards.panels.text import BAD
from dashboards.queries import Scope
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
    """Mark the time in which an alert fired."""
    return (
        _annotation("Alerts", BAD, scope.alert_series('alertstate="firing"'))
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
        # In a text, Grafana writes the name of a label that is missing; in tags it leaves it out.
        .tag_keys("source,database,collector,kind,brake")
        .build()
    )


def starts(exporters: str) -> dashboard.AnnotationQuery:
    """Mark the start of each exporter: the value is the moment, in milliseconds for Grafana.

    `exporters` follows the name of the metric: matchers, and conditions on the result.
    """
    return (
        _annotation("Exporter starts", "blue", f"({_STARTED}{exporters}) * 1000")
        .use_value_for_time(True)
        .title_format("The exporter started")
        .text_format("{{job}} {{instance}}")
        .tag_keys("job")
        .build()
    )


def recoveries(scope: Scope) -> dashboard.AnnotationQuery:
    """Mark when recovery closed sessions, automatically or by hand."""
    recovered = scope.fold(RECOVERED, call="increase({}[$__rate_interval])")
    return (
        _annotation("Recoveries", "purple", f"{recovered} > 0")
        .title_format("Sessions were recovered")
        .text_format("{{trigger}} {{source}} {{database}}")
        .tag_keys("source,database,trigger")
        .build()
    )


def _annotation(name: str, color: str, expression: str) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .hide(False)
        .icon_color(color)
        .expr(expression)
        .step("60s")
    )
