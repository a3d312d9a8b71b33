"""Tables and bars: instant queries, joined into one row for each set of labels."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.links import Link
from dashboards.panels.columns import Column, color_label, join_frames
from dashboards.panels.defaults import build_instant_queries, build_panel
from dashboards.panels.text import PanelText, States
from dashboards.queries import SEPARATING, SOURCE_KEYS, Query

Links = Mapping[str, Sequence[Link]]

#: In pixels. With more days than fit, some labels are omitted; otherwise they would overlap.
_BETWEEN_LABELS = 100


def build_table(
    text: PanelText,
    columns: Sequence[Column],
    *,
    labels: Sequence[str],
    sort: str,
    last: Sequence[str] = SEPARATING,
    hide: Sequence[str] = (),
    links: Links | None = None,
    meanings: Mapping[str, States] | None = None,
    descending: bool = True,
    others: bool = False,
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """Build a table, one row for each set of labels: `labels`, the columns, then labels in `last`.

    With `others`, all other labels but those in `hide` come before the columns. `links` and
    `meanings` are by label.
    """
    by = common_builders.TableSortByFieldState().display_name(sort).desc(descending)
    built = (
        table_builders.Panel()
        .filterable(True)
        .sort_by([by])
        .transformations(join_frames(columns, labels, hide, last=last, others=others))
    )
    # Otherwise an empty cell would show the text for an empty table.
    built.override_by_field_type("string", [dashboard.DynamicConfigValue("noValue", "-")])
    # A link takes what the cell shows: an empty text selects the series without the label.
    for label in SOURCE_KEYS:
        built.override_by_name(label, [dashboard.DynamicConfigValue("noValue", "")])
    for column in columns:
        if not column.labels_only:
            built.override_by_name(column.name, column.properties())
    for label, states in (meanings or {}).items():
        built.override_by_name(label, color_label(states))
    for label, places in (links or {}).items():
        built.override_by_name(label, [dashboard.DynamicConfigValue("links", list(places))])
    targets = [
        each.format(PromQueryFormat.TABLE) for each in build_instant_queries(_queries(columns))
    ]
    return build_panel(built, text, targets, unit="none", width=width, height=height)


def build_bars(
    text: PanelText,
    columns: Sequence[Column],
    *,
    x: str,
    unit: str,
    colors: Mapping[str, str],
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """Build a bar chart, one bar for each value of label `x` in order, its columns stacked."""
    in_order = {"fields": {}, "sort": [{"field": x, "desc": False}]}
    built = (
        barchart.Panel()
        .x_field(x)
        .x_tick_label_spacing(_BETWEEN_LABELS)
        .stacking(common.StackingMode.NORMAL)
        .show_value(common.VisibilityMode.AUTO)
        .min(0)
        .legend(common_builders.VizLegendOptions().show_legend(True))
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .transformations(
            [
                *join_frames(columns, [x]),
                dashboard.DataTransformerConfig(id_val="sortBy", options=in_order),
            ]
        )
    )
    for name, color in colors.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        built.override_by_name(name, [dashboard.DynamicConfigValue("color", fixed)])
    targets = [
        each.format(PromQueryFormat.TABLE) for each in build_instant_queries(_queries(columns))
    ]
    return build_panel(built, text, targets, unit=unit, width=width, height=height)


def _queries(columns: Sequence[Column]) -> list[Query]:
    return [Query(each.name, each.expr) for each in columns]
