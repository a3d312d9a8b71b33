"""RowLimit: the number of rows that the daemon keeps beside the counts, and their memory."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from exporter.collection.active.kept_rows import InconsistentRow
from exporter.sessions.orphan_list import Orphan

#: The most rows of one source, and of one kind of all sources together: memory is bounded.
MOST_ROWS, MOST_OF_ALL, FEWEST_ROWS = 100, 10_000, 10

#: The most bytes of the texts in the rows of one kind, of all sources together: an id may have
#: 8,000 characters.
MOST_BYTES = 32 * 2**20

R = TypeVar("R", Orphan, InconsistentRow)


class RowLimit:
    """The limits of each source, by the number of sources and by whether details may be shown."""

    def __init__(self, sources: int, *, may_be_seen: Callable[[], bool] = lambda: False) -> None:
        """`may_be_seen` is whether there can be readers of rows now; without, none is kept."""
        self.sources = sources
        self.may_be_seen = may_be_seen

    @property
    def rows(self) -> int:
        """The number of rows kept for each source."""
        if not self.may_be_seen():
            return 0
        return max(FEWEST_ROWS, min(MOST_ROWS, MOST_OF_ALL // max(self.sources, 1)))

    def first_of(self, rows: Iterable[R]) -> tuple[R, ...]:
        """The first rows of a list, up to the limits."""
        room = MOST_BYTES // max(self.sources, 1)
        found = list[R]()
        for _, row in zip(range(self.rows), rows, strict=False):
            room -= sum(sys.getsizeof(text) for text in _texts(row))
            if room < 0:
                break
            found.append(row)
        return tuple(found)


def _texts(row: Orphan | InconsistentRow) -> Iterator[str]:
    ids = row.id if isinstance(row.id, tuple) else (row.id,)
    owner = row.owner if isinstance(row, Orphan) else None
    return (text for text in (*ids, *row.show.values(), owner) if text is not None)
