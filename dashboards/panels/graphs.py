"""Panels with numbers, graphs, state timelines and heatmaps, in one style."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import heatmap as heatmap_builders
from grafana_foundation_sdk.builders import stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.panels.defaults import (
    build_instant_queries,
    build_panel,
    build_range_query,
    ref_id,
    set_levels,
)
from dashboards.panels.text import (
    BAD,
    PLAIN_LEVELS,
    Levels,
    PanelText,
    States,
    map_missing,
    map_values,
)
from dashboards.queries import Query


def build_stat(
    text: PanelText,
    queries: Sequence[Query],
    *,
    unit: str,
    levels: Levels = PLAIN_LEVELS,
    levels_of: Mapping[int, Levels] | None = None,
    meanings: States | None = None,
    width: int = 3,
    decimals: int | None = None,
    names: bool = True,
) -> dashboard.Panel:
    """Build a panel of current numbers, by instant queries: no value from the past is shown.

    `levels_of` sets levels for single queries, by their index; `meanings` are words for values.
    Several values have the names of their queries; without `names`, one query at most has a value.
    """
    built = (
        stat.Panel()
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(
            common.BigValueTextMode.VALUE_AND_NAME
            if names and len(queries) > 1
            else common.BigValueTextMode.VALUE
        )
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .mappings([*([map_values(meanings)] if meanings else []), map_missing(text.no_data)])
    )
    for number, own in (levels_of or {}).items():
        levels_only = [dashboard.DynamicConfigValue("thresholds", own.build())]
        built.override_by_query(ref_id(number), levels_only)
    panel = build_panel(
        built, text, build_instant_queries(queries), unit=unit, width=width, height=4
    )
    return set_levels(panel, levels, decimals)


def build_graph(
    text: PanelText,
    queries: Sequence[Query],
    *,
    unit: str,
    limits: Sequence[Query] = (),
    stacked_bars: bool = False,
    lowest: float | None = 0,
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """Build a graph; `limits` are drawn dashed and red. Where values are unknown it has a gap."""
    built = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(60 if stacked_bars else 0)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(_legend())
        .tooltip(_tooltip())
    )
    if lowest is not None:
        built.min(lowest)
    if stacked_bars:
        built.draw_style(common.GraphDrawStyle.BARS)
        built.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    targets = [build_range_query(each) for each in (*queries, *limits)]
    for number in range(len(queries), len(targets)):
        built.override_by_query(ref_id(number), _limit_style())
    return build_panel(built, text, targets, unit=unit, width=width, height=height)


def build_states(
    text: PanelText, query: Query, meanings: States, *, width: int = 12, height: int = 6
) -> dashboard.Panel:
    """Build a timeline of states, as colored bars."""
    built = (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.8)
        .legend(_legend())
        .tooltip(_tooltip())
        .mappings([map_values(meanings)])
    )
    panel = build_panel(
        built, text, [build_range_query(query)], unit="none", width=width, height=height
    )
    return set_levels(panel, PLAIN_LEVELS)


def build_heatmap(
    text: PanelText, query: Query, *, bucket_unit: str, width: int = 12, height: int = 8
) -> dashboard.Panel:
    """Build a heatmap of a gauge histogram, without a rate: its buckets are current counts."""
    built = (
        heatmap_builders.Panel()
        .calculate(False)
        .color(_shades())
        .rows_frame(heatmap_builders.RowsHeatmapOptions().layout(common.HeatmapCellLayout.AUTO))
        .y_axis(heatmap_builders.YAxisConfig().unit(bucket_unit))
        .cell_values(heatmap_builders.CellValues().unit("short").decimals(0))
        .tooltip(heatmap_builders.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE))
    )
    target = build_range_query(query).format(PromQueryFormat.HEATMAP)
    return build_panel(built, text, [target], unit="short", width=width, height=height)


def _legend() -> common_builders.VizLegendOptions:
    return (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )


def _tooltip() -> common_builders.VizTooltipOptions:
    return (
        common_builders.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )


def _shades() -> heatmap_builders.HeatmapColorOptions:
    # A square root, so that a single old session is visible beside a hundred young ones.
    scheme = heatmap_builders.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME)
    return scheme.scheme("Oranges").fill("dark-orange").exponent(0.5).steps(64).reverse(False)


def _limit_style() -> list[dashboard.DynamicConfigValue]:
    dashes = common.LineStyle(fill="dash", dash=[10, 10])
    color = {"mode": "fixed", "fixedColor": BAD}
    return [
        dashboard.DynamicConfigValue("custom.lineStyle", dashes),
        dashboard.DynamicConfigValue("custom.fillOpacity", 0),
        dashboard.DynamicConfigValue("custom.stacking", {"mode": "none"}),
        dashboard.DynamicConfigValue("color", color),
    ]
