"""Columns of tables: an instant query each, its format, and the join into rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.defaults import ref_id
from dashboards.panels.text import PLAIN_LEVELS, Levels, States, map_missing, map_values

_COLORED = {"type": "color-text"}


@dataclass(frozen=True, slots=True)
class Column:
    """One query of a table and the format of its values. An empty cell shows `no_data`."""

    name: str
    expr: str
    unit: str = "none"
    no_data: str = "unknown"
    levels: Levels | None = None
    meanings: States = field(default_factory=dict)
    decimals: int | None = None
    labels_only: bool = False
    """Only its labels are shown: its value is always 1."""
    lasting: bool = False
    """It has a value in every row, and so remains when no other column has any."""

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """Build the overrides for the column of this name."""
        found: list[tuple[str, object]] = [("unit", self.unit), ("noValue", self.no_data)]
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        if self.levels:
            found.append(("thresholds", self.levels.build()))
        if self.levels or self.meanings:
            meanings = [map_values(self.meanings)] if self.meanings else []
            found.append(("mappings", [*meanings, map_missing(self.no_data)]))
            found.append(("custom.cellOptions", _COLORED))
        return [dashboard.DynamicConfigValue(*each) for each in found]


def color_label(meanings: States) -> list[dashboard.DynamicConfigValue]:
    """Build texts and colors for the values of a label; rows are sorted by the raw value."""
    return [
        dashboard.DynamicConfigValue("mappings", [map_values(meanings)]),
        dashboard.DynamicConfigValue("thresholds", PLAIN_LEVELS.build()),
        dashboard.DynamicConfigValue("custom.cellOptions", _COLORED),
    ]


def join_frames(
    columns: Sequence[Column],
    labels: Sequence[str],
    hide: Sequence[str] = (),
    *,
    last: Sequence[str] = (),
    others: bool = False,
) -> list[dashboard.DataTransformerConfig]:
    """Join the frames of the queries on their labels, and name and order the columns.

    They are `labels`, the values, and the labels in `last`; with `others`, the other labels come
    after `labels`, but for those in `hide`. Without it they are removed: scrape configs add labels
    of their own to every series.

    Grafana names a value after its query (`Value #A`) where several queries return data, and
    `Value` where a single one does: without any exporter only `up` returns data.
    """
    named = [(_value(number, len(columns)), each) for number, each in enumerate(columns)]
    named += [("Value", each) for each in columns if each.lasting]
    names = {value: each.name for value, each in named if not each.labels_only}
    nameless = [value for value, each in named if each.labels_only]
    # Fields that are not listed come last, in the order of the frames: labels, then values.
    order = [*labels, *(() if others else [*names, *last])]
    options = {
        "excludeByName": dict.fromkeys(("Time", *hide, *nameless), True),
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": names,
    }
    organize = dashboard.DataTransformerConfig(id_val="organize", options=options)
    merge = dashboard.DataTransformerConfig(id_val="merge", options={})
    found = [merge, organize] if len(columns) > 1 else [organize]
    if not others:
        shown = [*labels, *dict.fromkeys(names.values()), *last]
        found.append(
            dashboard.DataTransformerConfig(
                id_val="filterFieldsByName", options={"include": {"names": shown}}
            )
        )
    return found


def _value(number: int, count: int) -> str:
    return f"Value #{ref_id(number)}" if count > 1 else "Value"
