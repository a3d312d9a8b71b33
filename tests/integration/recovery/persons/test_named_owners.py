"""What names the owner of a session: a column or an expression of any type, or nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.check.findings import Status
from exporter.check.recovery import check_recovery
from exporter.config.evidence import Ownership
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import BadData, SchemaMismatch, UsageError
from exporter.recovery.decision.observation import Owner
from exporter.recovery.plan.plan import observe_by_hand
from exporter.recovery.rule.selection import PlannedStop
from exporter.sessions.grants import recovery_grants
from tests.support.collection.declarations import settings_of
from tests.support.recovery.automatic.runner import Recover, sessions
from tests.support.recovery.planned_stops import (
    CHAT,
    Stopping,
    chat,
    prepare,
    run,
    still_open,
    stopping,
)

WORKERS = "CREATE TABLE public.workers (number int PRIMARY KEY, name text)"
UUID = "9f3c5d0e-0000-4000-8000-0000000000aa"

#: The type of `held`, the values of mine and of another owner, the expression, the id as it is
#: given, and the name of the owner.
NAMES = {
    "array element": ("text[]", "ARRAY['a', 'c']", "ARRAY['b', 'a']", "s.held[1]", "a", "a"),
    "newest of an array": (
        "text[]",
        "ARRAY['b', 'a']",
        "ARRAY['a', 'b']",
        "s.held[cardinality(s.held)]",
        "a",
        "a",
    ),
    "json": ("json", """'{"on": "a"}'""", """'{"on": "b"}'""", "s.held ->> 'on'", "a", "a"),
    "jsonb number": (
        "jsonb",
        """'{"n": 7}'""",
        """'{"n": 8}'""",
        "(s.held -> 'n')::int",
        "07",
        "7",
    ),
    "jsonb": ("jsonb", """'{"on": "a"}'""", """'{"on": "b"}'""", "s.held -> 'on'", '"a"', '"a"'),
    "json value": (
        "json",
        """'{"on": "a"}'""",
        """'{"on": "A"}'""",
        "s.held -> 'on'",
        '"a"',
        '"a"',
    ),
    "row": (
        "text",
        "'a'",
        "'A'",
        "CASE WHEN s.held <> '' THEN ROW(s.held, 1) END",
        "(a,1)",
        "(a,1)",
    ),
    "row with quotes": (
        "text",
        "'a \"x'",
        "'a'",
        "CASE WHEN s.held <> '' THEN ROW(s.held, 1) END",
        '("a ""x",1)',
        '("a ""x",1)',
    ),
    "case": ("text", "'Pod'", "'pod'", "s.held", "Pod", "Pod"),
    "case alone": ("uuid", f"'{UUID}'", f"'{UUID[:-2]}bb'", "held", UUID.upper(), UUID),
    "integer column": ("int", "7", "70", "held", " 7", "7"),
    "quotes": (
        "text",
        """'it''s "a" \\b; --'""",
        "'it'",
        "held",
        'it\'s "a" \\b; --',
        'it\'s "a" \\b; --',
    ),
    "spaces": ("text", "' a '", "'a'", "held", " a ", " a "),
    "host and process": ("text", "'h'", "'h1'", "s.held || ':' || 1", "h:1", "h:1"),
    "number": ("bigint", "70", "80", "s.held / 10", "007", "7"),
    "uuid": ("uuid[]", f"'{{{UUID}}}'", f"'{{{UUID[:-2]}bb}}'", "s.held[1]", UUID.upper(), UUID),
    "inet": ("inet", "'10.0.0.1'", "'10.0.0.2'", "s.held", "10.0.0.1/32", "10.0.0.1/32"),
    "host": ("inet", "'10.0.0.1/8'", "'10.0.0.2/8'", "host(s.held)", "10.0.0.1", "10.0.0.1"),
    "enum": ("pod[]", "'{a,b}'", "'{b,a}'", "s.held[1]", "a", "a"),
    "domain": ("pod_name", "'a'", "'b'", "lower(s.held)::public.pod_name", "a", "a"),
    "composite": ("lease", "('a', 1)", "('b', 1)", "(s.held).holder", "a", "a"),
    "another table": (
        "int",
        "1",
        "2",
        "(SELECT w.name FROM public.workers AS w WHERE w.number = s.held)",
        "a",
        "a",
    ),
    "alternatives": ("text", "' a'", "'b'", "coalesce(NULLIF(trim(s.held), ''), s.node)", "a", "a"),
    "a comment": ("text", "'a'", "'b'", "s.held -- the pod", "a", "a"),
}

TYPES = (
    "CREATE TYPE pod AS ENUM ('a', 'b')",
    "CREATE DOMAIN pod_name AS text",
    "CREATE TYPE lease AS (holder text, term int)",
    WORKERS,
    "INSERT INTO workers VALUES (1, 'a'), (2, 'b')",
)


def named_by(expression: str) -> str:
    """The source whose owners an expression names."""
    return CHAT.replace("owner: node", f"owner: |\n    {expression}")


def named(database: EmbeddedDatabase, type_: str, *values: tuple[str, str]) -> None:
    """Chats that are held by these values, of this type, and live."""
    held = (chat(name, held=value, seen="now()") for name, value in values)
    prepare(database, *TYPES, f"ALTER TABLE chat ADD COLUMN held {type_}", *held)


async def observed_owners(it: Stopping) -> Mapping[str, Owner]:
    """The owners of the active sessions, as recovery observes them."""
    return (await observe_by_hand(it.reader, it.rule, is_audited=True)).owners


@pytest.mark.quick("array", "uuid")
@pytest.mark.parametrize("kind", NAMES)
async def test_an_expression_of_any_type_names_an_owner(
    database: EmbeddedDatabase, tmp_path: Path, *, kind: str
) -> None:
    type_, mine, other, expression, given, name = NAMES[kind]
    named(database, type_, ("mine", mine), ("other", other), ("unknown", "NULL"))
    async with stopping(database, tmp_path, named_by(expression)) as it:
        owners = await observed_owners(it)
        assert owners[name].active == 1
        assert len(owners) == 2  # NULL is none
        assert (await it.plan(PlannedStop(given))).ready == 1
        await it.close_owner(given)
    assert still_open(database) == {"other", "unknown"}


async def test_of_a_row_that_is_not_active_no_owner_is_computed(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    named(database, "text", ("mine", "'1'"))
    run(database, chat("closed", held="'none'", is_open="false"))
    async with stopping(database, tmp_path, named_by("(s.held)::int")) as it:
        assert [*await observed_owners(it)] == ["1"]


async def test_an_expression_that_fails_for_an_active_session_is_named(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    named(database, "text", ("mine", "'1'"), ("new", "'none'"))
    expected = r"^owner, which fails for a session that is active: "
    async with stopping(database, tmp_path, named_by("(s.held)::int")) as it:
        with pytest.raises(BadData, match=expected):
            await observed_owners(it)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("s.hold", r"owner: column s\.hold does not exist"),
        ("hold", r"owner: public\.chat has no column hold; did you mean held\?"),
    ],
)
async def test_an_expression_that_names_no_owner_is_an_error_of_check_live(
    database: EmbeddedDatabase, tmp_path: Path, *, expression: str, problem: str
) -> None:
    named(database, "json", ("mine", "NULL"))
    with pytest.raises(SchemaMismatch, match=problem):
        async with stopping(database, tmp_path, named_by(expression)) as it:
            await it.plan(PlannedStop("a"))
    async with stopping(database, tmp_path) as it:
        owner = Ownership(of=expression, in_=None)
        source = it.source.model_copy(update={"owner": owner})
        found = [each async for each in check_recovery(settings_of(database.dsn), source)]
    (failed,) = (each.message for each in found if each.status is Status.FAILED)
    assert failed.startswith("owner: ")


async def test_an_id_that_an_expression_cannot_be_is_wrong_usage(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    named(database, "int[]", ("mine", "'{1}'"))
    async with stopping(database, tmp_path, named_by("s.held[1]")) as it:
        with pytest.raises(UsageError, match=r"not a value of the type of owner\.of"):
            await it.plan(PlannedStop("pod-1"))


async def test_what_an_expression_reads_is_granted(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    named(database, "int[]", ("mine", "'{1}'"))
    workers = "(SELECT w.name FROM public.workers AS w WHERE w.number = s.held[1])"
    async with stopping(database, tmp_path, named_by(workers)) as it:
        granted = await recovery_grants(it.reader, it.source, role="session_exporter_recovery")
    selects = [each for each in granted if each.startswith("GRANT SELECT")]
    assert any('"held"' in each and 'ON "public"."chat"' in each for each in selects)
    assert any('ON "public"."workers"' in each for each in selects)


@pytest.mark.quick("by statements")
async def test_an_expression_names_the_owner_that_fell_silent(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 100, 40, seen="5 minutes")
    run(
        database,
        "ALTER TABLE public.chat ADD attempted_by text[] NOT NULL DEFAULT '{}'",
        "UPDATE public.chat SET attempted_by = ARRAY[CASE WHEN id < 100 THEN 'a' ELSE 'b' END]",
    )
    async with recover({"owner": "s.attempted_by[1]"}) as runner:
        assert (await runner.run()).brakes == {"owner"}
        held = await runner.by_hand.held()
        assert held is not None
        assert held.stop.why == "no session of owner a shows life, while those of others do"


@pytest.mark.quick("by statements")
async def test_sessions_whose_owner_is_not_known_are_no_owner_that_fell_silent(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="61 minutes")
    sessions(database, 100, 40, seen="5 minutes")
    run(
        database,
        "ALTER TABLE public.chat ADD attempted_by text[] NOT NULL DEFAULT '{}'",
        "UPDATE public.chat SET attempted_by = ARRAY['b'] WHERE id >= 100",
    )
    async with recover({"owner": "s.attempted_by[1]"}) as runner:
        assert (await runner.run()).brakes == frozenset()
