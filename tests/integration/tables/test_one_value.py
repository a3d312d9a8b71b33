"""An expression gives one value of one row: what gives more, or one of many rows, is refused."""

from collections.abc import Awaitable, Callable

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.pages import Page
from tests.support.servers.statements import execute

Collect = Callable[..., Awaitable[Page]]

TABLE = (
    (
        "CREATE TABLE public.calls (id int, is_active bool, started timestamptz, seen timestamptz,"
        " seconds int, tags jsonb)"
    ),
    (
        "INSERT INTO public.calls SELECT n, n < 3, now() - interval '3 h', now(), 60,"
        """ '["a", "b"]' FROM generate_series(1, 4) AS n"""
    ),
)
CALLS = """\
calls:
  table: public.calls
  active: is_active
  started_at: started
  orphaned_after: 2h
"""

#: Where an expression stands, with a function in place of {}, and the key that a message names.
PLACES = {
    "integrity": ("integrity: {{tagged: \"{}(s.tags) = 'a'\"}}", "integrity.tagged"),
    "label": ('labels: {{tag: {{value: "{}(s.tags)", values: [a]}}}}', "labels.tag"),
    "limit_per": ('limit_per: {{key: "{}(s.tags)", max: 1}}', "limit_per.key"),
    "show": ('show: [{{tag: "{}(s.tags)"}}]', "show.tag"),
    "id": ('id: "{}(s.tags)"', "id"),
    "duration": ('duration: "pg_catalog.length({}(s.tags))"', "duration"),
}
SETS = "jsonb_array_elements_text"
SET = "a function that returns a set"


@pytest.mark.parametrize("place", PLACES)
async def test_a_function_that_returns_a_set_changes_no_count(
    database: EmbeddedDatabase, collect: Collect, place: str
) -> None:
    execute(database, *TABLE)
    line, key = PLACES[place]
    page = await collect(database, f"{CALLS}  {line.format(SETS)}\n")
    assert page("sessions_active") is None
    assert set(page.failures.values()) == {
        f"{key}: expected one value of each row, got {SET}; write a subquery"
    }


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ("last_seen_at: max(s.seen)", "last_seen_at", "an aggregate function"),
        ("last_seen_at: max(s.seen) OVER ()", "last_seen_at", "a window function"),
        ("integrity: {many: count(*) > 3}", "integrity.many", "an aggregate function"),
        ("show: [{place: row_number() OVER ()}]", "show.place", "a window function"),
    ],
)
async def test_the_expression_that_reads_other_rows_is_named(
    any_database: EmbeddedDatabase, collect: Collect, line: str, key: str, what: str
) -> None:
    execute(any_database, *TABLE)
    page = await collect(any_database, f"{CALLS}  {line}\n")
    assert set(page.failures.values()) == {
        f"{key}: expected one value of each row, got {what}; write a subquery"
    }


async def test_a_threshold_that_is_a_set_is_refused_before_it_is_read(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(database, *TABLE)
    own = "orphaned_after: {sql: \"generate_series(1, 2) * interval '1 h'\"}"
    page = await collect(database, CALLS.replace("orphaned_after: 2h", own))
    assert page.failures["calls", "active"].startswith("orphaned_after: expected one value of")


async def test_all_columns_are_no_value(database: EmbeddedDatabase, collect: Collect) -> None:
    execute(database, *TABLE)
    more = "  limit_per: {key: s.*, max: 1}\n  duration: s.seconds * 2\n"
    page = await collect(database, CALLS + more)
    assert set(page.failures.values()) == {
        "limit_per.key: expected one value of each row, got all columns; name one"
    }


async def test_what_a_subquery_makes_of_a_set_is_one_value(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(database, *TABLE)
    first = f"(SELECT min(t.tag) FROM {SETS}(s.tags) AS t (tag))"
    page = await collect(database, f'{CALLS}  limit_per: {{key: "{first}", max: 2}}\n')
    assert not page.failures
    assert (page("sessions_active"), page("sessions_keys_at_limit")) == (2, 1)


async def test_two_spellings_of_one_column_are_no_id_of_two(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(database, *TABLE)
    page = await collect(database, f"{CALLS}  id: [id, ID]\n")
    assert set(page.failures.values()) == {"id: id, ID name the column id twice"}
