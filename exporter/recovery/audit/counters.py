"""AuditCounts what the audit table says, whoever wrote it, since this exporter has started."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.status import TRIGGERS


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """Since the start: they only grow, also when old rows are forgotten."""

    recovered: Mapping[str, int]
    undone: int
    contradicted: int


class AuditCounter:
    """Reads what is new in the audit table of one source."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._marks: tuple[int, float] | None = None
        self._counted: set[tuple[str, str, int]] = set()
        self._totals: Counter[tuple[str, str]] = Counter()

    async def read(self, reader: Reader) -> AuditCounts:
        """Add what is new. What was there at the first call does not count."""
        if self._marks is None:
            self._marks = await self._current_marks(reader)
            self._counted = await self._since(reader, self._marks)
        found = await self._since(reader, self._marks)
        new = found - self._counted
        self._totals.update((what, trigger) for what, trigger, _ in new)
        # Marks first: what comes in between is found again, and known.
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
        (result,) = await reader.read(statement)
        return {(what, trigger, number) for what, trigger, number in result.rows}

    async def _current_marks(self, reader: Reader) -> tuple[int, float]:
        (result,) = await reader.read(fill("recovery/audit/counter_marks"))
        number, time = result.rows[0]
        return number, time
