"""Names are found in SQL as PostgreSQL reads it: not in strings, not in comments."""

import pytest

from exporter.sessions.relation import Column, Relation
from exporter.sessions.sql_names import chains, names, qualified, without_alias

CHAT = Relation(1, "public", "chat", "table", {"a": Column("a", "int4", is_enum=False)})


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("s.status = 'in_progress'", {"status"}),
        ("s.s = 1 AND s . status", {"s", "and", "status"}),
        ("a::timestamp > date '2026-01-01' AND b::text", {"a", "and", "b"}),
        ("Größe Ärger", {"größe", "Ärger"}),
        (f"a{'b' * 80} c", {f"a{'b' * 62}", "c"}),
        ("Status", {"status"}),
        ('s."createdAt" IS NULL', {"createdAt", "is", "null"}),
        ("\"it's\" = 'it''s mine'", {"it's"}),
        ('"a ""b"""', {'a "b"'}),
        ("a -- don't b\nAND c", {"a", "and", "c"}),
        ("a /* b /* don't */ c */ AND d", {"a", "and", "d"}),
        (r"E'it\'s b' || a", {"a"}),
        ("$$b 'c$$ || $q$d $$ e$q$ || a", {"a"}),
        ("größe > 1e5", {"größe"}),
    ],
)
def test_names_are_those_that_postgresql_sees(sql: str, found: set[str]) -> None:
    assert names(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ('s.a = S."B" AND c', {("s", "a"), ("s", "B")}),
        ("'x'::types . kind = other.types.kind", {("types", "kind"), ("other", "types")}),
        ("s.a OPERATOR(ops.===) 1", {("s", "a"), ("ops", "=")}),
        ("count(o.*) > 1.5 AND 'a.b' <> $$c.d$$ -- e.f", {("o", "*")}),
    ],
)
def test_the_first_name_of_a_chain_is_told_with_what_follows(
    sql: str, found: set[tuple[str, str]]
) -> None:
    assert qualified(sql) == found


@pytest.mark.parametrize(
    ("sql", "is_used"),
    [
        ("s.a = s.xmin", False),
        ("s.opened", True),
        ("to_jsonb(s)", True),
        ("(s).a", True),
        ("s.*::text", True),
        ("s IS NOT NULL", True),
        ("'s' = a", False),
        ('"s" = 1', False),
        ("other.s = 1", False),
        ("a -- s", False),
    ],
)
def test_the_row_as_a_whole_is_noticed(sql: str, is_used: bool) -> None:
    assert CHAT.uses_row(sql) is is_used


def test_a_time_zone_is_no_column() -> None:
    assert names("at AT TIME ZONE zone") == {"at", "zone"}


@pytest.mark.parametrize(
    ("sql", "outside"),
    [
        ("s.a", {"a"}),
        ("greatest(s.a, (SELECT max(b) FROM c), s.d)", {"greatest", "a", "d"}),
        ("EXISTS (SELECT (SELECT a)) AND (b)", {"exists", "and", "b"}),
    ],
)
def test_what_subqueries_read_is_told_apart(sql: str, outside: set[str]) -> None:
    found = {chain.names[-1] for chain in chains(sql) if not chain.is_in_subquery}
    assert found == outside


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        ('s."a" = s.b', '"a" = "b"'),
        ("(\ns.a = 's.b'\n)", "(\"a\" = 's.b')"),
        ("s.a -- s.b\nAND other.s.c", '"a" AND other.s.c'),
        ("items.s + s.A", 'items.s + "a"'),
        ("s.end IS NULL AND s.user = user", '"end" IS NULL AND "user" = user'),
    ],
)
def test_an_index_knows_no_alias(sql: str, plain: str) -> None:
    assert " ".join(without_alias(sql).split()) == plain
