"""Ways in which evidence could close a session that lives, tried on a real table."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery import automatic
from tests.support.evidence.exporter_by_hand import (
    OTHERS,
    SOURCE,
    ExporterByHand,
    add_calls,
    closed_calls,
    create_calls,
    exporter_by_hand,
    show_life,
)
from tests.support.network.answering import Answering, serving
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow

TIMING = {"every": "5s", "timeout": "1s"}
OWNED = {"owner": {"of": "server", "in": "servers"}}
LISTED = {"list": "calls"}


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    create_calls(database)
    return database


@pytest.fixture
def application() -> Iterator[Answering]:
    """Says which sessions it holds, and which servers live."""
    with serving(sessions=OTHERS, servers=["a"]) as server:
        yield server


def lists(server: Answering, **settings: Any) -> dict[str, Any]:
    urls = {"app": server.url("/sessions")}
    return {"calls": {"urls": urls, "id": "@", "ghost_after": "1s", **TIMING, **settings}}


def owners(server: Answering) -> dict[str, Any]:
    http = {"url": server.url("/servers"), "id": "@"}
    return {"servers": {"unique_per_start": True, "http": http, "grace": "1s", **TIMING}}


async def lose(exporter: ExporterByHand, application: Answering, *ids: str) -> None:
    """Ask until these, which one answer has, are ghosts."""
    application.answers["/sessions"] = [*OTHERS, *ids]
    await exporter.ask()
    application.answers["/sessions"] = OTHERS
    for _ in range(8):
        await exporter.ask()
        await asyncio.sleep(0.2)
    assert exporter.verdict.ghosts == set(ids)


async def test_the_session_of_an_owner_that_lives_by_the_newest_answer_is_not_closed(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """The owner is dead in every answer before that but the first, and the session old besides."""
    add_calls(calls, "1", server="b", silent="4 hours")
    application.answers["/servers"] = ["a", "b"]
    async with exporter_by_hand(calls, tmp_path, OWNED, owners=owners(application)) as exporter:
        await exporter.ask()
        application.answers["/servers"] = ["a"]
        for _ in range(8):
            await exporter.ask()
            await asyncio.sleep(0.2)
        assert exporter.verdict.dead_owners == {"b"}
        assert await exporter.recover() == frozenset()
        application.answers["/servers"] = ["a", "b"]
        assert await exporter.recover() == frozenset()
        assert exporter.verdict.alive_owners == {"a", "b"}
    assert closed_calls(calls) == set()


async def test_a_session_that_a_list_holds_is_not_closed_though_its_owner_is_dead(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """It has moved to another server, which did not write its id into the row."""
    add_calls(calls, "1", "2", server="b", silent="1 minute")
    application.answers["/servers"] = ["a", "b"]
    application.answers["/sessions"] = [*OTHERS, "1", "2"]
    evidence: dict[str, Any] = {"lists": lists(application), "owners": owners(application)}
    async with exporter_by_hand(calls, tmp_path, LISTED | OWNED, **evidence) as exporter:
        await exporter.ask()
        application.answers["/servers"] = ["a"]
        application.answers["/sessions"] = [*OTHERS, "1"]
        for _ in range(20):
            await exporter.live_on(1)
            if closed_calls(calls):
                break
        await exporter.live_on(2)
        assert exporter.verdict.dead_owners == {"b"}
        assert await exporter.recover(2) == frozenset()
    assert closed_calls(calls) == {"2"}


async def test_the_sessions_of_an_owner_that_no_answer_has_had_are_counted_and_not_closed(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """Such as a pod of another namespace, which is quiet for a while after the exporter's start."""
    add_calls(calls, "1", server="b", silent="1 minute")
    async with exporter_by_hand(calls, tmp_path, OWNED, owners=owners(application)) as exporter:
        for _ in range(8):
            await exporter.ask()
            await asyncio.sleep(0.2)
        assert exporter.verdict.dead_owners == {"b"}
        for _ in range(3):
            assert await exporter.recover() == frozenset()
    assert closed_calls(calls) == set()


