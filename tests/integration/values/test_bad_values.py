"""A value in a row that an expression cannot take: counted as such, named, and never quoted."""

from collections.abc import AsyncIterator, Callable

import pytest

from exporter import sessions
from exporter.check.live import check_all
from exporter.clock import Clock
from exporter.collection.active import Active
from exporter.collection.binding import Binding
from exporter.collection.collection import NAME_AGAIN_AFTER_SECONDS, Collection
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshots, State
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.collection.pages import Collect
from tests.support.servers.statements import execute as run

SECRET = "Alice Secret"
CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  orphaned_after: 2h
  daily: null
"""
SETUP = f"""\
CREATE TABLE public.chat (is_open bool, started timestamptz, t text, u text);
INSERT INTO public.chat VALUES (true, now(), '{SECRET}', 'UTC {SECRET}');
CREATE DOMAIN public.short AS text CHECK (length(value) < 5);
CREATE FUNCTION public.complain(t text) RETURNS bool LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'not %', t USING HINT = t; END $$;
CREATE FUNCTION public.refuse(t text) RETURNS bool LANGUAGE plpgsql
    AS $$ BEGIN RAISE insufficient_privilege USING MESSAGE = t; END $$;
CREATE FUNCTION public.run(t text) RETURNS bool LANGUAGE plpgsql
    AS $$ BEGIN EXECUTE 'SELECT ' || t; RETURN true; END $$;
