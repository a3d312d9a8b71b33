"""The record of earlier closures of a source in the audit, read again from time to time."""

from collections.abc import Iterable
from dataclasses import replace

from exporter.postgres import Reader
from exporter.queries import array
from exporter.recovery.decision.observation import ClosedDay, Record
from exporter.recovery.plan.windows import audited_after
from exporter.recovery.rule.rule import Rule
from exporter.sessions import interval, unix_time

#: The record is read again after this time in seconds, or 20 times as long as reading it took.
RECORD_EVERY = 60.0


class RecordReader:
    """Reads the record of one source: the spent budget in each run, earlier weeks less often."""

    def __init__(self) -> None:
        self._record = Record()
        self._until = float("-inf")

    async def read(
        self,
        reader: Reader,
        rule: Rule,
        *,
        half: float,
        since: float,
        at: float,
        counted: Iterable[str] = (),
    ) -> tuple[Record, int]:
        """The record at monotonic time `at`, and how many sessions were contradicted.

        These are contradictions of the last day, of sessions that became orphaned since a time,
        without the `counted` ones. Sessions that became orphaned within `half` seconds of each
        other are one wave; where each row has its own threshold, no wave of the past is known.
        Raises SourceError.
        """
        if at >= self._until:
            before = reader.seconds
            statement = rule.statement(
                "recovery/decision/record",
                after=audited_after(rule),
                half=interval(half),
            )
            ((largest, days),) = await reader.rows(statement)
            self._record = Record(largest, tuple(ClosedDay(*day) for day in days))
            self._until = at + max(RECORD_EVERY, 20 * (reader.seconds - before))
        statement = rule.statement(
            "recovery/decision/today",
            spent=rule.statement("recovery/decision/spent"),
            after=audited_after(rule),
            since=unix_time(since),
            counted=array(counted),
        )
        ((spent, wrong, contradicted),) = await reader.rows(statement)
        return replace(self._record, spent=spent, wrong=wrong), contradicted
