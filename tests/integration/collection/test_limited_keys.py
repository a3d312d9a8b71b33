"""Who cannot start a session: random rows, by PostgreSQL and by an oracle that knows no SQL."""

import random
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from exporter import sessions
from exporter.check.findings import Status
from exporter.check.live import check_all
from exporter.clock import Clock
from exporter.collection.active import Active, ActiveValues
from exporter.collection.active.grid import counting_query
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.queries import fill
from exporter.sessions.orphan_list import BlockedKeyList, list_blocked_keys
from tests.support.collection import declarations
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.collection.pages import Collect
from tests.support.servers.statements import execute, rows
from tests.support.servers.versions import SYSTEM_BINARIES

CALLS = """\
calls:
  table: public.calls
  active: is_open
  started_at: started
  last_seen_at: seen
  orphaned_after: 2h
  daily: null
"""
TABLE = (
    "CREATE TABLE public.calls (id int GENERATED ALWAYS AS IDENTITY, is_open bool,"
    " started timestamptz, seen timestamptz, who {}, tenant int)"
)


@dataclass(frozen=True)
class Kind:
    """A type of keys: values, some of which are equal to each other, and what equal ones share."""

    type: str
    values: tuple[Any, ...]
    same: Callable[[Any], Hashable] = lambda value: value
    needs: str = ""
    """What has to be there first, and is not on every server."""
    key: str = "who"


#: The second value is often one that a comparison of bytes takes for another key than the first.
KINDS = {
    "number": Kind("bigint", (1, 2, -3, 2**63 - 1)),
    "numeric": Kind("numeric", (Decimal("1.0"), Decimal("1.00"), Decimal("-0.5"))),
    "text": Kind("text", ("a", "A", "", "a ", "naïve 日本", "x" * 3000)),
    "char": Kind("char(4)", ("a", "a  ", "b"), str.rstrip),
    "uuid": Kind("uuid", tuple(UUID(int=n) for n in range(3))),
    "domain": Kind("public.seat", (1, 2, 3)),
    "jsonb": Kind(
        "jsonb", ('{"a": 1, "b": 2}', '{"b":2,"a":1.0}', "7"), lambda value: value == "7"
    ),
    "expression": Kind("text", ("Bob", "bob", "eve"), str.lower, key="lower(s.who)"),
    "two columns": Kind("text", ("a", "b"), key="(s.who, s.tenant)"),
    "citext": Kind("public.citext", ("Bob", "bOB", "eve"), str.lower, "citext"),
    "collation": Kind('text COLLATE "any_case"', ("Bob", "bOB", "eve"), str.lower, "icu"),
}
EVERYWHERE = [name for name, kind in KINDS.items() if not kind.needs]


@dataclass(frozen=True)
class Call:
    """One row: whose it is, whether it is open, and its times as hours before now."""

    who: Any
    tenant: int | None
    is_open: bool
    started: float | None
    seen: float | None

    @property
    def silence(self) -> float | None:
        return min((at for at in (self.started, self.seen) if at is not None), default=None)

    @property
    def is_orphaned(self) -> bool:
        return self.silence is not None and self.silence > 2


def random_calls(kind: Kind, seed: int) -> list[Call]:
    chance = random.Random(seed)
    hours = [None, 0.5, 1.9, 2.1, 5, 30]
    return [
        Call(
            who=chance.choice([None, *kind.values]),
            tenant=chance.choice([None, 1, 2]),
            is_open=chance.random() < 0.8,
            started=chance.choice(hours),
            seen=chance.choice(hours),
        )
        for _ in range(chance.randrange(25))
    ]


def expected(kind: Kind, calls: list[Call], most: int) -> tuple[int, dict[Any, Any]]:
    """How many keys are at their limit; and of the blocked ones active, orphaned, and silence."""
    by_key = defaultdict(list)
    for call in calls:
        has_tenant = "tenant" in kind.key
        if call.is_open and call.who is not None and not (has_tenant and call.tenant is None):
            by_key[kind.same(call.who), call.tenant if has_tenant else None].append(call)
    limited = {key: found for key, found in by_key.items() if len(found) >= most}
    blocked = {}
    for key, found in limited.items():
        silent = [call.silence for call in found if call.is_orphaned]
        if len(found) - len(silent) < most:
            blocked[key] = (len(found), len(silent), max(filter(None, silent)))
    return len(limited), blocked


