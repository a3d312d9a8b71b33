"""Sessions are found exactly, and through the unique index of several columns."""

import re
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.queries import array
from tests.support.recovery.planned_stops import stopping
from tests.support.servers.statements import execute, rows

PLAN = """\
it:
  table: public.it
  active: is_open
  started_at: started
  last_seen_at: seen
  id: [a, b]
  orphaned_after: 1h
  recovery: {set: {is_open: false}}
"""

#: The types of the columns, and how one row gets its values from a number.
SHAPES = {
    "an id first": ("a uuid, b text", "md5(n::text)::uuid, (n % 2)::text", ""),
    "a column that all share first": ("a text, b text", "'S', 'e' || n", ""),
    "domains": ("a public.word, b public.count", "(n % 9)::text, n", ""),
    "partitions": (
        "a bigint, b date",
        "n, '2026-01-01'::date + (n % 50)::int",
        "PARTITION BY RANGE (b)",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_unique_index_finds_the_rows_that_are_locked_and_closed(
    any_database: EmbeddedDatabase, tmp_path: Path, shape: str
) -> None:
    columns, values, partitions = SHAPES[shape]
    execute(
        any_database,
        "CREATE DOMAIN public.word AS varchar(9) CHECK (VALUE <> '')",
        "CREATE DOMAIN public.count AS bigint",
        f"CREATE TABLE public.it ({columns}, is_open bool, started timestamptz, seen timestamptz,"
        f" PRIMARY KEY (a, b)) {partitions}",
    )
    if partitions:
        execute(
            any_database,
            "CREATE TABLE it_1 PARTITION OF it FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
            "CREATE TABLE it_2 PARTITION OF it FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        )
    execute(
        any_database,
        f"INSERT INTO public.it SELECT {values}, true, now() - interval '1 day', now() - interval"
        " '5 hours' FROM generate_series(1, 20000) AS n",
        "CREATE INDEX ON public.it (started) WHERE is_open",
        "ANALYZE public.it",
    )
    async with stopping(any_database, tmp_path, PLAN) as it:
        keys = [
            key
            for (key,) in rows(
                any_database,
                "SELECT jsonb_build_array(a::text, b::text)::text FROM it ORDER BY seen LIMIT 50",
            )
        ]
        statement = it.rule.statement(
            "recovery/close/lock", is_one_of=it.rule.id.is_one_of(keys)
        ).removesuffix("FOR UPDATE OF s SKIP LOCKED")
        is_audited = it.rule.statement("recovery/undo/lock", numbers="1, 2, 3").replace(
            "FOR UPDATE OF s SKIP LOCKED", ""
        )
    for query in (statement, is_audited):
        plan = rows(any_database, f"EXPLAIN (FORMAT JSON) {query}")[0][0][0]["Plan"]
        scans = [*scanned(plan)]
        assert scans
        for index, condition in scans:
            assert re.fullmatch(r"it(_\d)?_pkey", index), plan
            assert re.search(r"\ba\)?(::text)? = ", condition), plan


async def test_no_row_is_found_by_parts_of_different_ids(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        any_database,
        "CREATE TABLE public.it (a int, b text, is_open bool, started timestamptz,"
        " seen timestamptz, PRIMARY KEY (a, b))",
        "INSERT INTO public.it SELECT a, b, true, now(), now()"
        " FROM generate_series(1, 2) AS a, unnest(ARRAY['x', 'y']) AS b",
    )
    async with stopping(any_database, tmp_path, PLAN) as it:
        wanted = ['["1", "x"]', '["2", "y"]']
        for condition in it.rule.id.is_one_of(wanted), it.rule.id.is_in(array(wanted) + "::text[]"):
            found = f"SELECT {it.rule.id.key()} FROM public.it AS s WHERE {condition} ORDER BY 1"
            assert [key for (key,) in rows(any_database, found)] == wanted


def scanned(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Of each scan of the table, the index and its condition."""
    found = []
    if plan.get("Alias", "").startswith("s") and "Scan" in plan["Node Type"]:
        inner = plan.get("Plans", [plan])[0] if "Bitmap" in plan["Node Type"] else plan
        found.append((inner.get("Index Name", plan["Node Type"]), inner.get("Index Cond", "")))
    return found + [each for inner in plan.get("Plans", ()) for each in scanned(inner)]
