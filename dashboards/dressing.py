"""What panels of all kinds have: words, queries, a size, a unit, and a text for "no data"."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.about import About, Levels
from dashboards.links import RUNBOOKS
from dashboards.queries import Query

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")


def dressed(
    builder: Builder[dashboard.Panel],
    about: About,
    targets: Sequence[prometheus.Dataquery],
    *,
    unit: str,
    width: int,
    height: int,
) -> dashboard.Panel:
    """Give a panel what all kinds have."""
    panel = builder.build()
    panel.title, panel.description = about.title, about.description
    panel.datasource = DATASOURCE
    panel.grid_pos = dashboard.GridPos(h=height, w=width)
    panel.targets = [
        each.ref_id(ref_id(number)).datasource(DATASOURCE).build()
        for number, each in enumerate(targets)
    ]
    shown = _defaults(panel)
    shown.unit, shown.no_value = unit, about.no_data
    panel.links = [] if not about.runbook else [_runbook(about.runbook)]
    return panel


def graded(panel: dashboard.Panel, levels: Levels, decimals: int | None = None) -> dashboard.Panel:
    """Color values by their size."""
    shown = _defaults(panel)
    shown.thresholds = levels.build()
    shown.color = dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS)
    shown.decimals = decimals
    return panel


def instant(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    """Ask for the values of now."""
    return [ranged(each).instant() for each in queries]


def ranged(query: Query) -> prometheus.Dataquery:
    """Ask for the values over the time that is shown."""
    built = prometheus.Dataquery().expr(query.expr).legend_format(query.name).range()
    return built.format(PromQueryFormat.TIME_SERIES)


def ref_id(number: int) -> str:
    """Name the queries of a panel in their order, from A on."""
    return chr(ord("A") + number)


def _defaults(panel: dashboard.Panel) -> dashboard.FieldConfig:
    if panel.field_config is None:
        panel.field_config = dashboard.FieldConfigSource()
    return panel.field_config.defaults


def _runbook(alert: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(
        title=f"Runbook: {alert}", url=f"{RUNBOOKS}{alert}.md", target_blank=True
    )