def create(database: EmbeddedDatabase, kind: Kind) -> None:
    execute(database, "CREATE DOMAIN public.seat AS int CHECK (value > 0)")
    if kind.needs == "citext":
        execute(database, "CREATE EXTENSION citext SCHEMA public")
    if kind.needs == "icu":
        execute(
            database,
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2',"
            " deterministic = false)",
        )
    execute(database, TABLE.format(kind.type))


async def read(
    database: EmbeddedDatabase, source: Source, calls: list[Call], *, limit: int = 99
) -> tuple[ActiveValues, BlockedKeyList]:
    """What is collected and listed of these rows, which are not kept."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        for call in calls:
            connection.execute(
                "INSERT INTO public.calls (is_open, started, seen, who, tenant)"
                " VALUES (%s, now() - %s * interval '1 h', now() - %s * interval '1 h', %s, %s)",
                [call.is_open, call.started, call.seen, call.who, call.tenant],
            )
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        counted = await Active().collect(reader, table, None)
        return counted, await list_blocked_keys(reader, table, limit=limit)


async def compare(database: EmbeddedDatabase, folder: Path, kind: Kind, seeds: int) -> None:
    create(database, kind)
    for seed in range(seeds):
        most, calls = 1 + seed % 3, random_calls(kind, seed)
        limit = f"  limit_per: {{key: '{kind.key}', max: {most}}}\n"
        counted, listed = await read(database, declarations.source_of(folder, CALLS + limit), calls)
        at_limit, blocked = expected(kind, calls, most)
        assert counted.keys is not None
        assert (counted.keys.at_limit, counted.keys.blocked) == (at_limit, len(blocked)), calls
        assert listed.blocked_count == len(listed.keys) == len(blocked)
        found = [
            (each.active, each.orphaned, round(each.silence / 3600, 3)) for each in listed.keys
        ]
        assert sorted(found) == sorted(blocked.values()), calls
        silences = [each.silence for each in listed.keys]
        assert silences == sorted(silences, reverse=True)


@pytest.mark.quick("pg18-text", "pg18-two columns")
@pytest.mark.parametrize("name", EVERYWHERE)
async def test_keys_are_counted_and_listed_as_the_oracle_says(
    any_database: EmbeddedDatabase, tmp_path: Path, name: str
) -> None:
    await compare(any_database, tmp_path, KINDS[name], seeds=12)


async def test_keys_are_equal_where_their_type_or_collation_says_so(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Types that not every server has: all that this one has."""
    extensions = rows(any_database, "SELECT name FROM pg_available_extensions")
    has_icu = rows(any_database, "SELECT FROM pg_config WHERE setting LIKE '%with-icu%'")
    kinds = [KINDS["citext"]] if ("citext",) in extensions else []
    kinds += [KINDS["collation"]] if has_icu else []
    is_complete = any_database.server.binaries == SYSTEM_BINARIES
    assert len(kinds) == 2 or not is_complete, "Debian's has both"
    for kind in kinds:
        await compare(any_database, tmp_path, kind, seeds=12)
        execute(any_database, "DROP TABLE public.calls", "DROP DOMAIN public.seat")


