"""Counts of rows of the audit table, for counters of metrics."""

from collections import Counter

from exporter.postgres import Reader, Row
from exporter.queries import fill, literal
from exporter.recovery.status import TRIGGERS, RecoveryStatus


class AuditCounter:
    """Counts rows of one source as they are added or marked, since the first call of read().

    The counts never fall, even when old rows are deleted.
    """

    def __init__(self, source: str, before: RecoveryStatus) -> None:
        """Continue the counts of `before`."""
        self._source = source
        self._marks: tuple[int, float] | None = None
        self._counted: set[Row] = set()
        self._totals: Counter[tuple[str, str]] = Counter(
            {("recovered", trigger): count for trigger, count in before.recovered.items()}
            # The trigger of these does not matter: each is served as one number.
            | {("undone", "auto"): before.undone, ("contradicted", "auto"): before.contradicted}
        )

    async def read(self, reader: Reader) -> tuple[dict[str, int], int, int]:
        """Recovered by trigger, undone, contradicted, with new rows. Raises SourceError."""
        if self._marks is None:
            self._marks = await self._current_marks(reader)
            self._counted = await self._since(reader, self._marks)
        found = await self._since(reader, self._marks)
        self._totals.update((event, trigger) for event, trigger, _ in found - self._counted)
        # They are a minute back: rows that are committed meanwhile are left to the next call.
        self._marks = await self._current_marks(reader)
        self._counted = found
        recovered, undone, contradicted = (
            {trigger: self._totals[event, trigger] for trigger in TRIGGERS}
            for event in ("recovered", "undone", "contradicted")
        )
        return recovered, sum(undone.values()), sum(contradicted.values())

    async def _since(self, reader: Reader, marks: tuple[int, float]) -> set[Row]:
        """Event, trigger and number of each row."""
        number, time = str(marks[0]), repr(marks[1])
        source = literal(self._source)
        statement = fill("recovery/audit/counters", source=source, number=number, time=time)
        return set(await reader.rows(statement))

    async def _current_marks(self, reader: Reader) -> tuple[int, float]:
        ((number, time),) = await reader.rows(fill("recovery/audit/counter_marks"))
        return number, time
