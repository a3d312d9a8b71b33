"""Tables and bars: instant queries, joined into one row for each set of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import barchart
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.about import About, Levels, States, mapping, uncolored
from dashboards.dressing import dressed, instant, ref_id
from dashboards.links import Link
from dashboards.queries import Query

Links = Mapping[str, Sequence[Link]]

#: In pixels. With more days than fit, some are not written out; else they would lie on each other.
_BETWEEN_LABELS = 100


@dataclass(frozen=True, slots=True)
class Column:
    """One query of a table and how its values look. `no_data` is what an empty cell shows."""

    name: str
    expr: str
    unit: str = "none"
    no_data: str = "unknown"
    levels: Levels | None = None
    meanings: States = field(default_factory=dict)
    decimals: int | None = None
    labels_only: bool = False
    """Its value is always 1, and left out: it is there for its labels."""
    lasting: bool = False
    """It has an answer wherever another column has one; so it is what is left when one is."""

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """Write it as an override of the column that has its name."""
        found: list[tuple[str, object]] = [("unit", self.unit), ("noValue", self.no_data)]
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        if self.levels:
            found.append(("thresholds", self.levels.build()))
        if self.levels or self.meanings:
            meanings = [mapping(self.meanings)] if self.meanings else []
            found.append(("mappings", [*meanings, uncolored(self.no_data)]))
            found.append(("custom.cellOptions", {"type": "color-text"}))
        return [dashboard.DynamicConfigValue(*each) for each in found]


def table(
    about: About,
    columns: Sequence[Column],
    *,
    labels: Sequence[str],
    sort: str,
    hide: Sequence[str] = (),
    links: Links | None = None,
    descending: bool = True,
    others_first: bool = False,
    width: int = 12,
    height: int = 8,
) -> dashboard.Panel:
    """One row for each set of labels: `labels` first, then the columns, then all other labels.

    Or, with `others_first`, all other labels before the columns.
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


def joined(
    columns: Sequence[Column],
    labels: Sequence[str],
    hide: Sequence[str],
    *,
    others_first: bool = False,
) -> list[dashboard.DataTransformerConfig]:
    """Join the queries' frames where their labels agree, and name and order what comes out.

    In a frame of several the value is called after its query, `Value #A`; a single one, `Value`.
    What counts is how many have an answer: when no exporter does, `up` alone is left, as `Value`.
    """
    named = [(_value(number, len(columns)), each) for number, each in enumerate(columns)]
    named += [("Value", each) for each in columns if each.lasting]
    names = {value: each.name for value, each in named if not each.labels_only}
    nameless = [value for value, each in named if each.labels_only]
    # What has no place comes last, in the order of the frames: labels, then values.
    order = [*labels, *(() if others_first else names)]
    options = {
        "excludeByName": dict.fromkeys(("Time", *hide, *nameless), True),
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": names,
    }
    organize = dashboard.DataTransformerConfig(id_val="organize", options=options)
    merge = dashboard.DataTransformerConfig(id_val="merge", options={})
    return [merge, organize] if len(columns) > 1 else [organize]


def _value(number: int, count: int) -> str:
    return f"Value #{ref_id(number)}" if count > 1 else "Value"


def _queries(columns: Sequence[Column]) -> list[Query]:
    return [Query(each.name, each.expr) for each in columns]
