"""Collector `active`: counts, ages and contradictions of the active rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.collection import label_split
from exporter.collection.age_cells import AgeCells, Grid, Histogram, seconds_ahead
from exporter.collection.label_split import Combination
from exporter.config import Source
from exporter.metrics import catalog
from exporter.metrics.catalog import Family, Sample
from exporter.postgres import Reader, Row
from exporter.queries import join_lines
from exporter.sessions import STATEMENT_TIME, SessionTable


@dataclass(slots=True)
class Counts:
    """Active sessions, and how many of them are orphaned and overlong."""

    active: int = 0
    orphaned: int = 0
    overlong: int = 0


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
    inconsistent: Mapping[str, int]


class _Cell(NamedTuple):
    """One row of active.sql: the sessions that share all cells and labels."""

    is_orphaned: bool
    start: int | None
    seen: int | None
    labels: tuple[int, ...]
    now: float
    rows: int
    oldest_start: float | None
    age: float | None
    oldest_seen: float | None
    silence: float | None
    contradictions: tuple[int, ...]


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
        rows = await reader.rows(table.keep(self.name, counting_query))
        return _values(table, [_cell(table, row) for row in rows])

    def samples(self, source: Source, values: ActiveValues) -> Iterator[Sample]:
        def counted(family: Family, value: Callable[[Counts], int]) -> Iterator[Sample]:
            return label_split.samples(source, family, values.total, values.by_label, value)

        yield from counted(catalog.ACTIVE, lambda counts: counts.active)
        yield from counted(catalog.ORPHANED, lambda counts: counts.orphaned)
        if source.overlong_after is not None:
            yield from counted(catalog.OVERLONG, lambda counts: counts.overlong)
        yield from _histogram(catalog.ACTIVE_AGE, values.age)
        if values.silence is not None:
            yield from _histogram(catalog.ACTIVE_SILENCE, values.silence)
        yield from catalog.OLDEST_ACTIVE_START.samples(values.oldest_start)
        yield from catalog.OLDEST_ORPHAN_LAST_SEEN.samples(values.oldest_orphan_last_seen)
        yield from catalog.INCONSISTENT.samples_by("kind", values.inconsistent)


def _start_cells(source: Source) -> AgeCells:
    return AgeCells.of(source.overlong_after, future_tolerance=source.future_tolerance)


def _seen_cells(source: Source) -> AgeCells:
    """The boundaries for last seen: those of the start where that is the same."""
    if source.last_seen_at is None:
        return _start_cells(source)
    return AgeCells.of(future_tolerance=source.future_tolerance)


def _grid(source: Source) -> Grid:
    """The coordinates of a row: orphaned or not, its start, last seen where declared, labels."""
    seen = [] if source.last_seen_at is None else [_seen_cells(source).size]
    labels = [len(label.values) + 1 for label in source.labels.values()]
    return Grid((2, _start_cells(source).size, *seen, *labels))


def counting_query(table: SessionTable) -> str:
    """The statement that counts the active rows of a table."""
    source = table.source
    columns = [
        f"{table.orphaned(STATEMENT_TIME)} AS is_orphaned",
        f"{table.started_at.sql} AS started_at",
        *label_split.columns(table),
    ]
    coordinates = [
        "CASE WHEN is_orphaned THEN 1 ELSE 0 END",
        _start_cells(source).cell("started_at"),
    ]
    measures = _measures("started_at")
    if table.last_seen_at is not None:
        columns.append(f"{table.last_seen} AS last_seen")
        coordinates.append(_seen_cells(source).cell("last_seen"))
        measures += _measures("last_seen")
    if table.ended_at is not None:
        columns.append(f"{table.ended_at.sql} AS ended_at")
        measures.append(f"count(*) FILTER (WHERE ended_at <= {STATEMENT_TIME.now})")
    for number, condition in enumerate(table.integrity):
        columns.append(f"({condition}) AS integrity_{number}")
        measures.append(f"count(*) FILTER (WHERE integrity_{number})")
    return table.statement(
        "collection/active",
        now=STATEMENT_TIME.now,
        cell=_grid(source).cell([*coordinates, *label_split.names(table)]),
        measures=join_lines(measures),
        columns=join_lines(columns),
    )


def _measures(column: str) -> list[str]:
    """The oldest, and the sum of ages in seconds.

    The sum is of floats, because one of intervals overflows (3,000 rows in the year 1 do it).
    """
    return [f"extract(epoch FROM min({column}))::float8", f"-sum({seconds_ahead(column)})"]


def _cell(table: SessionTable, row: Row) -> _Cell:
    source = table.source
    number, *values = row
    is_orphaned, start, *others = _grid(source).coordinates(number)
    start_cell = seen_cell = _start_cells(source).known(start)
    if table.last_seen_at is None:  # last seen is the start
        values[4:4] = values[2:4]
    else:
        seen_cell = _seen_cells(source).known(others.pop(0))
    coordinates = [bool(is_orphaned), start_cell, seen_cell, tuple(others)]
    return _Cell._make([*coordinates, *values[:6], tuple(values[6:])])


def _values(table: SessionTable, cells: list[_Cell]) -> ActiveValues:
    source = table.source
    starts, seens = _start_cells(source), _seen_cells(source)
    total = Counts()
    by_label = {labels: Counts() for labels in label_split.combinations(source)}
    kinds: Counter[str] = Counter(undated=0, future=0)
    named = ["ended_but_active"] * (table.ended_at is not None) + list(source.integrity)
    kinds.update(dict.fromkeys(named, 0))
    for cell in cells:
        is_overlong = (
            source.overlong_after is not None
            and not cell.is_orphaned
            and starts.is_older(cell.start, source.overlong_after)
        )
        counted = [total]
        if source.labels:
            counted.append(by_label[label_split.combination(source, cell.labels)])
        for counts in counted:
            counts.active += cell.rows
            counts.orphaned += cell.rows * cell.is_orphaned
            counts.overlong += cell.rows * is_overlong
        kinds["undated"] += cell.rows * (cell.seen is None)
        kinds["future"] += cell.rows * seens.is_future(cell.seen)
        kinds.update(dict(zip(named, cell.contradictions, strict=True)))
    return ActiveValues(
        now=cells[0].now if cells else None,
        total=total,
        by_label=by_label,
        age=Histogram.of(starts, ((cell.start, cell.rows, cell.age) for cell in cells)),
        silence=None
        if table.last_seen_at is None
        else Histogram.of(seens, ((cell.seen, cell.rows, cell.silence) for cell in cells)),
        oldest_start=_oldest(cell.oldest_start for cell in cells),
        oldest_orphan_last_seen=_oldest(cell.oldest_seen for cell in cells if cell.is_orphaned),
        inconsistent=dict(kinds),
    )


def _oldest(timestamps: Iterable[float | None]) -> float | None:
    return min((at for at in timestamps if at is not None), default=None)


def _histogram(family: Family, histogram: Histogram) -> Iterator[Sample]:
    bounds = [f"{bound:.1f}" for bound in catalog.BUCKETS] + ["+Inf"]
    for bound, rows in zip(bounds, histogram.buckets, strict=True):
        yield Sample(family, (("le", bound),), rows, "_bucket")
    yield Sample(family, (), histogram.buckets[-1], "_gcount")
    yield Sample(family, (), histogram.sum, "_gsum")
