"""How many rows are kept beside the counts, and how much memory they take at most."""

import sys

import pytest

from exporter.collection.rows.row_limit import MOST_BYTES, RowLimit
from exporter.sessions.orphan_list import LONGEST_ID, IdText, Orphan


def _orphan(id_: IdText, **show: str | None) -> Orphan:
    return Orphan(id=id_, last_seen=0.0, age=None, silence=1.0, show=show)


def _limit(sources: int) -> RowLimit:
    return RowLimit(sources, may_be_seen=lambda: True)


@pytest.mark.parametrize(
    ("sources", "rows"), [(0, 100), (1, 100), (100, 100), (200, 50), (1000, 10), (20_000, 10)]
)
def test_many_sources_keep_fewer_rows_each(sources: int, rows: int) -> None:
    limit = _limit(sources)
    assert limit.rows == rows
    assert len(limit.first_of([_orphan("x")] * 200)) == rows


def test_where_nobody_can_be_shown_any_none_is_kept() -> None:
    assert RowLimit(1).rows == 0
    seen = False
    limit = RowLimit(1, may_be_seen=lambda: seen)
    assert limit.first_of([_orphan("x")]) == ()
    seen = True
    assert limit.first_of([_orphan("x")]) == (_orphan("x"),)


@pytest.mark.parametrize("id_", ["x" * LONGEST_ID, "\U0001f600" * LONGEST_ID, ("é" * 8000, None)])
def test_the_rows_of_all_sources_together_take_no_more_than_so_many_bytes(id_: IdText) -> None:
    sources = 1000
    row = _orphan(id_, note="x" * 200, none=None)
    kept = _limit(sources).first_of([row] * 100)
    texts = [*(id_ if isinstance(id_, tuple) else [id_]), *row.show.values()]
    size = sum(sys.getsizeof(each) for each in texts if each is not None)
    assert 1 <= len(kept) <= 10
    assert len(kept) * size * sources <= MOST_BYTES
    assert len(_limit(1).first_of([row] * 100)) == 100


def test_what_stands_behind_a_row_that_has_no_room_is_not_kept_either() -> None:
    long = tuple("\U0001f600" * LONGEST_ID for _ in range(9))
    assert _limit(1000).first_of([_orphan("a"), _orphan(long), _orphan("b")]) == (_orphan("a"),)
