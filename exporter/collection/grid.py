"""Grid: several small numbers of a row as one, because PostgreSQL groups by one column fastest."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """`sizes` of the coordinates: each counts from 0 to before its size."""

    sizes: tuple[int, ...]

    def cell(self, coordinates: Sequence[str]) -> str:
        """SQL that gives the number of a cell, of the SQL of its coordinates."""
        first, *others = coordinates
        number = first
        for size, coordinate in zip(self.sizes[1:], others, strict=True):
            number = f"({number}) * {size} + {coordinate}"
        return number

    def coordinates(self, cell: int) -> list[int]:
        """The coordinates of a numbered cell."""
        found = []
        for size in reversed(self.sizes):
            cell, coordinate = divmod(cell, size)
            found.append(coordinate)
        return found[::-1]