"""


@pytest.mark.quick(
    "AT TIME ZONE s.t",
    "-to_tsquery(s.t",
    "-s.t::regclass",
    "-s.t::jsonb ",
    "public.complain",
)
@pytest.mark.parametrize(
    "expression",
    [
        "(s.started AT TIME ZONE s.t) IS NULL",
        "(s.started AT TIME ZONE s.u) IS NULL",
        "to_tsquery(s.t) IS NULL",
        "current_setting(s.t) IS NULL",
        "quote_ident(s.t)::regproc IS NULL",
        "quote_ident(s.t)::regclass IS NULL",
        "(quote_ident(s.t) || '.x')::regtype IS NULL",
        "s.t::regtype IS NULL",
        "s.t::regrole IS NULL",
        "s.t::regclass IS NULL",
        "s.t::jsonpath IS NULL",
        "s.t::jsonb IS NULL",
        "query_to_xml(s.t, true, true, '') IS NULL",
        "ts_rewrite('a', s.t) IS NULL",
        "('f(' || s.t || ')')::regprocedure IS NULL",
        "xmlparse(document s.t) IS NULL",
        "s.t::public.short IS NULL",
        "s.t::int IS NULL",
        "to_date(s.t, 'YYYY') IS NULL",
        "date_trunc(s.t, s.started) IS NULL",
        "convert_to(s.t, s.t) IS NULL",
        "to_tsquery(repeat('x', 3000) || s.t) IS NULL",
        "public.complain(s.t)",
        "public.refuse(s.t)",
        "public.run(s.t)",
    ],
)
async def test_is_data_and_names_the_expression_but_not_the_value(
    any_database: EmbeddedDatabase,
    collect: Collect,
    source_of: Callable[[str], Source],
    expression: str,
) -> None:
    run(any_database, SETUP)
    text = CHAT + f'  integrity:\n    fine: s.t IS NULL\n    odd: "{expression}"\n'
    page = await collect(any_database, text)
    (failure,) = page.failures.values()
    assert page("session_exporter_collection_errors_total", reason="data") == 1
    assert failure.startswith("integrity.odd: ")
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        findings = [
            each
            async for each in check_all(pool, [source_of(text)], Clock(lambda: 0.0, lambda: 0.0))
        ]
    finally:
        await pool.close()
    (evaluation,) = [each.message for each in findings if each.check == "evaluation"]
    assert evaluation == failure
    said = " ".join([failure, *(each.message for each in findings)]).lower()
    assert not {"alice", "secret"} & set(said.replace('"', " ").split())


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("public.missing(s.t)", "active: function public.missing(text) does not exist"),
        ("s.t = 'a' AND s.tt", "active: column s.tt does not exist"),
        ("s.t::nowhere.kind IS NULL", 'active: schema "nowhere" does not exist'),
        ("to_tsquery('english', 'a b') IS NULL", 'syntax error in tsquery: "a b"'),
        ("(s.started AT TIME ZONE 'Mars') IS NULL", 'does not know the time zone "Mars"'),
    ],
)
async def test_a_mistake_in_the_expression_itself_is_quoted(
    database: EmbeddedDatabase, collect: Collect, expression: str, sentence: str
) -> None:
    run(database, SETUP)
    text = CHAT.replace("active: is_open", f"active: |\n    {expression}")
    page = await collect(database, text)
    assert page("session_exporter_collection_errors_total", reason="schema")
    assert sentence in page.failures["chat", "active"]


@pytest.mark.parametrize(
    ("expression", "reason", "ending"),
    [
        ("s.state = 'life'", "data", "; state takes 'live', 'it''s over'"),
        ('s.state = "live"', "schema", "; a text is written 'live', in single quotes"),
        ('"over" = s.t', "schema", "; a text is written 'over', in single quotes"),
        ('s.t IN ("new", "let")', "schema", "; a text is written 'new', in single quotes"),
    ],
)
async def test_what_may_have_been_meant_is_said(
    database: EmbeddedDatabase, collect: Collect, expression: str, reason: str, ending: str
) -> None:
    run(
        database,
        SETUP,
        "CREATE TYPE state AS ENUM ('live', 'it''s over')",
        "ALTER TABLE chat ADD state state",
    )
    page = await collect(database, CHAT.replace("active: is_open", f"active: |\n    {expression}"))
    assert page("session_exporter_collection_errors_total", reason=reason)
    assert page.failures["chat", "active"].startswith("active: ")
    assert page.failures["chat", "active"].endswith(ending)


class Watched:
    """Collector active of one source, by a clock that a test moves."""

    def __init__(self, database: EmbeddedDatabase, source: Source) -> None:
        self.now = 1000.0
        self.pool = Database(declarations.settings_of(database.dsn))
        self._key = Key("app", source.name, "active")
        self._snapshots = Snapshots([(self._key, State(interval=30.0))])
        clock = Clock(monotonic=lambda: self.now, wall=lambda: self.now)
        self._collection = Collection(
            self.pool,
            Binding(source, sessions.bind),
            Active(),
            snapshots=self._snapshots,
            clock=clock,
        )

    async def failure(self) -> str | None:
        await self._collection.run()
        return self._snapshots.states[self._key].failure


@pytest.fixture
async def watched(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> AsyncIterator[Watched]:
    run(
        database,
        "CREATE TABLE public.chat (is_open bool, started timestamptz, t text, u text)",
        "INSERT INTO public.chat VALUES (true, now(), 'bad', '1')",
    )
    conditions = "    one: (s.t)::int > 0\n    two: 6 / (s.u)::int > 0\n"
    watched = Watched(database, source_of(f"{CHAT}  integrity:\n{conditions}"))
    yield watched
    await watched.pool.close()


FORM = "a text does not have the format of its type"


async def test_another_failure_of_another_expression_is_named_at_once(
    database: EmbeddedDatabase, watched: Watched
) -> None:
    assert await watched.failure() == f"integrity.one: {FORM}"
    run(database, "UPDATE public.chat SET t = '1', u = '0'")
    assert await watched.failure() == "integrity.two: division by zero"


async def test_the_same_failure_of_another_expression_is_named_after_a_while(
    database: EmbeddedDatabase, watched: Watched
) -> None:
    assert await watched.failure() == f"integrity.one: {FORM}"
    run(database, "UPDATE public.chat SET t = '1', u = 'bad'")
    watched.now += NAME_AGAIN_AFTER_SECONDS
    assert await watched.failure() == f"integrity.two: {FORM}"


async def test_the_same_failure_after_a_success_is_named_anew(
    database: EmbeddedDatabase, watched: Watched
) -> None:
    assert await watched.failure() == f"integrity.one: {FORM}"
    run(database, "UPDATE public.chat SET t = '1'")
    assert await watched.failure() is None
    run(database, "UPDATE public.chat SET u = 'bad'")
    assert await watched.failure() == f"integrity.two: {FORM}"
