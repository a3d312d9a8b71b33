"""The grid of cells in which active rows are counted, and the statement that counts them."""

import math
from dataclasses import dataclass

from exporter.collection import age_cells, label_split
from exporter.collection.active.lost import statement as lost
from exporter.collection.active.lost.closed import closed_losses
from exporter.collection.age_cells import AgeCells, seconds_ahead
from exporter.config import Source
from exporter.queries import fill, join_lines
from exporter.sessions import CAUSES, CLOCK_QUERY, STATEMENT_TIME, SessionTable, orphaned

#: The counts of keys/count.sql, beside each cell.
KEY_COUNTS = (
    "(SELECT at_limit FROM limited_keys_of_session_exporter)",
    "(SELECT blocked FROM limited_keys_of_session_exporter)",
)

#: The states of the end of an active row, by coordinate: nothing to report, or a contradiction.
ENDS = ("", "ended_but_active", "impossible_end")

#: The coordinate of a row whose own threshold is unusable; 1 is orphaned, 0 is neither.
UNBOUNDED = 2

#: With evidence: 0, or 1 plus the number of its cause; and the same number of states again for
#: unbounded rows, which evidence may still prove orphaned.
_STATES_OF_EVIDENCE = 1 + len(CAUSES)


@dataclass(frozen=True, slots=True)
class Grid:
    """The coordinates of a row's cell: its end, whether orphaned, start, last seen, labels.

    Where each row has its own threshold, "whether orphaned" may also be UNBOUNDED. With evidence it
    is by cause. There is a separate coordinate for last seen if it is declared; otherwise it is the
    start.
    """

    starts: AgeCells
    seens: AgeCells
    sizes: list[int]
    has_evidence: bool

    @classmethod
    def of(cls, source: Source) -> "Grid":
        has_seen = source.last_seen_at is not None
        starts = AgeCells.of(source.overlong_after, future_tolerance=source.future_tolerance)
        seens = AgeCells.of(future_tolerance=source.future_tolerance) if has_seen else starts
        own = [starts.size, seens.size] if has_seen else [starts.size]
        labels = [len(label.values) + 1 for label in source.labels.values()]
        states = 2 if source.fixed_threshold is not None else UNBOUNDED + 1
        if source.has_evidence:
            states = _STATES_OF_EVIDENCE * (1 + (source.fixed_threshold is None))
        return cls(starts, seens, [len(ENDS), states, *own, *labels], source.has_evidence)

    def cause(self, state: int) -> str | None:
        """Why the rows of a state are orphaned; None where they are not."""
        if self.has_evidence:
            cause = state % _STATES_OF_EVIDENCE
            return CAUSES[cause - 1] if cause else None
        return "age" if state == 1 else None

    def number_of_cause(self, cell: str) -> str:
        """SQL that gives the number of the cause of a cell, which is SQL too; with evidence."""
        return f"{age_cells.grid_coordinate(self.sizes, cell, 1)} % {_STATES_OF_EVIDENCE}"

    def is_unbounded(self, state: int) -> bool:
        """Whether the rows of a state have no usable threshold of their own."""
        return state >= _STATES_OF_EVIDENCE if self.has_evidence else state == UNBOUNDED

    def unbounded(self, state: str) -> str:
        """is_unbounded() of a state that is SQL."""
        return (
            f"{state} >= {_STATES_OF_EVIDENCE}" if self.has_evidence else f"{state} = {UNBOUNDED}"
        )

    def cell(self, table: SessionTable) -> str:
        """SQL that gives the cell of a row; the end is evaluated only for rows that have one."""
        coordinates = [self.starts.cell("started_at")]
        if table.last_seen_at is not None:
            coordinates.append(self.seens.cell("last_seen"))
        _, states, *sizes = self.sizes
        cell = age_cells.grid_cell(sizes, [*coordinates, *label_split.names(table)])
        step = math.prod(sizes)
        # Evaluated for each row by the same condition as the list and recovery. One more boundary
        # of ages would take an eighth less, but is equivalent only while age alone decides.
        cell = f"{_state(table, step)} + {cell}"
        if table.ended_at is not None:
            has_ended = orphaned.has_ended("started_at", "ended_at", STATEMENT_TIME)
            is_impossible = orphaned.is_impossible("started_at", "ended_at")
            step *= states
            end = f"WHEN {has_ended} THEN {step} WHEN {is_impossible} THEN {2 * step}"
            cell = (
                f"CASE WHEN stored_end IS NULL THEN {cell} ELSE CASE {end} ELSE 0 END + {cell} END"
            )
        return cell


