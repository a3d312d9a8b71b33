"""Sessions whose id has several columns: listed, closed by hand, notified of, and told apart."""

import json
import re
from collections.abc import Callable

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.servers.statements import execute, rows

Command = Callable[..., str]

#: Sessions that are online or offline, by a flag in the key.
ONLINE = """
CREATE TABLE public.it (
    a varchar(36) NOT NULL,
    b varchar(4) NOT NULL,
    is_open bool NOT NULL DEFAULT true,
    started timestamptz NOT NULL DEFAULT now() - interval '9 hours',
    seen timestamptz,
    PRIMARY KEY (a, b)
);
INSERT INTO public.it
SELECT 's' || n, flag, true, now() - interval '9 hours',
    now() - CASE WHEN n <= 3 THEN interval '3 hours' ELSE interval '2 minutes' END
FROM generate_series(1, 5) AS n, (VALUES ('0'), ('1')) AS f (flag)
"""

#: Without a primary key: a part may be NULL.
WITH_NULL = """
CREATE TABLE public.it (
    a uuid, b int, is_open bool, started timestamptz, seen timestamptz, UNIQUE (b, a)
);
INSERT INTO public.it
SELECT a, b, true, now() - interval '9 hours', now() - interval '3 hours'
FROM (VALUES
    ('9f3c5d0e-0000-4000-8000-0000000000aa'::uuid, 1),
    ('9f3c5d0e-0000-4000-8000-0000000000aa', NULL),
    (NULL, 1),
    (NULL, NULL)
) AS x (a, b)
"""

PARTITIONED = """
CREATE TABLE public.it (
    a bigint, b date, is_open bool, started timestamptz, seen timestamptz, PRIMARY KEY (a, b)
) PARTITION BY RANGE (b);
CREATE TABLE public.it_1 PARTITION OF public.it FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE public.it_2 PARTITION OF public.it FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO public.it
SELECT n, day, true, now() - interval '9 hours', now() - interval '3 hours'
FROM generate_series(1, 3) AS n, (VALUES ('2026-01-05'::date), ('2026-02-05')) AS d (day)
"""


def open_ones(database: EmbeddedDatabase) -> set[tuple[str, ...]]:
    return {*rows(database, "SELECT a::text, b::text FROM public.it WHERE is_open")}


def run_of(printed: str) -> str:
    found = re.search(r"run ([0-9a-f-]{36})", printed)
    assert found is not None
    return found[1]


def test_the_list_of_orphans_shows_every_column(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *ONLINE.split(";"))
    assert '["s1", "0"]  ' in command("orphans")
    (listed,) = json.loads(command("orphans", "--format", "json"))
    ids = [each["id"] for each in listed["orphans"]]
    assert sorted(ids) == [[f"s{n}", flag] for n in (1, 2, 3) for flag in "01"]


def test_a_session_is_named_by_a_json_array_wherever_ids_are_taken(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *ONLINE.split(";"))
    named = ("--id", '["s1","0"]', "--id", '["s4", 0]', "--id", '["s9", "0"]')
    planned = command("recover", "it", *named)
    assert "  1 would be closed" in planned
    assert '--id ["s4", "0"]: not orphaned' in planned
    assert '--id ["s9", "0"]: not found' in planned

    shown = json.loads(command("recover", "it", *named, "--format", "json"))
    assert shown[0]["plan"]["sessions"][0]["id"] == ["s1", "0"]
    assert shown[0]["plan"]["ids_left_alone"] == {
        '["s4", "0"]': "not orphaned",
        '["s9", "0"]': "not found",
    }

    run = run_of(command("recover", "it", *named, "--yes", "--despite-brake"))
    assert ("s1", "0") not in open_ones(any_database)
    assert len(open_ones(any_database)) == 9
    undoing = command("undo", run, "--id", '["s2", "0"]', "--id", '["s1", "0"]')
    assert '--id ["s2", "0"]: not of this run' in undoing
    assert '["s1", "0"]  1' in undoing
    assert "  1 was undone" in command("undo", run, "--yes")
    # A person has undone it: it is left alone, and the other one that shares a part is not.
    planned = command("recover", "it")
    assert "1 is left alone: undone by a person" in planned
    assert "  5 would be closed" in planned
    stopped = command("close", "it", "--all", "--even-live", "--id", '["s5","1"]', "--yes")
    assert "  1 was closed" in stopped
    assert ("s5", "1") not in open_ones(any_database)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s1", "the id of it has 2 columns (a, b): give a JSON array with a value for each of"),
        ('["s1"]', "the id of it has 2 columns (a, b): give a JSON array with a value for each"),
        ('["s1", "0", "x"]', "the id of it has 2 columns (a, b): give a JSON array"),
        ('["s1", null]', "a JSON array with a text or number for each column of the id"),
    ],
)
def test_an_id_with_another_number_of_parts_is_refused(
    any_database: EmbeddedDatabase, command: Command, given: str, message: str
) -> None:
    execute(any_database, *ONLINE.split(";"))
    assert message in command("recover", "it", "--id", given, exits=2)


def test_several_parts_for_an_id_of_one_column_are_refused(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *ONLINE.split(";"), "CREATE UNIQUE INDEX ON public.it ((a || b))")
    execute(any_database, "DELETE FROM public.it WHERE b = '1'", "CREATE UNIQUE INDEX ON it (a)")
    message = command("recover", "it", "--id", '["s1", "0"]', exits=2, id="a")
    assert 'the id of it has one column (a): give one value, got \'["s1", "0"]\'' in message


