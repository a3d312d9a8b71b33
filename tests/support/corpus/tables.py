"""Tables and samples for the judgement, as the catalog and a read would give them."""

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.discover.facts import ColumnFacts, IndexFacts, ServerFacts, TableFacts
from exporter.discover.judgement.judge import judge
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.proposal import LeftOut, SourceProposal
from exporter.discover.reading.sample import RowSample

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
SERVER = ServerFacts("reader", "app", "18.1", False, "UTC", NOW, False, None)


def table(
    name: str,
    columns: str,
    *,
    indexes: Sequence[IndexFacts] = (),
    checks: Sequence[str] = (),
    labels: Mapping[str, Sequence[str]] | None = None,
) -> TableFacts:
    """`columns` are names with types, as `id int8!, ended_at timestamptz`; ! is NOT NULL."""
    found = {}
    for text in columns.split(","):
        column, type_ = text.split()
        not_null = type_.endswith("!")
        enum = (labels or {}).get(column, ())
        found[column] = ColumnFacts(column, type_.rstrip("!"), bool(enum), not_null, labels=enum)
    return TableFacts(
        1, "public", name, "r", 100.0, 1, found, indexes=list(indexes), checks=list(checks)
    )


def partial(*columns: str, where: str) -> IndexFacts:
    return IndexFacts(is_primary=False, is_unique=False, columns=columns, predicate=where)


def sample(**values: Sequence[Any]) -> RowSample:
    """The rows by column; times are in seconds since 1970."""
    count = max(map(len, values.values()), default=0)
    return RowSample(count, dict(values), is_whole=True, now=NOW)


def times(
    closed: int, active: int, *, length: float = 600.0
) -> tuple[list[float], list[float | None]]:
    """Starts and ends of rows that began one after the other, the active ones last."""
    count = closed + active
    starts = [NOW - (count - row) * 4 * length - 60 for row in range(count)]
    ends = [start + length + row for row, start in enumerate(starts[:closed])]
    return starts, [*ends, *([None] * active)]


def judged(
    given: TableFacts, rows: RowSample, others: Sequence[TableFacts] = ()
) -> SourceProposal | LeftOut:
    tables = {each.oid: each for each in others}
    return judge(SurveyedTable.of(given, rows), "source", SERVER, tables=tables)


def source(given: TableFacts, rows: RowSample, others: Sequence[TableFacts] = ()) -> SourceProposal:
    """What is proposed; fails where the table is left out."""
    found = judged(given, rows, others)
    assert isinstance(found, SourceProposal), found
    return found


def reason(given: TableFacts, rows: RowSample) -> str:
    """Why it is left out; fails where it is not."""
    found = judged(given, rows)
    assert isinstance(found, LeftOut), found
    return found.reason
