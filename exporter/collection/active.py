"""Collector `active`: counts, ages and contradictions of the active rows."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.collection import age_cells, label_split
from exporter.collection.age_cells import AgeCells, Histogram, seconds_ahead
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Row
from exporter.queries import fill, join_lines
from exporter.sessions import CLOCK_QUERY, STATEMENT_TIME, SessionTable, orphaned

#: The labels of a histogram's buckets.
_BOUNDS = [(("le", bound),) for bound in (*(f"{each:.1f}" for each in catalog.BUCKETS), "+Inf")]

#: What keys/count.sql counts, beside each cell.
_KEY_COUNTS = (
    "(SELECT at_limit FROM limited_keys_of_session_exporter)",
    "(SELECT blocked FROM limited_keys_of_session_exporter)",
)

#: What the end of an active row may be, by its coordinate: nothing to report, or a contradiction.
ENDS = ("", "ended_but_active", "impossible_end")

#: The coordinate of a row without a usable threshold of its own; 1 is orphaned, 0 is neither.
UNBOUNDED = 2


@dataclass(slots=True)
class Counts:
    """Active sessions, and how many of them are orphaned and overlong."""

    active: int = 0
    orphaned: int = 0
    overlong: int = 0


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """Keys with as many active sessions as one may have, and those whose orphans are the cause."""

    at_limit: int = 0
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class ActiveValues:
    """What one collection counted among the active rows. Times are Unix timestamps.

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


class Active:
    """One pass over the active rows, every `every` seconds."""

    name = "active"

    def every(self, source: Source) -> float | None:
        return source.every

    def timeout(self, _source: Source) -> float | None:
        return None

    async def collect(
        self, reader: Reader, table: SessionTable, _previous: ActiveValues | None
    ) -> ActiveValues:
        return _values(table, await reader.rows(table.keep(self.name, counting_query)))

    def samples(self, source: Source, values: ActiveValues) -> Iterator[Sample]:
        def counted(family: Family, value: Callable[[Counts], int]) -> Iterator[Sample]:
            return label_split.samples(source, family, values.total, values.by_label, value)

        yield from counted(catalog.ACTIVE, lambda counts: counts.active)
        yield from counted(catalog.ORPHANED, lambda counts: counts.orphaned)
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
        yield from catalog.INCONSISTENT.samples_by("kind", values.inconsistent)


@dataclass(frozen=True, slots=True)
class Grid:
    """The coordinates of a row's cell: its end, whether orphaned, start, last seen, labels.

    Where each row has a threshold of its own, "whether orphaned" may also be UNBOUNDED.
    Last seen has its own where it is declared, and is the start where not.
    """

    starts: AgeCells
    seens: AgeCells
    sizes: list[int]

    @classmethod
    def of(cls, source: Source) -> "Grid":
        has_seen = source.last_seen_at is not None
        starts = AgeCells.of(source.overlong_after, future_tolerance=source.future_tolerance)
        seens = AgeCells.of(future_tolerance=source.future_tolerance) if has_seen else starts
        own = [starts.size, seens.size] if has_seen else [starts.size]
        labels = [len(label.values) + 1 for label in source.labels.values()]
        states = 2 if source.fixed_threshold is not None else UNBOUNDED + 1
        return cls(starts, seens, [len(ENDS), states, *own, *labels])

    def cell(self, table: SessionTable) -> str:
        """SQL that gives the cell of a row; few have an end, for which it is asked only then."""
        coordinates = [self.starts.cell("started_at")]
        if table.last_seen_at is not None:
            coordinates.append(self.seens.cell("last_seen"))
        _, states, *sizes = self.sizes
        cell = age_cells.grid_cell(sizes, [*coordinates, *label_split.names(table)])
        step = math.prod(sizes)
        # Asked of each row by the condition of the list and of recovery. One more boundary of ages
        # would take an eighth less, and say the same only as long as age alone decides.
        is_orphaned, unbounded = "is_orphaned", ""
        if table.threshold is not None:
            is_orphaned = f"orphaned_at < {STATEMENT_TIME.now}"
            unbounded = f"WHEN orphaned_at IS NULL THEN {UNBOUNDED * step} "
        cell = f"CASE WHEN {is_orphaned} THEN {step} {unbounded}ELSE 0 END + {cell}"
        if table.ended_at is not None:
            has_ended = orphaned.has_ended("started_at", "ended_at", STATEMENT_TIME)
            is_impossible = orphaned.is_impossible("started_at", "ended_at")
            step *= states
            end = f"WHEN {has_ended} THEN {step} WHEN {is_impossible} THEN {2 * step}"
            cell = (
                f"CASE WHEN stored_end IS NULL THEN {cell} ELSE CASE {end} ELSE 0 END + {cell} END"
            )
        return cell