def _state(table: SessionTable, step: int) -> str:
    """SQL that gives whether a row is orphaned, in steps of this number of cells."""
    if table.source.has_evidence:
        whens = " ".join(f"WHEN '{cause}' THEN {n * step}" for n, cause in enumerate(CAUSES, 1))
        state = f"CASE cause {whens} ELSE 0 END"
        if table.threshold is not None:
            unbounded = _STATES_OF_EVIDENCE * step
            state += f" + CASE WHEN orphaned_at IS NULL THEN {unbounded} ELSE 0 END"
        return state
    is_orphaned, unbounded_too = "is_orphaned", ""
    if table.threshold is not None:
        is_orphaned = f"orphaned_at < {STATEMENT_TIME.now}"
        unbounded_too = f"WHEN orphaned_at IS NULL THEN {UNBOUNDED * step} "
    return f"CASE WHEN {is_orphaned} THEN {step} {unbounded_too}ELSE 0 END"


def state_columns(table: SessionTable) -> list[str]:
    """The columns for the state of a row, except its own threshold."""
    if table.source.has_evidence:
        return [f"{table.cause(STATEMENT_TIME)} AS cause"]
    return (
        [] if table.threshold is not None else [f"{table.orphaned(STATEMENT_TIME)} AS is_orphaned"]
    )


def counting_query(table: SessionTable, *, reads_audit: bool = False) -> str:
    """The statement that counts the active rows of a table, and what recovery closed of late."""
    grid, own = Grid.of(table.source), table.threshold
    threshold = [] if own is None else [f"{own} AS threshold"]
    columns = [*state_columns(table), *threshold, *row_columns(table), *lost.columns(table)]
    # For a cell without a time, neither the oldest nor the sum is needed.
    columns.append(f"{table.started_at.dated} AS dated_start")
    kept, measures = ["dated_start", *lost.names(table)], _measures("dated_start")
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
        measures += KEY_COUNTS
        keys = fill("collection/keys/count", keys=table.limited_keys(), max=table.max_per_key)
        parts["clock"] = f"{CLOCK_QUERY},\n{keys}"
    return table.statement(
        "collection/active",
        **parts,
        now=STATEMENT_TIME.now,
        cell=grid.cell(table),
        lost=lost.is_lost(table, grid.number_of_cause("cell")),
        kept=join_lines(kept),
        measures=join_lines(measures),
        closed=closed_losses(table, measures=len(measures)) if reads_audit else "",
    )


def row_columns(table: SessionTable) -> list[str]:
    """The columns for the cell of a row and its conditions, except the threshold.

    state_columns() give the rest, and `orphaned_at` where each row has its own threshold.
    """
    columns = [f"{table.started_at.sql} AS started_at", *label_split.columns(table)]
    if table.last_seen_at is not None:
        columns.append(f"{table.last_seen} AS last_seen")
    if table.ended_at is not None:
        columns += [f"{table.ended_at.sql} AS ended_at", f"({table.ended_at.raw}) AS stored_end"]
    integrity = enumerate(table.integrity)
    return [*columns, *(f"({condition}) AS integrity_{number}" for number, condition in integrity)]


def _with_orphaned_at(table: SessionTable, columns: str) -> dict[str, str]:
    """A further query level, which reads the columns once for each row and computes `orphaned_at`.

    As an expression of the row it would cost twice as much as everything else.
    """
    seen = "s.started_at" if table.last_seen_at is None else "s.last_seen"
    orphaned_at = orphaned.orphaned_at(seen, "s.threshold")
    return {
        "columns": f"s.*,\n        {orphaned_at} AS orphaned_at",
        "table": table.statement("collection/orphaned/active_rows", columns=columns),
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
