"""Predicates of partial indexes and CHECK constraints, as PostgreSQL writes them."""

import pytest

from exporter.discover.judgement.active.predicates import Predicate, allowed_values, parse


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("(ended_at IS NULL)", [Predicate("ended_at", is_null=True)]),
        ('("completedAt" IS NULL)', [Predicate("completedAt", is_null=True)]),
        ("is_active", [Predicate("is_active", flag=True)]),
        ("(NOT finished)", [Predicate("finished", flag=False)]),
        ("(active = false)", [Predicate("active", flag=False)]),
        ("(active IS NOT TRUE)", [Predicate("active", flag=False)]),
        ("(status = 'in_progress'::text)", [Predicate("status", ("in_progress",))]),
        ("((status)::text = 'it''s'::text)", [Predicate("status", ("it's",))]),
        ("(stopped = 0)", [Predicate("stopped", ("0",))]),
        (
            "((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            [Predicate("x", ("a", "b"))],
        ),
        (
            "((ended_at IS NULL) AND (deleted_at IS NULL))",
            [Predicate("ended_at", is_null=True), Predicate("deleted_at", is_null=True)],
        ),
        ("((a IS NULL) OR (b IS NULL))", []),
        ("(lower(status) = 'active'::text)", []),
        ("(started_at > '2020-01-01'::date)", []),
    ],
)
def test_a_predicate_is_read_or_nothing_is_known_of_it(text: str, parsed: object) -> None:
    assert parse(text) == parsed


def test_a_check_lists_the_values_of_its_column_alone() -> None:
    check = "CHECK (((status)::text = ANY (ARRAY['active'::text, 'ended'::text])))"
    assert allowed_values(check, "status") == ("active", "ended")
    assert allowed_values(check, "state") == ()
    assert allowed_values("CHECK ((ended_at > started_at))", "status") == ()
