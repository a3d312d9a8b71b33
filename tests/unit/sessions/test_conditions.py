"""Conditions are taken apart where AND joins them, and nowhere else."""

import pytest

from exporter.sessions.conditions import chooses_among, conjuncts, fixed_column, stored_column


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("a", ["a"]),
        ("a AND b\n  and c", ["a", "b", "c"]),
        ("(a AND b) AND c", ["(a AND b)", "c"]),
        ("a -- AND b\nAND c /* AND d */", ["a", "c"]),
        ("a = 'x AND y' AND \"and\"", ["a = 'x AND y'", '"and"']),
        ("NOT a AND b", ["NOT a", "b"]),
        ("CASE WHEN a AND b THEN c END AND d", ["CASE WHEN a AND b THEN c END", "d"]),
        ("s.end IS NULL AND s.case AND s.and", ["s.end IS NULL", "s.case", "s.and"]),
        ("x[1 + 1] AND f(a AND b, c)", ["x[1 + 1]", "f(a AND b, c)"]),
    ],
)
def test_and_joins_conditions(sql: str, parts: list[str]) -> None:
    assert conjuncts(sql) == parts


@pytest.mark.parametrize("sql", ["a AND b OR c", "a BETWEEN 1 AND 2", "a AND b BETWEEN 1 AND 2"])
def test_what_cannot_be_divided_for_sure_stays_whole(sql: str) -> None:
    assert conjuncts(sql) == [sql]


@pytest.mark.parametrize("condition", ["(a OR b) AND c", "a AND (b BETWEEN 1 AND 2)"])
def test_what_stands_in_parentheses_does_not_matter(condition: str) -> None:
    assert len(conjuncts(condition)) == 2


@pytest.mark.parametrize(
    ("condition", "column"),
    [
        ("s.a", "a"),
        ('s."A b"', "A b"),
        ("NOT a", "a"),
        ("s.a IS NULL", "a"),
        ("a IS NOT TRUE", "a"),
        ("A = 'x'", "a"),
        ("a = 'x'::mood", "a"),
        ("a IS NOT NULL", None),
        ("NOT a = 1", None),
        ("a > 1", None),
        ("lower(a) = 'x'", None),
        ("'x' = a", None),
        ("a IN ('x', 'y')", None),
        ("NOT a IS NULL", None),
        ("a IS DISTINCT FROM NULL", None),
        ("a IS NOT DISTINCT FROM b", None),
        ("a IS NULL = false", None),
        ("a = b", None),
        ("a = 'x' || b", None),
        ("a = 'x' IS NULL", None),
        ("a = 'x'::text || b", None),
        ("a = 1", "a"),
        ("a = 'x'::public.mood[]", "a"),
        ("NOT a IS FALSE", "a"),
    ],
)
def test_a_condition_that_admits_one_value_fixes_its_column(
    condition: str, column: str | None
) -> None:
    assert fixed_column(condition) == column


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("s.a", "a"),
        ('s."A b"', "A b"),
        ("NULLIF(s.a, 0)", "a"),
        ("nullif(nullif(s.a, -1), '0001-01-01'::timestamp)", "a"),
        ("s.a / 1000", None),
        ("coalesce(s.a, 0)", None),
        ("NULLIF(s.a / 1000, 0)", None),
        ("NULLIF(s.a, 0) / 1000", None),
        ("s.a::timestamptz", None),
    ],
)
def test_a_column_or_null_in_its_place_is_stored_in_that_column(
    expression: str, column: str | None
) -> None:
    assert stored_column(expression) == column


@pytest.mark.parametrize(
    ("expression", "chooses"),
    [
        ("s.a", True),
        ("greatest(s.a, B)", True),
        ("coalesce(nullif(a, '0001-01-01'), s.\"b\", NULL)", True),
        ("GREATEST(s.a, 0)", True),
        ("s.c", False),
        ("greatest(s.a, s.c)", False),
        ("a(b)", False),
        ("s.a::timestamptz", False),
        ("s.a + b", False),
        ("greatest(s.a, (SELECT b))", False),
        ("greatest(s.a, b.b)", False),
        ("CASE WHEN a THEN b END", False),
    ],
)
def test_an_expression_that_chooses_among_columns_computes_nothing(
    expression: str, *, chooses: bool
) -> None:
    assert chooses_among(expression, {"a", "b"}) is chooses
