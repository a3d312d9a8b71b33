"""Tables and bars: instant queries, joined into one row for each set of labels."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.about import About, States
from dashboards.columns import Column, colored_label, joined
from dashboards.dressing import dressed, instant
from dashboards.links import Link
from dashboards.queries import Query

Links = Mapping[str, Sequence[Link]]

#: In pixels. With more days than fit, some are not written out; else they would lie on each other.
_BETWEEN_LABELS = 100


def table(
    about: About,
    columns: Sequence[Column],
    *,
    labels: Sequence[str],
    sort: str,
    hide: Sequence[str] = (),
    links: Links | None = None,
    meanings: Mapping[str, States] | None = None,
    descending: bool = True,
    others_first: bool = False,
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """One row for each set of labels: `labels` first, then the columns, then all other labels.

    Or, with `others_first`, all other labels before the columns. `links` and `meanings` are those
    of labels.
    """
    by = common_builders.TableSortByFieldState().display_name(sort).desc(descending)
    built = (
        table_builders.Panel()
        .filterable(True)
        .sort_by([by])
        .transformations(joined(columns, labels, hide, others_first=others_first))
    )
    # An empty cell would show the text for the table as a whole: that there is nothing at all.
    built.override_by_field_type("string", [dashboard.DynamicConfigValue("noValue", "-")])
    for column in columns:
        if not column.labels_only:
            built.override_by_name(column.name, column.properties())
    for label, states in (meanings or {}).items():
        built.override_by_name(label, colored_label(states))
    for label, places in (links or {}).items():
        built.override_by_name(label, [dashboard.DynamicConfigValue("links", list(places))])
    targets = [each.format(PromQueryFormat.TABLE) for each in instant(_queries(columns))]
    return dressed(built, about, targets, unit="none", width=width, height=height)


def bars(
    about: About,
    columns: Sequence[Column],
    *,
    x: str,
    unit: str,
    colors: Mapping[str, str],
    hide: Sequence[str] = (),
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """One bar for each value of a label, from the first to the last, its columns stacked."""
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
                *joined(columns, [x], hide),
                dashboard.DataTransformerConfig(id_val="sortBy", options=in_order),
            ]
        )
    )
    for name, color in colors.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        built.override_by_name(name, [dashboard.DynamicConfigValue("color", fixed)])
    targets = [each.format(PromQueryFormat.TABLE) for each in instant(_queries(columns))]
    return dressed(built, about, targets, unit=unit, width=width, height=height)


def _queries(columns: Sequence[Column]) -> list[Query]:
    return [Query(each.name, each.expr) for each in columns]