def test_a_part_that_its_type_cannot_hold_is_refused(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *WITH_NULL.split(";"))
    message = command("recover", "it", "--id", '["x", 1]', exits=2)
    assert 'the id of it is of type (uuid, integer), and \'["x", "1"]\' is not a value' in message


def test_a_row_with_null_in_a_part_is_orphaned_and_listed_and_never_closed(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *WITH_NULL.split(";"))
    first = "9f3c5d0e-0000-4000-8000-0000000000aa"
    (listed,) = json.loads(command("orphans", "--format", "json"))
    ids = [each["id"] for each in listed["orphans"]]
    assert listed["orphaned_count"] == 4
    assert sorted(ids, key=str) == sorted(
        [[first, "1"], [first, None], [None, "1"], [None, None]], key=str
    )
    assert f'["{first}", null]' in command("orphans")
    planned = command("recover", "it", "--yes", "--despite-brake")
    assert "3 are left alone: without an id" in planned
    assert "  1 was closed" in planned
    assert rows(any_database, "SELECT count(*) FROM public.it WHERE is_open") == [(3,)]
    stopped = command("close", "it", "--all", "--even-live", "--yes")
    assert "  0 would be closed" in stopped


def test_rows_that_share_a_column_in_partitions_are_closed_together_and_undone(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, *PARTITIONED.split(";"))
    before = rows(any_database, "SELECT t::text FROM public.it AS t ORDER BY 1")
    printed = command("recover", "it", "--yes", "--despite-brake")
    assert "  6 were closed" in printed
    assert rows(
        any_database,
        "SELECT count(DISTINCT row_version), count(DISTINCT session)"
        " FROM session_exporter.recovery",
    ) == [(1, 6)]
    execute(any_database, "UPDATE public.it SET is_open = true WHERE a = 1 AND b = '2026-01-05'")
    undone = command("undo", run_of(printed), "--yes")
    assert "1 is left alone: what was written was changed since" in undone
    assert "  5 were undone" in undone
    assert rows(any_database, "SELECT t::text FROM public.it AS t ORDER BY 1") == before


@pytest.mark.parametrize(
    ("id_", "message"),
    [
        ("a", '"a" has none of its own'),
        (["b"], '"b" has none of its own'),
        ("s.a || '/' || s.b", "a column is needed, not an expression"),
        ("s.a || '/'", "a column is needed, not an expression"),
    ],
)
def test_an_id_that_is_not_unique_is_refused_with_the_columns_that_are(
    any_database: EmbeddedDatabase, command: Command, id_: object, message: str
) -> None:
    execute(any_database, *ONLINE.split(";"))
    printed = command("recover", "it", exits=1, id=id_)
    assert message in printed
    assert "unique are a, b, so write id: [a, b]" in printed


def test_columns_without_a_unique_index_are_refused(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(
        any_database,
        *ONLINE.split(";"),
        "ALTER TABLE public.it DROP CONSTRAINT it_pkey, ADD UNIQUE (a, b, started)",
        "CREATE UNIQUE INDEX ON public.it (a, b) WHERE is_open",
    )
    printed = command("recover", "it", exits=1)
    assert '"a", "b" have none together' in printed
    assert "so write id: [a, b, started]" in printed
    # A unique index on some of the columns makes all of them unique.
    execute(any_database, "CREATE UNIQUE INDEX ON public.it (b, a)")
    assert "  6 would be closed" in command("recover", "it", id=["started", "a", "b"])
    assert "has no column c; " in command("recover", "it", exits=1, id=["a", "c"])


def test_audits_of_another_id_of_the_same_table_name_no_session(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(
        any_database,
        *ONLINE.split(";"),
        "ALTER TABLE public.it ADD n bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
    )
    by_number = run_of(command("recover", "it", "--yes", "--despite-brake", "--limit", "2", id="n"))
    # The one id is no value of the first of two columns, and the other way round.
    swapped = {"id": ["n", "a"]}
    printed = command("undo", by_number, "--yes", **swapped)
    assert "2 are left alone: audited by another id than the config has now" in printed
    by_both = run_of(command("recover", "it", "--yes", "--despite-brake", "--limit", "2"))
    printed = command("undo", by_both, "--yes", id="n")
    assert "2 are left alone: audited by another id than the config has now" in printed
    assert "  2 would be closed" in command("recover", "it", id="n")
    assert "  2 were undone" in command("undo", by_both, "--yes")
    assert "  2 were undone" in command("undo", by_number, "--yes", id="n")
    assert "2 are left alone: undone by a person" in command("recover", "it")
    assert "2 are left alone: undone by a person" in command("recover", "it", id="n")
    assert len(open_ones(any_database)) == 10


def test_a_column_of_any_name_is_a_part(any_database: EmbeddedDatabase, command: Command) -> None:
    execute(
        any_database,
        *ONLINE.split(";"),
        'ALTER TABLE public.it RENAME a TO "Session Id"',
        'ALTER TABLE public.it RENAME b TO "select"',
    )
    id_ = ["Session Id", "select"]
    assert "  6 were closed" in command("recover", "it", "--yes", "--despite-brake", id=id_)
    refused = command("recover", "it", exits=1, id=["Session Id"])
    assert 'so write id: ["Session Id", select]' in refused
    assert refused == command("recover", "it", exits=1, id='"Session Id"')
    hint = "written without the double quotes of SQL here: Session Id"
    assert hint in command("recover", "it", exits=1, id=['"Session Id"', "select"])
