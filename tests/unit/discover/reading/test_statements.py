"""Statements of the application are taken apart into names of columns."""

import pytest

from exporter.discover.reading.statements import parse_update

END_CALL = """
update "public"."Sessions" as s set "endedAt" = now(), status = $1
where s.id = $2 and status = $3 returning *
"""


@pytest.mark.parametrize(
    ("query", "table", "sets", "asks"),
    [
        ("UPDATE sessions SET seen = $1 WHERE id = $2", "sessions", ("seen",), {"id"}),
        (
            END_CALL,
            "Sessions",
            ("endedAt", "status"),
            {"id", "status"},
        ),
        (
            "UPDATE ONLY calls SET meta = jsonb_set(meta, $1, $2), ended_at = coalesce(a, b)",
            "calls",
            ("meta", "ended_at"),
            set(),
        ),
    ],
)
def test_an_update_is_read(query: str, table: str, sets: tuple[str, ...], asks: set[str]) -> None:
    found = parse_update(query, 7)
    assert found is not None
    assert (found.table, found.sets, found.calls) == (table, sets, 7)
    assert asks <= found.asks


@pytest.mark.parametrize(
    "query",
    ["SELECT 1", "UPDATE a SET (b, c) = ($1, $2)", "WITH x AS (SELECT 1) UPDATE a SET b = 1"],
)
def test_what_is_no_plain_update_is_not_read(query: str) -> None:
    assert parse_update(query, 1) is None
