"""What a subquery reads is found wherever SQL lets a table stand, and whether by whole rows."""

import pytest

from exporter.sessions.sql_names import Read, reads

CHAIN = ("public", "chat")


@pytest.mark.parametrize(
    ("sql", "chains"),
    [
        ("s.a = 'from x'", set()),
        ('EXISTS (SELECT FROM a.b, c JOIN "D" . e ON true)', {("a", "b"), ("c",), ("D", "e")}),
        ("EXISTS (TABLE a.b)", {("a", "b")}),
        ("EXISTS (SELECT FROM ((a.b CROSS JOIN c) JOIN d ON true))", {("a", "b"), ("c",), ("d",)}),
        ("EXISTS (WITH x AS (SELECT FROM a.b) SELECT FROM x)", {("a", "b"), ("x",)}),
    ],
)
def test_tables_are_found(sql: str, chains: set[tuple[str, ...]]) -> None:
    assert {each.chain for each in reads(sql)} == chains


@pytest.mark.parametrize(
    ("sql", "is_whole"),
    [
        ("(SELECT count(*) FROM public.chat)", False),
        ("(SELECT max(o.a * 2) FROM public.chat AS o WHERE o.b = s.o)", False),
        ("(SELECT 2 * max(chat.a) FROM public.chat WHERE chat.b = 1)", False),
        ("(SELECT a FROM public.chat ORDER BY b LIMIT 1)", False),
        ("(SELECT count(p.*) FROM public.chat o, pairs p WHERE p.a = o.a)", False),
        ("EXISTS (SELECT * FROM public.chat AS o)", True),
        ("EXISTS (SELECT 1, * FROM public.chat AS o)", True),
        ("(SELECT count(o.*) FROM public.chat AS o)", True),
        ("(SELECT to_jsonb(O) ->> 'a' FROM public.chat o)", True),
        ("(SELECT count(chat) FROM public.chat)", True),
        ("(SELECT o.x FROM public.chat AS o (x, y))", True),
        ("EXISTS (TABLE public.chat)", True),
        ("EXISTS (SELECT FROM public.chat NATURAL JOIN pairs)", True),
    ],
)
def test_whole_rows_are_noticed(sql: str, is_whole: bool) -> None:
    assert Read(CHAIN, is_whole) in set(reads(sql))
    assert Read(CHAIN, not is_whole) not in set(reads(sql))
