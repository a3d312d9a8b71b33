"""A table that may hold sessions: its columns by role, a sample, and the ones that were chosen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.discover.facts import ColumnFacts, TableFacts
from exporter.discover.judgement import times
from exporter.discover.reading.sample import RowSample
from exporter.discover.reading.statements import UpdateStatement
from exporter.discover.roles.roles import Role, roles_of
from exporter.discover.roles.words import words_of

#: The names of a start, the plainest first; others come after them.
_PLAIN_STARTS = ("start", "started", "begin", "began", "connect", "connected", "joined", "login")
_PLAIN_ENDS = (
    "end",
    "ended",
    "finish",
    "finished",
    "stop",
    "stopped",
    "completed",
    "closed",
    "left",
)


def may_hold_sessions(table: TableFacts) -> bool:
    """Whether the names of its columns allow that it holds sessions.

    Either it has its own start (its rows may be deleted at the end), or a creation and an end.
    """
    roles = roles_of(table)
    has_start = bool(roles[Role.START] or roles[Role.CREATION])
    ends = roles[Role.END] or roles[Role.STATUS] or roles[Role.FLAG] or roles[Role.SEEN]
    has_range = any(each.base_type in {"tstzrange", "tsrange"} for each in table.columns.values())
    is_started = bool(roles[Role.START]) or (has_start and bool(ends))
    return is_started or (has_range and bool(roles[Role.CREATION]))


@dataclass(slots=True)
class SurveyedTable:
    """A table with what was read of it, and the columns that its sessions are described by."""

    table: TableFacts
    sample: RowSample
    roles: dict[Role, list[ColumnFacts]] = field(default_factory=dict)
    start: ColumnFacts | None = None
    end: ColumnFacts | None = None
    seen: ColumnFacts | None = None
    units: dict[str, str | None] = field(default_factory=dict)
    """Of each number among the times: its unit; None: unknown."""
    end_none: float | None = None
    """What stands for no end in place of NULL, as it is stored."""
    updates: Sequence[UpdateStatement] = ()
    """How the application itself updates the table, most frequent first."""

    @classmethod
    def of(cls, table: TableFacts, sample: RowSample) -> "SurveyedTable":
        found = cls(table, sample, roles_of(table))
        for role in (Role.START, Role.CREATION, Role.END, Role.SEEN, Role.UPDATED):
            for column in found.roles[role]:
                if not column.is_timestamp:
                    found.units[column.name] = times.unit_of(column, sample.of(column))
        found.start = found._choose_start()
        found.end = found._choose_end()
        if found.end is not None:
            found.end_none = times.none_value(found.end, sample.of(found.end))
        seen = found._usable(Role.SEEN)
        found.seen = seen[0] if seen else None
        return found

    @property
    def has_own_start(self) -> bool:
        """Whether it has its own start, and not only the creation of the row."""
        return self.start is not None and self.start in self.roles[Role.START]

    @property
    def generic_seen(self) -> ColumnFacts | None:
        """A sign of life only by its generic name, such as updated_at."""
        usable = self._usable(Role.UPDATED)
        return usable[0] if usable else None

    @property
    def unusable_times(self) -> list[ColumnFacts]:
        """The starts, else the ends, if there are some and no value of them can be a time."""
        for role in (Role.START, Role.END):
            named = self.roles[role]
            if named and not self._usable(role):
                return named
        return []

    def time(self, column: ColumnFacts | None, row: int) -> float | None:
        """A time of a row in seconds since 1970."""
        values = self.sample.of(column)
        if column is None or not values:
            return None
        return times.seconds(values[row], self.units.get(column.name))

    def raw(self, column: ColumnFacts, row: int) -> Any:  # noqa: ANN401 - as it was read
        values = self.sample.of(column)
        return values[row] if values else None

    def has_ended(self, row: int) -> bool | None:
        """Whether a row has an end; None where nothing is known of ends."""
        if self.end is None or not self.sample.of(self.end):
            return None
        value = self.raw(self.end, row)
        if value is None or not math.isfinite(value):
            return False
        return not (self.end_none is not None and value == self.end_none)

    def rows(self) -> Iterator[int]:
        return iter(range(self.sample.count))

    def newest(self, *columns: ColumnFacts | None) -> float | None:
        """The newest time in these columns."""
        found = [
            value
            for column in columns
            if column is not None
            for row in self.rows()
            if (value := self.time(column, row)) is not None
        ]
        return max(found, default=None)

    def _usable(self, role: Role) -> list[ColumnFacts]:
        """Of timestamps all; of numbers those that can be times by their values, or without any."""
        return [
            each
            for each in self.roles[role]
            if each.is_timestamp or self.units.get(each.name) or not self.sample.of(each)
        ]

    def _choose_start(self) -> ColumnFacts | None:
        starts = self._usable(Role.START)
        if starts:
            # A lock is taken for as long as a job runs: most rows have none.
            return min(starts, key=lambda each: (_rank(each, _PLAIN_STARTS), -self._filled(each)))
        created = self._usable(Role.CREATION)
        return created[0] if created else None

    def _filled(self, column: ColumnFacts) -> int:
        """How many rows have a time in a column."""
        none = times.none_value(column, self.sample.of(column))
        return sum(each is not None and each != none for each in self.sample.of(column))

    def _choose_end(self) -> ColumnFacts | None:
        """The one that most rows have; of equal ones the one that is named like the start."""
        ends = self._usable(Role.END)
        start = () if self.start is None else words_of(self.start.name)
        alike = {each.name: len(set(words_of(each.name)) & set(start)) for each in ends}
        same_type = {
            each.name: self.start is not None and each.base_type == self.start.base_type
            for each in ends
        }

        return min(
            ends,
            key=lambda each: (
                not same_type[each.name],
                -self._filled(each),
                -alike[each.name],
                _rank(each, _PLAIN_ENDS),
            ),
            default=None,
        )


def _rank(column: ColumnFacts, plain: tuple[str, ...]) -> int:
    words = words_of(column.name)
    return next((rank for rank, word in enumerate(plain) if word in words), len(plain))
