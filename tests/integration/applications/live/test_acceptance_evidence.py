"""What rounds of evidence find of the applications of the demo, run as programs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.collection.active import ActiveValues, KeyCounts
from exporter.demo.applications.roleplay_api.api import ENDPOINTS, PREFIX
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from tests.support.evidence.rounds import Rounds
from tests.support.network.proxy import Mode, Proxy
from tests.support.processes.applications import (
    CHATS,
    PROBE,
    ROLE_PLAY,
    Application,
    CallServerProcess,
)
from tests.support.processes.session_exporter import wait_for

pytestmark = pytest.mark.slow

EVERY = 0.25
GHOST_AFTER = 1.0
ORPHANED_AFTER = 3.0

CALLS: dict[str, Any] = {
    "table": "practice_calls.calls",
    "active": "state = 'active'",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "id": "id",
    "list": "calls",
    "orphaned_after": f"{ORPHANED_AFTER:g}s",
    "limit_per": {"key": "client", "max": 2},
    "daily": None,
}
LIST: dict[str, Any] = {
    "items": "sessions",
    "started_at": "startedAt",
    "last_seen_at": "lastMessageAt",
    "filter": "state == 'active'",
    "ghost_after": f"{GHOST_AFTER:g}s",
    "every": "250ms",
    "timeout": "2s",
}
CHATS_SOURCE: dict[str, Any] = {
    "table": "conversations.conversation_sessions",
    "active": "is_active",
    "started_at": "session_start",
    "id": "session_id",
    "owner": {"of": "server_id", "in": "servers"},
    "orphaned_after": "2h",
    "daily": None,
}
OWNERS: dict[str, Any] = {
    "unique_per_start": True,
    "table": {
        "table": "conversations.servers",
        "id": "server_id",
        "seen_at": "seen_at",
        "within": "1s",
    },
    "grace": "1s",
    "every": "250ms",
    "timeout": "2s",
}

Begin = Callable[[dict[str, Any]], Rounds]


@pytest.fixture
async def begin(database: EmbeddedDatabase, tmp_path: Path) -> AsyncIterator[Begin]:
    begun: list[Rounds] = []

    def begin(config: dict[str, Any]) -> Rounds:
        begun.append(Rounds(tmp_path, database.dsn, config))
        return begun[-1]

    yield begin
    for each in begun:
        await each.close()


def create(database: EmbeddedDatabase, script: str) -> None:
    path = Path(schemas.__file__).with_name(script)
    with database.connect(APP) as connection:
        connection.execute(path.read_bytes())


def calls(server: CallServerProcess) -> dict[str, Any]:
    lists = {"calls": LIST | {"urls": {"server": f"{server.url}/sessions"}}}
    return {"lists": lists, "sources": {"calls": CALLS}}


async def run_until(
    rounds: Rounds, condition: Callable[[ActiveValues], object], *, seconds: float = 30.0
) -> tuple[ActiveValues, float]:
    """Run rounds until one satisfies the condition; return it, and how long that took."""
    began = time.monotonic()
    while not condition(values := await rounds.run()):
        assert time.monotonic() - began < seconds, (values.by_cause, rounds.evidence.verdict(0))
        await asyncio.sleep(EVERY)
    return values, time.monotonic() - began


async def run_for(rounds: Rounds, seconds: float) -> list[ActiveValues]:
    """Every round of that time."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        found.append(await rounds.run())
        await asyncio.sleep(EVERY)
    return found


def causes(values: ActiveValues) -> dict[str, int]:
    """Those of which there are any."""
    assert values.by_cause is not None
    return {cause: number for cause, number in values.by_cause.items() if number}


