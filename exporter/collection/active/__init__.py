"""Collector `active`: counts, ages and contradictions of the active rows."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from exporter.collection import age_cells, label_split
from exporter.collection.active import evidence, lost
from exporter.collection.active.evidence import RowsBesideEvidence
from exporter.collection.active.grid import ENDS, KEY_COUNTS, Grid, counting_query
from exporter.collection.active.kept_rows import InconsistentRow, KeptRows
from exporter.collection.active.lost import Losses, closed
from exporter.collection.age_cells import Histogram
from exporter.collection.label_split import Combination
from exporter.config import AnySource, Source
from exporter.errors import PermissionDenied, SchemaMismatch
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Result, Row
from exporter.sessions import CAUSES, SessionTable, evidence_settings
from exporter.sessions.grants import LOST_COLUMNS, audit_access
from exporter.sessions.grants.audit_access import AuditAccess
from exporter.sessions.orphan_list import Orphan
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: The labels of a histogram's buckets.
_BOUNDS = [(("le", bound),) for bound in (*(f"{each:.1f}" for each in catalog.BUCKETS), "+Inf")]


@dataclass(slots=True)
class Counts:
    """Active sessions, and how many of them are orphaned and overlong."""

    active: int = 0
    orphaned: int = 0
    overlong: int = 0


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """Keys at their limit of active sessions, and those that orphans keep there."""

    at_limit: int = 0
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class ActiveValues:
    """The counts of one collection among the active rows. Times are Unix timestamps.

    `now` is the database's own, and None where no row is active.
    """

    now: float | None
    total: Counts
    by_label: Mapping[Combination, Counts]
    age: Histogram
    silence: Histogram | None
    oldest_start: float | None
    oldest_orphan_last_seen: float | None
    excess: float
    """Seconds beyond the threshold, summed over the orphans."""
    inconsistent: Mapping[str, int]
    keys: KeyCounts | None = None
    by_cause: Mapping[str, int] | None = None
    """The orphans by their cause; None: the source has no evidence."""
    evidence: RowsBesideEvidence | None = None
    losses: Losses | None = None
    """None until evidence is known for the first time."""
    newest_start: float | None = None
    """Only for a source without a table; otherwise it belongs to the daily statistics."""
    orphans: KeptRows[Orphan] | None = None
    inconsistent_rows: KeptRows[InconsistentRow] | None = None


class Active:
    """One pass over the active rows, every `every` seconds."""

    name = "active"

    def every(self, source: Source) -> float | None:
        return source.every

    def timeout(self, _source: Source) -> float | None:
        return None

    async def collect(
        self,
        reader: Reader,
        table: SessionTable,
        previous: ActiveValues | None,
        verdict: Verdict = NO_EVIDENCE,
    ) -> ActiveValues:
        before = None if previous is None else previous.losses
        if before is not None and before.reads_audit:
            try:
                return await self._count(reader, table, before, verdict)
            except (PermissionDenied, SchemaMismatch):
                # Perhaps the audit is gone, or the right to read it.
                before = replace(before, reads_audit=False)
        return await self._count(reader, table, before, verdict)

    async def _count(
        self, reader: Reader, table: SessionTable, before: Losses | None, verdict: Verdict
    ) -> ActiveValues:
        counting = lost.of_slice(_counting_query(table, before), before)
        asked = [audit_access.access_query(LOST_COLUMNS)] if closed.is_audited(table) else []
        if not table.source.has_evidence:
            counted, *access = await reader.read(counting, *asked)
            return replace(
                _values(table, _active_rows(counted)),
                losses=_losses(table, counted.rows, access, before, reader),
            )
        settings = await evidence_settings(verdict, table.encoding)
        if before is not None and before.known is not None and not verdict.blind:
            settings += before.known.settings(verdict, table.encoding)
        compared = evidence.queries(table)
        results = await reader.read(*settings, counting, *compared.values(), *asked)
        counted, *others = results[len(settings) :]
        others, access = others[: len(compared)], others[len(compared) :]
        beside = evidence.read(dict(zip(compared, others, strict=True)), verdict.list_at)
        values = replace(_values(table, _active_rows(counted)), evidence=beside)
        if verdict.blind:  # the slice goes on until it is known what was lost in it
            return replace(values, losses=None if before is None else replace(before, lost=0))
        losses = _losses(table, counted.rows, access, before, reader)
        return replace(values, losses=losses.with_evidence(before, verdict, beside))

    def samples(self, source: AnySource, values: ActiveValues) -> Iterator[Sample]:
        def counted(family: Family, value: Callable[[Counts], int]) -> Iterator[Sample]:
            return label_split.samples(source, family, values.total, values.by_label, value)

        yield from counted(catalog.ACTIVE, lambda counts: counts.active)
        yield from counted(catalog.ORPHANED, lambda counts: counts.orphaned)
        if values.by_cause is not None:
            yield from catalog.ORPHANED_BY_CAUSE.samples_by("cause", values.by_cause)
        if source.overlong_after is not None:
            yield from counted(catalog.OVERLONG, lambda counts: counts.overlong)
        if values.keys is not None:
            yield from catalog.KEYS_AT_LIMIT.samples(values.keys.at_limit)
            yield from catalog.KEYS_BLOCKED.samples(values.keys.blocked)
        yield from _histogram(catalog.ACTIVE_AGE, values.age)
        if values.silence is not None:
            yield from _histogram(catalog.ACTIVE_SILENCE, values.silence)
        yield from catalog.OLDEST_ACTIVE_START.samples(values.oldest_start)
        yield from catalog.OLDEST_ORPHAN_LAST_SEEN.samples(values.oldest_orphan_last_seen)
        yield from catalog.ORPHANED_EXCESS.samples(values.excess)
        yield from catalog.NEWEST_START.samples(values.newest_start)
        yield from catalog.INCONSISTENT.samples_by("kind", values.inconsistent)


def _values(table: SessionTable, rows: Sequence[Row]) -> ActiveValues:
    """Add up the rows of active.sql, each of which is a cell: sessions of equal coordinates."""
    source = table.source
    grid = Grid.of(source)
    starts, seens = grid.starts, grid.seens
    total = Counts()
    by_label = {labels: Counts() for labels in label_split.combinations(source)}
    of_end = [] if table.ended_at is None else ENDS[1:]
    fixed = source.fixed_threshold
    of_threshold = [] if fixed is not None else ["unbounded"]
    kinds = dict.fromkeys(["undated", "future", *of_end, *of_threshold, *source.integrity], 0)
    by_cause = dict.fromkeys(CAUSES, 0)
    ages, silences, oldest_starts, oldest_orphans, excesses = [], [], [], [], []
    keys = None
    if table.limit_key is not None:
        keys = KeyCounts(*rows[0][-len(KEY_COUNTS) :]) if rows else KeyCounts()
    for number, _now, sessions, _lost, *measures in rows:
        end, state, start, *labels = age_cells.grid_coordinates(grid.sizes, number)
        cause = grid.cause(state)
        is_orphaned = cause is not None
        oldest_start, age, *others = measures if keys is None else measures[: -len(KEY_COUNTS)]
        seen, oldest_seen, silence = start, oldest_start, age
        if table.last_seen_at is not None:
            seen, *labels = labels
            oldest_seen, silence, *others = others
        excess = None if fixed is None or silence is None else silence - sessions * fixed
        if fixed is None:
            excess, *others = others
            kinds["unbounded"] += sessions * (grid.is_unbounded(state) and seen != seens.undated)
        is_overlong = (
            source.overlong_after is not None
            and not is_orphaned
            and starts.is_older(start, source.overlong_after)
        )
        counted = [total]
        if source.labels:
            counted.append(by_label[label_split.combination(source, labels)])
        for counts in counted:
            counts.active += sessions
            counts.orphaned += sessions * is_orphaned
            counts.overlong += sessions * is_overlong
        kinds["undated"] += sessions * (seen == seens.undated)
        kinds["future"] += sessions * seens.is_future(seen)
        if end:
            kinds[ENDS[end]] += sessions
        for kind, contradicting in zip(source.integrity, others, strict=True):
            kinds[kind] += contradicting
        ages.append((start, sessions, age))
        silences.append((seen, sessions, silence))
        oldest_starts.append(None if start == starts.undated else oldest_start)
        oldest_orphans.append(oldest_seen if is_orphaned else None)
        if cause is not None:
            by_cause[cause] += sessions
        excesses.append(_excess(cause, excess))
    return ActiveValues(
        now=rows[0][1] if rows else None,
        total=total,
        by_label=by_label,
        age=Histogram.of(starts, ages),
        silence=None if table.last_seen_at is None else Histogram.of(seens, silences),
        oldest_start=_oldest(oldest_starts),
        oldest_orphan_last_seen=_oldest(oldest_orphans),
        excess=math.fsum(each for each in excesses if each is not None),
        inconsistent=kinds,
        keys=keys,
        by_cause=by_cause if source.has_evidence else None,
    )


def _counting_query(table: SessionTable, before: Losses | None) -> str:
    if before is not None and before.reads_audit:
        return table.keep("active and closed", partial(counting_query, reads_audit=True))
    return table.keep("active", counting_query)


def _active_rows(counted: Result) -> Sequence[Row]:
    """The rows of active.sql, without the one about sessions that recovery has closed."""
    return [row for row in counted.rows if row[0] != closed.CELL]


def _losses(
    table: SessionTable,
    rows: Sequence[Row],
    access: Sequence[Result],
    before: Losses | None,
    reader: Reader,
) -> Losses:
    """The slice that the rows of active.sql have counted; none of them tell the time either.

    `access` is what the next collection may read of the audit.
    """
    now = rows[0][1] if rows else reader.began_at
    lost_rows = sum(row[3] for row in rows)
    losses = lost.next_slice(before, now, table.source.future_tolerance, lost_rows)
    reads_audit = [audit_access.access_of(each) for each in access] == [AuditAccess.READABLE]
    return replace(losses, reads_audit=reads_audit)


def _excess(cause: str | None, seconds: float | None) -> float | None:
    """Time beyond the threshold; for rows that are stale in a list it may be negative."""
    if seconds is None or cause not in {"age", "stale_in_list"}:
        return None
    return seconds if cause == "age" else max(seconds, 0.0)


def _oldest(timestamps: Iterable[float | None]) -> float | None:
    return min((at for at in timestamps if at is not None), default=None)


def _histogram(family: Family, histogram: Histogram) -> Iterator[Sample]:
    for labels, rows in zip(_BOUNDS, histogram.buckets, strict=True):
        yield Sample(family, labels, rows, "_bucket")
    yield Sample(family, (), histogram.buckets[-1], "_gcount")
    yield Sample(family, (), histogram.sum, "_gsum")
