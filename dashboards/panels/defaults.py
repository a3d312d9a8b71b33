"""The parts that all panels have: texts, queries, a size, a unit, and a text for "no data"."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.links import RUNBOOKS
from dashboards.panels.text import Levels, PanelText
from dashboards.queries import Query

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")


def build_panel(
    builder: Builder[dashboard.Panel],
    text: PanelText,
    targets: Sequence[prometheus.Dataquery],
    *,
    unit: str,
    width: int,
    height: int,
) -> dashboard.Panel:
    """Build a panel and set the parts that all kinds have."""
    panel = builder.build()
    panel.title, panel.description = text.title, text.description
    panel.datasource = DATASOURCE
    panel.grid_pos = dashboard.GridPos(h=height, w=width)
    panel.targets = [
        each.ref_id(ref_id(number)).datasource(DATASOURCE).build()
        for number, each in enumerate(targets)
    ]
    shown = _defaults(panel)
    shown.unit, shown.no_value = unit, text.no_data
    panel.links = [] if not text.runbook else [_runbook(text.runbook)]
    return panel


def set_levels(
    panel: dashboard.Panel, levels: Levels, decimals: int | None = None
) -> dashboard.Panel:
    """Color values by their level, and round them to `decimals`."""
    shown = _defaults(panel)
    shown.thresholds = levels.build()
    shown.color = dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS)
    shown.decimals = decimals
    return panel


def build_instant_queries(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    """Build queries for the values at the end of the time range."""
    return [build_range_query(each).instant() for each in queries]


def build_range_query(query: Query) -> prometheus.Dataquery:
    """Build a query for the values over the time range."""
    built = prometheus.Dataquery().expr(query.expr).legend_format(query.name).range()
    return built.format(PromQueryFormat.TIME_SERIES)


def ref_id(number: int) -> str:
    """Return the letter of the query with this number: A, B, and so on."""
    return chr(ord("A") + number)


def _defaults(panel: dashboard.Panel) -> dashboard.FieldConfig:
    if panel.field_config is None:
        panel.field_config = dashboard.FieldConfigSource()
    return panel.field_config.defaults


def _runbook(alert: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(
        title=f"Runbook: {alert}", url=f"{RUNBOOKS}{alert}.md", target_blank=True
    )