async def test_a_call_in_use_is_never_orphaned_whatever_comes_and_goes_beside_it(
    database: EmbeddedDatabase, tmp_path: Path, begin: Begin
) -> None:
    create(database, "practice_calls.sql")
    with ExitStack() as stack:
        server = stack.enter_context(
            CallServerProcess("--dsn", database.dsn_for(APP), folder=tmp_path)
        )
        held = [
            stack.enter_context(server.front_end("hold", f"client-{n}", "--every", 0.1))
            for n in range(4)
        ]
        for each in held:
            await asyncio.to_thread(each.wait_for_event, "active")
        cycling = stack.enter_context(server.front_end("cycles", "cycling", "--number", 100))
        killed = stack.enter_context(server.front_end("hold", "killed", "--every", 0.1))
        await asyncio.to_thread(killed.wait_for_event, "active")
        rounds = begin(calls(server))
        found = await run_for(rounds, ORPHANED_AFTER)
        killed.kill()
        found += await run_for(rounds, ORPHANED_AFTER)
        assert max(each.total.active for each in found) >= 4
        # Until the first answer nothing is known, and nothing is old enough.
        assert {each.total.orphaned for each in found} == {0}
        await asyncio.to_thread(cycling.wait)
        values, _ = await run_until(rounds, lambda values: values.total.active == 4)
        assert values.total.orphaned == 0


async def test_a_left_connection_is_stale_and_one_that_is_cut_off_becomes_so(
    database: EmbeddedDatabase, tmp_path: Path, begin: Begin
) -> None:
    create(database, "practice_calls.sql")
    with ExitStack() as stack:
        words = ("--keep-old", "--ping-interval", 0.2, "--dsn", database.dsn_for(APP))
        server = stack.enter_context(CallServerProcess(*words, folder=tmp_path))
        proxy = stack.enter_context(Proxy(server.port))
        again = stack.enter_context(server.front_end("again", "anna", "--every", 0.1))
        cut = stack.enter_context(server.front_end("hold", "cut", "--every", 0.1, port=proxy.port))
        for each, event in ((again, "left"), (again, "active"), (cut, "active")):
            await asyncio.to_thread(each.wait_for_event, event)
        rounds = begin(calls(server))
        values, _ = await run_until(rounds, causes)
        assert causes(values) == {"stale_in_list": 1}
        proxy.mode = Mode.SWALLOW
        values, took = await run_until(
            rounds, lambda values: causes(values) == {"stale_in_list": 2}
        )
        assert ORPHANED_AFTER - 1 < took < ORPHANED_AFTER + 2 * EVERY + 2  # and a busy machine
        assert values.total.active == 3
        # The client with two connections cannot start another one, and without the left one can.
        assert values.keys == KeyCounts(at_limit=1, blocked=1)
        cut.kill()


async def test_what_a_killed_server_has_lost_becomes_ghosts_and_its_successors_calls_do_not(
    database: EmbeddedDatabase, tmp_path: Path, begin: Begin
) -> None:
    create(database, "practice_calls.sql")
    dsn = database.dsn_for(APP)
    with ExitStack() as stack:
        first = stack.enter_context(CallServerProcess("--dsn", dsn, folder=tmp_path))
        port = first.port
        held = [
            stack.enter_context(first.front_end("hold", f"client-{n}", "--every", 0.1))
            for n in range(4)
        ]
        for each in held:
            await asyncio.to_thread(each.wait_for_event, "active")
        rounds = begin(calls(first))
        await run_for(rounds, 1)
        first.kill()
        values = await rounds.run()
        assert not causes(values).get("ghost")
        assert rounds.evidence.verdict(time.monotonic()).blind
        stack.enter_context(CallServerProcess("--dsn", dsn, "--port", port, folder=tmp_path))
        for each in held:
            await asyncio.to_thread(each.wait_for_event, "active", number=2)
        values, _ = await run_until(rounds, lambda values: causes(values) == {"ghost": 4})
        assert values.total.active == 8
        found = await run_for(rounds, 1)
        assert {each.total.orphaned for each in found} == {4}
        assert not rounds.evidence.verdict(time.monotonic()).blind


