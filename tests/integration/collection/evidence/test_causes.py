"""Why a row is orphaned, by what owners and a list say of it."""

import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter import sessions
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Reader
from exporter.sessions import SessionTable
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from tests.support.collection import declarations
from tests.support.collection.evidence import causes_of, source_with_evidence
from tests.support.servers.statements import execute

CALLS = """\
calls:
  table: public.calls
  active: is_open
  started_at: started
  last_seen_at: seen
  id: id
  owner: {of: server, in: servers}
  list: calls
  orphaned_after: 2h
"""
TABLE = (
    "CREATE TABLE public.calls (id text, is_open bool DEFAULT true, server text,"
    " started timestamptz, seen timestamptz, after interval)"
)
FRESH, OLD = "now() - interval '1 min'", "now() - interval '3 h'"
HOUR = 3600.0


@pytest.fixture
async def reader(any_database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    pool = Database(declarations.settings_of(any_database.dsn))
    yield pool.reader()
    await pool.close()


async def now(reader: Reader) -> float:
    return float(await reader.value("SELECT extract(epoch FROM pg_catalog.now())::float8"))


def rows(database: EmbeddedDatabase, *values: str) -> None:
    listed = ", ".join(f"({each})" for each in values)
    execute(database, TABLE, f"INSERT INTO public.calls (id, server, started) VALUES {listed}")


async def bound(reader: Reader, folder: Path, text: str = CALLS) -> SessionTable:
    return await sessions.bind(reader, source_with_evidence(folder, text))


async def test_each_cause_has_its_rows(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    rows(
        any_database,
        f"'of a dead owner', 'dead', {FRESH}",
        f"'of no owner', NULL, {FRESH}",
        f"'of a living owner', 'alive', {FRESH}",
        f"'old', 'alive', {OLD}",
        f"'old and listed', 'alive', {OLD}",
        f"'old and listed without a time', 'alive', {OLD}",
        f"'fresh and listed as old', 'alive', {FRESH}",
        f"'ghost', 'alive', {FRESH}",
        f"'old ghost', 'alive', {OLD}",
        "'undated', 'dead', NULL",
        "'undated ghost', 'alive', NULL",
        f"'listed, of a dead owner', 'dead', {FRESH}",
        f"'listed, and called a ghost', NULL, {FRESH}",
    )
    time = await now(reader)
    verdict = Verdict(
        dead_owners=frozenset({"dead", "another"}),
        listed={
            "old and listed": time - 60,
            "old and listed without a time": None,
            "fresh and listed as old": time - 3 * HOUR,
            "listed, of a dead owner": time,
            "listed, and called a ghost": time,
            "in no row": None,
        },
        ghosts=frozenset(
            {"ghost", "old ghost", "undated ghost", "listed, and called a ghost", "gone"}
        ),
    )
    table = await bound(reader, tmp_path)
    assert await causes_of(reader, table, verdict) == {
        "of a dead owner": "ownerless",
        "of no owner": None,
        "of a living owner": None,
        "old": "age",
        "old and listed": None,
        "old and listed without a time": None,
        "fresh and listed as old": "stale_in_list",
        "ghost": "ghost",
        "old ghost": "ghost",
        "undated": None,
        "undated ghost": None,
        "listed, of a dead owner": "ownerless",
        "listed, and called a ghost": None,
    }


@pytest.mark.parametrize("after", ["2h", "{sql: s.after}"])
async def test_a_time_in_the_future_in_a_list_is_no_sign_of_life(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path, after: str
) -> None:
    """Then the times of the row decide; within `future_tolerance` clocks differ."""
    rows(any_database, f"'old', 'a', {OLD}", f"'fresh', 'a', {FRESH}", f"'nearly', 'a', {OLD}")
    execute(any_database, "UPDATE public.calls SET after = '2 h'")
    time = await now(reader)
    verdict = Verdict(listed={"old": time + 70, "fresh": time + 70, "nearly": time + 50})
    table = await bound(reader, tmp_path, CALLS.replace("2h", after))
    assert await causes_of(reader, table, verdict) == {
        "old": "stale_in_list",
        "fresh": None,
        "nearly": None,
    }


async def test_without_a_verdict_age_decides(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    """Also after another transaction of the same connection had one."""
    rows(any_database, f"'fresh', 'dead', {FRESH}", f"'old', 'dead', {OLD}")
    table = await bound(reader, tmp_path)
    by_age = {"fresh": None, "old": "age"}
    assert await causes_of(reader, table, NO_EVIDENCE) == by_age
    dead = Verdict(dead_owners=frozenset({"dead"}))
    assert set((await causes_of(reader, table, dead)).values()) == {"ownerless"}
    assert await causes_of(reader, table, NO_EVIDENCE) == by_age


@pytest.mark.slow
async def test_by_thresholds_of_rows_a_list_is_asked_by_the_threshold_of_each(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    """One that cannot be used makes no session orphaned by age or by its list."""
    thresholds = {
        "short": "'1 h'",
        "long": "'5 h'",
        "none": "'-1 h'",
        "unknown": "NULL",
        "month": "'1 mon'",
    }
    listed = ", ".join(
        f"('{name} {kind}', {OLD}, {after}::interval)"
        for name, after in thresholds.items()
        for kind in ("listed", "ghost", "fresh in the list", "plain")
    )
    execute(any_database, TABLE, f"INSERT INTO public.calls (id, started, after) VALUES {listed}")
    time = await now(reader)
    verdict = Verdict(
        listed={f"{name} listed": time - 3 * HOUR for name in thresholds}
        | {f"{name} fresh in the list": time for name in thresholds},
        ghosts=frozenset(f"{name} ghost" for name in thresholds),
    )
    text = CALLS.replace("2h", "{sql: s.after}")
    table = await bound(reader, tmp_path, text)
    found = await causes_of(reader, table, verdict)
    assert {key: cause for key, cause in found.items() if cause} == {
        "short listed": "stale_in_list",
        "short plain": "age",
        **{f"{name} ghost": "ghost" for name in thresholds},
    }


@pytest.mark.slow
async def test_an_id_of_several_columns_is_a_json_array(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    """As recovery and the audit write it; JSON of Python is the same text."""
    parts = [("a", "1"), ('quote"', "back\\slash"), ("line\nbreak\t\x01\x7f", "ü日🙂"), ("", " ")]
    execute(
        any_database, TABLE, "ALTER TABLE public.calls ADD COLUMN part text, ALTER id TYPE text"
    )
    with any_database.connect() as connection:
        for one, other in parts:
            connection.execute(
                b"INSERT INTO public.calls (id, part, started) VALUES (%s, %s, now())",
                (one, other),
            )
        connection.execute(b"INSERT INTO public.calls (id, started) VALUES ('a', now())")
    table = await bound(reader, tmp_path, CALLS.replace("id: id", "id: [id, part]"))
    keys = [json.dumps(each, ensure_ascii=False) for each in parts]
    found = await causes_of(reader, table, Verdict(ghosts=frozenset(keys)))
    assert found == dict.fromkeys(keys, "ghost") | {'["a", null]': None}


HOSTILE = (
    "'", '"', "\\", "\\'", '","', "{", "}", "NULL", "null", "", " ", "a,b", "%s", "$1", "{0}",
    "\n\r", "--", "/*", ";", "E'\\'", "ü", "日本", "🙂", "\u202e",
    "e\u0301", "\x01", "\x7f", "\u0085",
    "'); DROP TABLE public.calls; --", "\ufffe", "x" * 1_000_000,
)  # fmt: skip


@pytest.mark.slow
async def test_hostile_ids_and_owners_are_compared_as_they_are(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    execute(any_database, TABLE)
    with any_database.connect() as connection:
        for number, key in enumerate(HOSTILE):
            connection.execute(
                b"INSERT INTO public.calls (id, server, started) VALUES (%s, %s, now())",
                (key, f"{number}{key}"),
            )
    table = await bound(reader, tmp_path)
    impossible = {"\0", "a\0b", "\ud800", "a\udfffb"}
    for number, key in enumerate(HOSTILE):
        listed = {each: 0.0 for each in HOSTILE if each != key} | dict.fromkeys(impossible, 0.0)
        one = Verdict(ghosts=frozenset({key, *impossible}), listed=listed)
        assert await causes_of(reader, table, one) == dict.fromkeys(HOSTILE, "stale_in_list") | {
            key: "ghost"
        }
        dead = Verdict(dead_owners=frozenset({f"{number}{key}", *impossible}))
        assert await causes_of(reader, table, dead) == dict.fromkeys(HOSTILE) | {key: "ownerless"}


TIMES = (math.inf, -math.inf, math.nan, 1e300, -1e300, 0.0, -1e12, 1e12, None)


@pytest.mark.slow
async def test_an_absurd_time_in_a_list_fails_nothing(
    any_database: EmbeddedDatabase, reader: Reader, tmp_path: Path
) -> None:
    keys = {f"at {each}": each for each in TIMES}
    rows(any_database, *(f"'{key}', NULL, {OLD}" for key in keys))
    for after in ("2h", "{sql: s.after}"):
        execute(any_database, "UPDATE public.calls SET after = '2 h'")
        table = await bound(reader, tmp_path, CALLS.replace("2h", after))
        found = await causes_of(reader, table, Verdict(listed=keys))
        assert {key for key, cause in found.items() if cause == "stale_in_list"} == {
            "at -1e+300", "at 0.0", "at -1000000000000.0", "at 1000000000000.0", "at 1e+300",
        }  # fmt: skip
        assert set(found.values()) == {"stale_in_list", None}


TYPES = {
    "uuid": ("uuid", "00000000-0000-4000-8000-00000000000{}"),
    "number": ("bigint", "{}"),
    "domain over uuid": ("public.key", "00000000-0000-4000-8000-00000000000{}"),
    "domain over text": ("public.word", "word {}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("is_view", [False, True], ids=["table", "view"])
@pytest.mark.parametrize(("type_", "value"), TYPES.values(), ids=TYPES)
async def test_ids_and_owners_of_other_types_are_their_texts(
    database: EmbeddedDatabase, tmp_path: Path, type_: str, value: str, *, is_view: bool
) -> None:
    first, second, third = (value.format(number) for number in (1, 2, 3))
    execute(
        database,
        "CREATE DOMAIN public.key AS uuid",
        "CREATE DOMAIN public.word AS text CHECK (value <> '')",
        TABLE.replace("id text", f"id {type_}").replace("server text", f"server {type_}"),
        f"INSERT INTO public.calls (id, server, started) VALUES ('{first}', '{second}', now()),"
        f" ('{second}', NULL, now()), ('{third}', '{third}', now())",
        "CREATE VIEW public.shown AS SELECT * FROM public.calls",
    )
    pool = Database(declarations.settings_of(database.dsn))
    try:
        text = CALLS.replace("public.calls", "public.shown") if is_view else CALLS
        table = await bound(pool.reader(), tmp_path, text)
        verdict = Verdict(
            dead_owners=frozenset({second}), ghosts=frozenset({second}), listed={third: 0.0}
        )
        found = await causes_of(pool.reader(), table, verdict)
    finally:
        await pool.close()
    assert found == {first: "ownerless", second: "ghost", third: "stale_in_list"}
