"""A session has returned when it shows life or has ended, not because less is known of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.plan.return_counter import ReturnCounter
from tests.support.evidence.exporter_by_hand import (
    OTHERS,
    ExporterByHand,
    add_calls,
    create_calls,
    exporter_by_hand,
    show_life,
)
from tests.support.network.answering import Answering, serving
from tests.support.servers.statements import execute

# Each runs an exporter for seconds, as `grace` and `ghost_after` need.
pytestmark = pytest.mark.slow

OWNED = {"owner": {"of": "server", "in": "servers"}}
LOST = [f"lost-{number}" for number in range(5)]
BRAKED = {"recovery": {"mode": "auto", "grace": "1h", "set": {"is_open": False}}}
DISABLED = {"recovery": {"mode": "disabled", "set": {"is_open": False}}}
TIMING = {"every": "5s", "timeout": "1s"}


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    create_calls(database)
    add_calls(database, *LOST, server="b", silent="10 minutes")
    return database


@pytest.fixture
def application() -> Iterator[Answering]:
    with serving(sessions=[*OTHERS, *LOST], servers=["a", "b"]) as server:
        yield server


def owners(server: Answering) -> dict[str, object]:
    http = {"url": server.url("/servers"), "id": "@"}
    return {"servers": {"unique_per_start": True, "http": http, "grace": "1s", **TIMING}}


def lists(server: Answering) -> dict[str, object]:
    urls = {"app": server.url("/sessions")}
    timing = {"every": "500ms", "timeout": "1s"}  # after three intervals an answer is forgotten
    return {"calls": {"urls": urls, "id": "@", "ghost_after": "1s", **timing}}


async def lose(exporter: ExporterByHand, application: Answering) -> None:
    """Let the server b die, and recovery observe that its sessions are ownerless."""
    await exporter.ask()
    application.answers["/servers"] = ["a"]
    for _ in range(8):
        await exporter.ask()
        await asyncio.sleep(0.2)
    assert exporter.verdict.dead_owners == {"b"}
    await exporter.recover()


async def test_ownerless_sessions_have_not_returned_when_the_exporter_restarts(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """The next exporter does not know yet that the owner is dead: for that it takes `grace`."""
    source, servers = OWNED | BRAKED, owners(application)
    async with exporter_by_hand(calls, tmp_path, source, owners=servers) as exporter:
        await lose(exporter, application)
    execute(calls, "UPDATE session_exporter.stop SET resumed_at = at")  # not in this slot
    async with exporter_by_hand(
        calls, tmp_path, source, follows_another=True, owners=servers
    ) as exporter:
        await exporter.ask()
        await exporter.ask()
        assert exporter.verdict.blind == ""
        assert exporter.verdict.dead_owners == frozenset()
        assert "returned" not in (await exporter.recover(2) or ())
        assert exporter.returned == 0
        # They are followed all the same: those that show life, or end, have returned.
        show_life(calls, "id IN ('lost-0', 'lost-1')")
        execute(calls, "UPDATE public.calls SET is_open = false WHERE id = 'lost-2'")
        assert "returned" in (await exporter.recover() or ())
        assert exporter.returned == 3


async def test_ownerless_sessions_have_returned_when_their_owner_lives(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    source = OWNED | BRAKED
    async with exporter_by_hand(calls, tmp_path, source, owners=owners(application)) as exporter:
        await lose(exporter, application)
        application.answers["/servers"] = ["a", "b"]
        await exporter.ask()
        await exporter.recover()
        assert exporter.returned == len(LOST)


async def test_ghosts_have_not_returned_while_the_list_is_unknown(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    source = {"list": "calls"} | DISABLED
    async with exporter_by_hand(calls, tmp_path, source, lists=lists(application)) as exporter:
        counter = next(each for each in exporter.jobs if isinstance(each, ReturnCounter))
        await exporter.ask()
        application.answers["/sessions"] = OTHERS
        for _ in range(12):
            await exporter.ask()
            await asyncio.sleep(0.2)
        assert exporter.verdict.ghosts == set(LOST)
        await counter.run()
        application.answers["/sessions"] = "no list"
        await asyncio.sleep(3)
        await exporter.ask()
        assert exporter.verdict.blind
        assert exporter.verdict.ghosts == frozenset()
        await counter.run()
        assert exporter.returned == 0
        application.answers["/sessions"] = [*OTHERS, "lost-0"]
        await exporter.ask()
        await counter.run()
        assert exporter.returned == 1