async def test_a_store_that_does_not_answer_makes_no_ghost_of_what_it_holds(
    database: EmbeddedDatabase, tmp_path: Path, begin: Begin
) -> None:
    """Also when the list has not answered for long: then age decides, as without a list."""
    create(database, "practice_calls.sql")
    with ExitStack() as stack:
        server = stack.enter_context(
            CallServerProcess("--dsn", database.dsn_for(APP), folder=tmp_path)
        )
        proxy = stack.enter_context(Proxy(server.port))
        for each in range(2):
            client = stack.enter_context(server.front_end("hold", f"client-{each}", "--every", 0.1))
            await asyncio.to_thread(client.wait_for_event, "active")
        config = calls(server)
        url = f"http://127.0.0.1:{proxy.port}/sessions"
        config["lists"]["calls"] |= {"urls": {"server": url}, "timeout": "500ms"}
        rounds = begin(config)
        await run_until(rounds, lambda values: values.evidence and values.evidence.listed == 2)
        proxy.refuse()
        await run_until(rounds, lambda values: causes(values) == {"age": 2})
        assert rounds.evidence.verdict(time.monotonic()).blind
        assert {tuple(causes(each).items()) for each in await run_for(rounds, 2)} == {(("age", 2),)}
        proxy.accept()
        await run_until(rounds, lambda values: not causes(values))


async def test_of_a_killed_server_18_are_ownerless_after_grace_and_the_others_stay(
    database: EmbeddedDatabase, tmp_path: Path, begin: Begin
) -> None:
    create(database, "conversations_owner.sql")
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(
                Application(
                    CHATS,
                    *("--dsn", database.dsn_for(APP), "--sessions", number, "--every", 0.1),
                    folder=tmp_path,
                )
            )
            for number in (18, 7)
        )
        names = [
            (await asyncio.to_thread(each.wait_for_event, "started"))["server"]
            for each in (first, second)
        ]
        rounds = begin({"owners": {"servers": OWNERS}, "sources": {"chats": CHATS_SOURCE}})
        for values in await run_for(rounds, 2):
            assert (values.total.active, values.total.orphaned) == (25, 0)
        first.kill()
        values, took = await run_until(rounds, causes)
        assert causes(values) == {"ownerless": 18}
        assert 1 < took < 1 + 1 + 2 * EVERY + 2  # within, grace, two intervals, a busy machine
        assert rounds.owners is not None
        assert rounds.owners.dead == {names[0]}
        assert names[1] in rounds.owners.alive


async def plays(
    urls: dict[str, str], begin: Begin, database: EmbeddedDatabase
) -> Callable[[], Awaitable[int | None]]:
    """How many sessions disagree, in two rounds."""
    with database.connect(APP) as connection:
        connection.execute("CREATE SCHEMA plays")
        connection.execute("CREATE TABLE plays.plays (id text PRIMARY KEY, at timestamptz)")
    source = {"table": "plays.plays", "active": True, "started_at": "at", "id": "id"}
    settings = {"urls": urls, "stores": "all", "last_seen_at": "lastMessageAt"}
    rounds = begin(
        {
            "lists": {"plays": settings},
            "sources": {"plays": source | {"list": "plays", "orphaned_after": "30m"}},
        }
    )

    async def disagreeing() -> int | None:
        for _ in range(2):
            await rounds.run()
        assert rounds.list is not None
        found = rounds.list.disagreeing
        return None if found is None else len(found)

    return disagreeing


@pytest.mark.parametrize(("options", "expected"), [((), 0), (("--store-each",), 1)])
async def test_a_store_for_each_endpoint_disagrees_by_lists_and_by_a_synthetic_session(
    database: EmbeddedDatabase,
    tmp_path: Path,
    begin: Begin,
    options: tuple[str, ...],
    expected: int,
) -> None:
    output = tmp_path / "finding.json"
    with Application(ROLE_PLAY, *options, folder=tmp_path) as api:
        words = ("--url", api.url, "--every", 0.2, "--output", output)
        with Application(PROBE, *words, folder=tmp_path) as probe:
            await asyncio.to_thread(wait_for, output.exists, "a round has come to its end")
            found = await plays({n: f"{probe.url}/{n}" for n in ENDPOINTS}, begin, database)
            assert await found() == expected
        async with httpx.AsyncClient(base_url=api.url) as user:
            (await user.post(f"{PREFIX}/start", json={"id": "synthetic"})).raise_for_status()
        with database.connect(APP) as connection:
            connection.execute("DROP SCHEMA plays CASCADE")
        urls = {name: f"{api.url}{PREFIX}/{name}/live" for name in ENDPOINTS}
        found = await plays(urls, begin, database)
        assert await found() == expected