async def test_what_stands_for_no_owner_is_no_owner_that_is_missing(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """As sessions have it that began before the application wrote its owners."""
    for number, nothing in enumerate(["", " ", "0", str(uuid.UUID(int=0))]):
        add_calls(calls, str(number), server=nothing, silent="1 minute")
    add_calls(calls, "lost", server="b", silent="1 minute")
    application.answers["/servers"] = ["a", "b"]
    async with exporter_by_hand(calls, tmp_path, OWNED, owners=owners(application)) as exporter:
        await exporter.ask()
        application.answers["/servers"] = ["a"]
        await exporter.live_on(4)
    assert closed_calls(calls) == {"lost"}


async def test_a_session_that_no_answer_has_had_is_counted_as_a_ghost_and_not_closed(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """It may be on a page that is not read, or in a server that the URL never leads to."""
    add_calls(calls, "1", silent="1 minute")
    async with exporter_by_hand(calls, tmp_path, LISTED, lists=lists(application)) as exporter:
        for _ in range(8):
            await exporter.ask()
            await asyncio.sleep(0.2)
        assert exporter.verdict.ghosts == {"1"}
        assert await exporter.recover(3) == frozenset()
        assert closed_calls(calls) == set()
        await lose(exporter, application, "1")
        await exporter.recover(3)
    assert closed_calls(calls) == {"1"}


async def test_a_ghost_that_shows_life_is_none_any_more(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """The list goes on to lack it, also in an answer between its sign of life and a collection."""
    add_calls(calls, "1", silent="1 minute")
    async with exporter_by_hand(calls, tmp_path, LISTED, lists=lists(application)) as exporter:
        await lose(exporter, application, "1")
        show_life(calls, "id = '1'")
        await asyncio.sleep(0.2)
        await exporter.ask()
        assert await exporter.recover(3) == frozenset()
    assert closed_calls(calls) == set()


async def test_what_looked_old_while_the_list_was_unknown_has_to_settle_from_then_on(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """An application that has started again lists its old sessions one after the other."""
    add_calls(calls, "1", "2", "3", silent="3 hours")
    source = {**LISTED, "orphaned_after": "4s"}  # it settles for 2 s
    settings = lists(application, every="300ms", timeout="500ms", ghost_after="1h")
    application.answers["/sessions"] = [*OTHERS, "1", "2", "3"]
    async with exporter_by_hand(calls, tmp_path, source, lists=settings) as exporter:
        await exporter.live_on(1)
        application.answers["/sessions"] = (503, {}, b"")
        await exporter.live_on(4)  # after 1.4 s it is not known any more what it held
        assert exporter.verdict.listed == {}
        assert await exporter.recover() == frozenset({"blind"})
        application.answers["/sessions"] = [*OTHERS, "1"]
        show_life(calls)
        await exporter.ask()
        assert await exporter.recover(3) == frozenset()
        assert closed_calls(calls) == set()
        assert exporter.returned == 0  # the list has never lacked it
        await exporter.live_on(4)
    assert closed_calls(calls) == {"2", "3"}


@pytest.mark.parametrize("is_late", [False, True], ids=["from the start", "later"])
async def test_while_no_collection_compares_the_list_with_the_table_nothing_is_closed(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path, is_late: bool
) -> None:
    """An expression of a label fails; and the list, which is of other sessions now, looks fine."""
    add_calls(calls, "1", "2", silent="3 hours")
    label = {"value": "1 / length(s.server)", "values": ["1"]}
    source = {**LISTED, "orphaned_after": "10s", "labels": {"server": label}}
    settings = lists(application, ghost_after="1h")
    application.answers["/sessions"] = [*OTHERS, "1", "2"]
    async with exporter_by_hand(calls, tmp_path, source, lists=settings) as exporter:
        await exporter.live_on(2 if is_late else 0)
        execute(calls, "UPDATE public.calls SET server = '' WHERE id = 'other-1'")
        application.answers["/sessions"] = [f"{each} of another table" for each in OTHERS]
        await exporter.live_on(7)
        assert await exporter.recover() == frozenset({"blind"})
        assert closed_calls(calls) == set()


async def test_what_the_list_said_a_while_ago_closes_nothing(
    calls: EmbeddedDatabase,
    application: Answering,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where the exporter stands still between the answer and a transaction."""
    monkeypatch.setattr(automatic, "EVIDENCE_LASTS", 1.0)
    add_calls(calls, "1", "2", silent="1 minute")
    recovery = {**SOURCE["recovery"], "batch": 1, "pause": "1500ms"}
    source = {**LISTED, "recovery": recovery}
    async with exporter_by_hand(calls, tmp_path, source, lists=lists(application)) as exporter:
        await lose(exporter, application, "1", "2")
        await exporter.recover()
        asyncio.get_running_loop().call_later(
            0.7, application.answers.update, {"/sessions": [*OTHERS, "1", "2"]}
        )
        assert await exporter.recover() == frozenset()
    assert len(closed_calls(calls)) == 1


async def test_the_same_ids_in_another_spelling_are_not_absent(
    calls: EmbeddedDatabase, application: Answering, tmp_path: Path
) -> None:
    """One of the servers writes UUIDs in upper case, and a name with a blank behind it."""
    ids = [str(uuid.UUID(int=number)) for number in (0xA, 0xB)]
    add_calls(calls, *ids, silent="1 minute", server="b ")
    source = LISTED | OWNED
    evidence: dict[str, Any] = {"lists": lists(application), "owners": owners(application)}
    application.answers["/servers"] = ["a", "b"]
    async with exporter_by_hand(calls, tmp_path, source, **evidence) as exporter:
        application.answers["/sessions"] = [*OTHERS, *ids]
        await exporter.live_on(2)
        assert exporter.verdict.blind == (
            "owners servers: ids are written in another way than in the sessions, such as in upper"
            " case"
        )
        execute(calls, "UPDATE public.calls SET server = 'a'")
        application.answers["/sessions"] = [*OTHERS, *(each.upper() for each in ids)]
        await exporter.live_on(2)
        assert exporter.verdict.blind == (
            "list calls: it writes ids in another way than the table, such as in upper case"
        )
    assert closed_calls(calls) == set()
