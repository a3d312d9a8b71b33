"""Counts of recoveries by all exporters and commands, from the audit table, since the start."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.status import TRIGGERS


class AuditCounts(NamedTuple):
    """Since the start of this exporter: they only grow, also when old rows are deleted."""

    recovered: Mapping[str, int]
    undone: int
    contradicted: int


class AuditCounter:
    """Counts the rows of one source as they are added to the audit table or marked in it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._marks: tuple[int, float] | None = None
        self._counted: set[tuple[str, str, int]] = set()
        self._totals: Counter[tuple[str, str]] = Counter()

    async def read(self, reader: Reader) -> AuditCounts:
        """Count new rows and marks, from the first call on. Raises SourceError."""
        if self._marks is None:
            self._marks = await self._current_marks(reader)
            self._counted = await self._since(reader, self._marks)
        found = await self._since(reader, self._marks)
        new = found - self._counted
        self._totals.update((event, trigger) for event, trigger, _ in new)
        # They lie a minute back: what is committed meanwhile is after them, for the next call.
        self._marks = await self._current_marks(reader)
        self._counted = found
        recovered, undone, contradicted = (
            {trigger: self._totals[event, trigger] for trigger in TRIGGERS}
            for event in ("recovered", "undone", "contradicted")
        )
        return AuditCounts(recovered, sum(undone.values()), sum(contradicted.values()))

    async def _since(self, reader: Reader, marks: tuple[int, float]) -> set[tuple[str, str, int]]:
        number, time = str(marks[0]), repr(marks[1])
        source = literal(self._source)
        statement = fill("recovery/audit/counters", source=source, number=number, time=time)
        return {(event, trigger, number) for event, trigger, number in await reader.rows(statement)}

    async def _current_marks(self, reader: Reader) -> tuple[int, float]:
        ((number, time),) = await reader.rows(fill("recovery/audit/counter_marks"))
        return number, time
