"""Columns: one instant query each, how its values look, and how they become the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.models import dashboard

from dashboards.about import PLAIN_LEVELS, Levels, States, mapping, uncolored
from dashboards.dressing import ref_id

_COLORED = {"type": "color-text"}


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
            found.append(("custom.cellOptions", _COLORED))
        return [dashboard.DynamicConfigValue(*each) for each in found]


def colored_label(meanings: States) -> list[dashboard.DynamicConfigValue]:
    """Write how the values of a label look; rows are sorted by it as it is, not as it looks."""
    return [
        dashboard.DynamicConfigValue("mappings", [mapping(meanings)]),
        dashboard.DynamicConfigValue("thresholds", PLAIN_LEVELS.build()),
        dashboard.DynamicConfigValue("custom.cellOptions", _COLORED),
    ]


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
