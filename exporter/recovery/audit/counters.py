"""Counts of recoveries by all exporters and commands, from the audit table, since the start."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.status import TRIGGERS


@dataclass(frozen=True, slots=True)
class AuditCounts:
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
        """Count new rows and marks; those of before the first call do not count.

        Raises SourceError.
        """
        if self._marks is None:
            self._marks = await self._current_marks(reader)
            self._counted = await self._since(reader, self._marks)
        found = await self._since(reader, self._marks)
        new = found - self._counted
        self._totals.update((event, trigger) for event, trigger, _ in new)
        # They lie a minute back: what is committed meanwhile is after them, for the next call.
        self._marks = await self._current_marks(reader)
        self._counted = found
        return AuditCounts(
            recovered={each: self._totals["recovered", each] for each in TRIGGERS},
            undone=sum(self._totals["undone", each] for each in TRIGGERS),
            contradicted=sum(self._totals["contradicted", each] for each in TRIGGERS),
        )

    async def _since(self, reader: Reader, marks: tuple[int, float]) -> set[tuple[str, str, int]]:
        number, time = marks
        statement = fill(
            "recovery/audit/counters",
            source=literal(self._source),
            number=str(number),
            time=repr(time),
        )
        return {(event, trigger, number) for event, trigger, number in await reader.rows(statement)}

    async def _current_marks(self, reader: Reader) -> tuple[int, float]:
        ((number, time),) = await reader.rows(fill("recovery/audit/counter_marks"))
        return number, time
