"""Rows of panels on Grafana's grid of 24 columns, and the number of each panel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.models import dashboard

COLUMNS = 24


class LayoutError(ValueError):
    """Panels do not fill the lines of the grid."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question, and the panels that answer it; `closed` rows are collapsed."""

    title: str
    panels: Sequence[dashboard.Panel]
    closed: bool = False


def place(rows: Sequence[Row]) -> list[dashboard.Panel | dashboard.RowPanel]:
    """Stack the rows and number rows and panels; raises LayoutError."""
    placed: list[dashboard.Panel | dashboard.RowPanel] = []
    numbers = count(1)
    y = 0
    for row in rows:
        head = dashboard.RowPanel(
            title=row.title,
            id_val=next(numbers),
            collapsed=row.closed,
            grid_pos=dashboard.GridPos(h=1, w=COLUMNS, x=0, y=y),
        )
        end = y + 1
        for line in _lines(row):
            end = _place_line(line, end, numbers)
        placed.append(head)
        if row.closed:
            head.panels = list(row.panels)  # a collapsed row has the height of its title
            y += 1
        else:
            placed += row.panels
            y = end
    return placed


def _lines(row: Row) -> Iterator[list[dashboard.Panel]]:
    line: list[dashboard.Panel] = []
    for panel in row.panels:
        line.append(panel)
        width = sum(_position(each).w for each in line)
        if width > COLUMNS:
            raise LayoutError(f"{row.title}: {panel.title} ends in column {width} of {COLUMNS}")
        if width == COLUMNS:
            yield line
            line = []
    if line:
        raise LayoutError(f"{row.title}: the last line does not fill {COLUMNS} columns")


def _place_line(line: Sequence[dashboard.Panel], y: int, numbers: Iterator[int]) -> int:
    heights = {_position(panel).h for panel in line}
    if len(heights) > 1:
        raise LayoutError(f"{line[0].title} and the panels beside it differ in height: {heights}")
    x = 0
    for panel in line:
        position = _position(panel)
        position.x, position.y = x, y
        panel.id_val = next(numbers)
        x += position.w
    return y + heights.pop()


def _position(panel: dashboard.Panel) -> dashboard.GridPos:
    if panel.grid_pos is None:
        raise LayoutError(f"{panel.title} has no size")
    return panel.grid_pos