def counting_query(table: SessionTable) -> str:
    """The statement that counts the active rows of a table."""
    grid, own = Grid.of(table.source), table.threshold
    is_orphaned = f"{table.orphaned(STATEMENT_TIME)} AS is_orphaned"
    columns = [is_orphaned if own is None else f"{own} AS threshold", *row_columns(table)]
    # Of a cell without a time, neither the oldest nor the sum is asked.
    columns.append(f"{table.started_at.dated} AS dated_start")
    kept, measures = ["dated_start"], _measures("dated_start")
    if table.last_seen_at is not None:
        kept.append("last_seen")
        measures += _measures("last_seen")
    if own is not None:
        kept.append("orphaned_at")
        measures.append(f"-pg_catalog.sum({seconds_ahead('orphaned_at')})")
    for number in range(len(table.integrity)):
        kept.append(f"integrity_{number}")
        measures.append(f"pg_catalog.count(*) FILTER (WHERE integrity_{number})")
    parts = {"columns": join_lines(columns, indent=8)}
    if own is not None:
        parts = _with_orphaned_at(table, parts["columns"])
    if table.limit_key is not None:
        measures += _KEY_COUNTS
        keys = fill("collection/keys/count", keys=table.limited_keys(), max=table.max_per_key)
        parts["clock"] = f"{CLOCK_QUERY},\n{keys}"
    return table.statement(
        "collection/active",
        **parts,
        now=STATEMENT_TIME.now,
        cell=grid.cell(table),
        kept=join_lines(kept),
        measures=join_lines(measures),
    )


def row_columns(table: SessionTable) -> list[str]:
    """What the cell of a row, and its conditions, are computed from, but for the threshold.

    That gives `is_orphaned`, or `orphaned_at` where each row has its own.
    """
    columns = [f"{table.started_at.sql} AS started_at", *label_split.columns(table)]
    if table.last_seen_at is not None:
        columns.append(f"{table.last_seen} AS last_seen")
    if table.ended_at is not None:
        columns += [f"{table.ended_at.sql} AS ended_at", f"({table.ended_at.raw}) AS stored_end"]
    integrity = enumerate(table.integrity)
    return [*columns, *(f"({condition}) AS integrity_{number}" for number, condition in integrity)]


def _with_orphaned_at(table: SessionTable, columns: str) -> dict[str, str]:
    """A further level, in which the columns are read once for each row, and `orphaned_at` follows.

    As an expression of the row it would cost twice as much as all the rest.
    """
    seen = "s.started_at" if table.last_seen_at is None else "s.last_seen"
    orphaned_at = orphaned.orphaned_at(seen, "s.threshold")
    return {
        "columns": f"s.*,\n        {orphaned_at} AS orphaned_at",
        "table": table.statement("collection/thresholds/active_rows", columns=columns),
        "rows": "true\n        OFFSET 0",
    }


def _measures(column: str) -> list[str]:
    """The oldest, and the sum of ages in seconds.

    The sum is of floats, because one of intervals overflows (3,000 rows in the year 1 do it).
    """
    return [
        f"extract(epoch FROM pg_catalog.min({column}))::float8",
        f"-pg_catalog.sum({seconds_ahead(column)})",
    ]


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
    ages, silences, oldest_starts, oldest_orphans, excesses = [], [], [], [], []
    keys = None
    if table.limit_key is not None:
        keys = KeyCounts(*rows[0][-len(_KEY_COUNTS) :]) if rows else KeyCounts()
    for number, _now, sessions, *measures in rows:
        end, state, start, *labels = age_cells.grid_coordinates(grid.sizes, number)
        is_orphaned = state == 1
        oldest_start, age, *others = measures if keys is None else measures[: -len(_KEY_COUNTS)]
        seen, oldest_seen, silence = start, oldest_start, age
        if table.last_seen_at is not None:
            seen, *labels = labels
            oldest_seen, silence, *others = others
        excess = None if fixed is None or silence is None else silence - sessions * fixed
        if fixed is None:
            excess, *others = others
            kinds["unbounded"] += sessions * (state == UNBOUNDED and seen != seens.undated)
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
        excesses.append(excess if is_orphaned else None)
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
    )


def _oldest(timestamps: Iterable[float | None]) -> float | None:
    return min((at for at in timestamps if at is not None), default=None)


def _histogram(family: Family, histogram: Histogram) -> Iterator[Sample]:
    for labels, rows in zip(_BOUNDS, histogram.buckets, strict=True):
        yield Sample(family, labels, rows, "_bucket")
    yield Sample(family, (), histogram.buckets[-1], "_gcount")
    yield Sample(family, (), histogram.sum, "_gsum")
