"""Collectors that keep some of the rows behind their counts, for the status page and the API.

Reading them loads the database, so they are read only if a count is above 0 and has changed, by the
index of the count, and in at most a hundredth of the time. They are read after the counts in a
separate transaction, so that a failing column of `show` affects no metric.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from exporter.collection.active import Active, ActiveValues
from exporter.collection.active.kept_rows import InconsistentRow, KeptRows
from exporter.collection.daily import Daily, DailyValues
from exporter.collection.rows.inconsistent import CLOSED_KINDS, kinds_of, list_inconsistent
from exporter.collection.rows.row_limit import R, RowLimit
from exporter.errors import SourceError
from exporter.postgres import Reader
from exporter.sessions import SessionTable
from exporter.sessions.orphan_list import Orphan, read_orphans
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: Reading rows takes at most this fraction (1/N) of the time.
_DUTY = 100

#: Seconds after which rows that could not be read are retried, and rows of closed sessions, which
#: need a pass over all days, are read again.
AGAIN_AFTER_SECONDS, CLOSED_AGAIN_AFTER_SECONDS = 300.0, 3600.0

#: Seconds after which they are read again even with unchanged counts, because a column of `show`
#: may have changed.
LONGEST_SECONDS = 600.0


class ActiveWithRows(Active):
    """Keeps orphans and the inconsistent rows among the active ones."""

    def __init__(self, limit: RowLimit) -> None:
        self._limit = limit

    async def collect(
        self,
        reader: Reader,
        table: SessionTable,
        previous: ActiveValues | None,
        verdict: Verdict = NO_EVIDENCE,
    ) -> ActiveValues:
        values = await super().collect(reader, table, previous, verdict)
        limit = self._limit.rows
        if not limit:
            return values

        async def orphans() -> Sequence[Orphan]:
            return await read_orphans(reader, table, limit=limit, verdict=verdict)

        async def inconsistent() -> Sequence[InconsistentRow]:
            kinds = [kind for kind in kinds_of(table.source) if kind not in CLOSED_KINDS]
            found = await list_inconsistent(
                reader, table, kind=None, among=kinds, limit=limit, names_failing=False
            )
            return found.rows

        kept_orphans = kept_inconsistent = None
        if values.total.orphaned:
            before = None if previous is None else previous.orphans
            marks = orphan_marks(values)
            kept_orphans = await _read(reader, self._limit, before, marks, orphans)
        if any(values.inconsistent.values()):
            marks = tuple(values.inconsistent.items())
            others = None if previous is None else previous.inconsistent_rows
            kept_inconsistent = await _read(reader, self._limit, others, marks, inconsistent)
        return replace(values, orphans=kept_orphans, inconsistent_rows=kept_inconsistent)


class DailyWithRows(Daily):
    """Keeps the inconsistent rows among those that are closed."""

    def __init__(self, limit: RowLimit) -> None:
        self._limit = limit

    async def collect(
        self,
        reader: Reader,
        table: SessionTable,
        previous: DailyValues | None,
        verdict: Verdict = NO_EVIDENCE,
    ) -> DailyValues:
        values = await super().collect(reader, table, previous, verdict)
        kinds = [kind for kind in kinds_of(table.source) if kind in CLOSED_KINDS]
        limit = self._limit.rows
        if not limit or not any(values.kinds.get(kind) for kind in kinds):
            return values

        async def inconsistent() -> Sequence[InconsistentRow]:
            found = await list_inconsistent(
                reader, table, kind=None, among=kinds, limit=limit, names_failing=False
            )
            return found.rows

        kept = await _read(
            reader,
            self._limit,
            None if previous is None else previous.inconsistent_rows,
            tuple(values.kinds.items()),
            inconsistent,
            apart=CLOSED_AGAIN_AFTER_SECONDS,
        )
        return replace(values, inconsistent_rows=kept)


def orphan_marks(values: ActiveValues) -> object:
    """Another value where other sessions are orphaned; None where that cannot be told.

    The mean of when the orphans crossed their thresholds stands still as long as they are the same.
    It is of those whose cause is age: of others, the time beyond a threshold is not added up.
    """
    orphaned, by_cause = values.total.orphaned, values.by_cause
    if values.now is None or (by_cause is not None and by_cause["age"] != orphaned):
        return None
    crossed_at = values.now - values.excess / max(orphaned, 1)
    return orphaned, values.oldest_orphan_last_seen, round(crossed_at, 2)


async def _read(
    reader: Reader,
    limit: RowLimit,
    before: KeptRows[R] | None,
    marks: object,
    read: Callable[[], Awaitable[Sequence[R]]],
    *,
    apart: float = 0.0,
) -> KeptRows[R]:
    """The rows from before where they still hold, or else as they are read now."""
    now, most = reader.began_at, limit.rows
    if before is not None and before.most == most:
        apart = max(apart, _DUTY * before.seconds)
        if before.failure is not None:
            apart = max(apart, AGAIN_AFTER_SECONDS)
        elif marks is not None and before.marks == marks:
            apart = max(apart, LONGEST_SECONDS)
        if 0 <= now - before.read_at < apart:
            return before
    busy, failure, rows = reader.seconds, None, tuple[R, ...]()
    try:
        rows = limit.first_of(await read())
    except SourceError as error:
        failure = str(error)
    return KeptRows(rows, marks, now, reader.seconds - busy, failure, most)