async def test_the_list_shows_the_longest_blocked_and_counts_the_rest(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    create(database, KINDS["text"])
    limit = "  limit_per: {key: who, max: 1}\n"
    calls = [Call(f"user {hours}", 1, True, hours, None) for hours in (3, 9, 1, 5)]
    _, listed = await read(
        database, declarations.source_of(tmp_path, CALLS + limit), calls, limit=2
    )
    assert listed.blocked_count == 3
    assert [each.key for each in listed.keys] == ["user 9", "user 5"]


def active_plan(database: EmbeddedDatabase, statement: str) -> str:
    return str(rows(database, fill("catalog/explain", statement=statement)))


async def test_a_source_without_a_limit_is_read_once_and_one_with_a_limit_twice(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """The second pass computes neither ages nor, for a count, when a key's orphans were seen."""
    create(database, KINDS["text"])
    limited = declarations.source_of(tmp_path, CALLS + "  limit_per: {key: who, max: 1}\n")
    pool = Database(declarations.settings_of(database.dsn))
    try:
        tables = [
            await sessions.bind(pool.reader(), source)
            for source in (limited.model_copy(update={"limit_per": None}), limited)
        ]
    finally:
        await pool.close()
    plain, counted = [active_plan(database, counting_query(table)) for table in tables]
    assert (plain.count("'calls'"), counted.count("'calls'")) == (1, 2)
    assert plain.count("width_bucket") == counted.count("width_bucket")
    assert "min(keyed.last_seen)" not in counted
    assert "keyed" not in plain


@pytest.mark.parametrize("type_", ["json", "point", "json[]", "xml"])
async def test_a_key_without_an_equality_is_a_sentence(
    database: EmbeddedDatabase, collect: Collect, type_: str
) -> None:
    execute(database, TABLE.format(type_))
    page = await collect(database, CALLS + "  limit_per: {key: who, max: 1}\n")
    assert page.failures["calls", "active"] == (
        f"limit_per.key: could not identify an equality operator for type {type_}; its values "
        "have to be comparable, for example as text: (s.data ->> 'user_id')"
    )


@pytest.mark.parametrize("key", ["(s.id, s.who)", "ROW(s.who)", "ARRAY[(1, (s.id, s.who))]"])
@pytest.mark.parametrize("type_", ["json", "xid"])
async def test_a_key_without_an_equality_inside_a_row_is_named_before_there_are_rows(
    any_database: EmbeddedDatabase, collect: Collect, type_: str, key: str
) -> None:
    execute(any_database, TABLE.format(type_))
    page = await collect(any_database, f"{CALLS}  limit_per: {{key: '{key}', max: 1}}\n")
    assert page.failures["calls", "active"] == (
        "limit_per.key: PostgreSQL cannot compare a value inside the row; its values have to be "
        "comparable, for example as text: (s.data ->> 'user_id')"
    )


@pytest.mark.parametrize("key", ["(s.id, s.tableoid)", "(1 / coalesce(length(s.who), 0), s.id)"])
async def test_a_key_that_is_a_row_is_tried_without_values(
    any_database: EmbeddedDatabase, collect: Collect, key: str
) -> None:
    """It has system columns too, and what fails for NULL alone is no reason to refuse it."""
    create(any_database, KINDS["text"])
    execute(any_database, "INSERT INTO public.calls VALUES (DEFAULT, true, now(), NULL, 'Alice')")
    page = await collect(any_database, f"{CALLS}  limit_per: {{key: '{key}', max: 1}}\n")
    assert not page.failures
    assert page("sessions_keys_at_limit") == page("sessions_active")


async def test_a_key_that_fails_on_a_value_is_named_and_fails_its_source_alone(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    create(any_database, KINDS["text"])
    execute(any_database, "INSERT INTO public.calls VALUES (DEFAULT, true, now(), NULL, 'Alice')")
    limit = "  limit_per: {key: 's.who::int', max: 1}\n"
    sources = [CALLS + limit, CALLS.replace("calls:", "plain:", 1)]
    page = await collect(any_database, *sources)
    assert page.failures == {
        ("calls", "active"): "limit_per.key: a text does not have the format of its type"
    }
    assert page("sessions_active", source="calls") is None
    assert page("sessions_keys_at_limit", source="calls") is None
    assert page("sessions_active", source="plain") == 1
    assert page("sessions_keys_at_limit", source="plain") is None


async def test_without_any_session_nobody_is_at_the_limit(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    create(database, KINDS["text"])
    page = await collect(database, CALLS + "  limit_per: {key: who, max: 1}\n")
    assert page("sessions_keys_at_limit") == page("sessions_keys_blocked_by_orphans") == 0


async def test_live_check_tries_the_key_and_proposes_no_index_on_it(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    create(database, KINDS["text"])
    execute(database, "INSERT INTO public.calls VALUES (DEFAULT, true, now(), NULL, 'Alice')")
    found = {}
    for key in ("who", "s.who::int"):
        source = source_of(CALLS + f"  limit_per: {{key: '{key}', max: 1}}\n")
        pool = Database(declarations.settings_of(database.dsn))
        try:
            clock = Clock(lambda: 0.0, lambda: 0.0)
            found[key] = {each.check: each async for each in check_all(pool, [source], clock)}
        finally:
            await pool.close()
    assert found["who"]["evaluation"].status is Status.OK
    assert "limit_per" not in found["who"]["expressions"].message
    index = "\n".join(found["who"]["index for active"].commands)
    assert '("started") WHERE ("is_open")' in index
    assert "who" not in index
    failure = found["s.who::int"]["evaluation"]
    assert failure.status is Status.FAILED
    assert failure.message == "limit_per.key: a text does not have the format of its type"
