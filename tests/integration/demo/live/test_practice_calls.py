"""The server of practice calls with real clients: what it keeps, what it closes, what it lists."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from exporter.demo.applications.practice_calls import front_end
from exporter.demo.applications.practice_calls.server import CallServer
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from tests.support.network.proxy import Mode, Proxy
from tests.support.processes.applications import CallServerProcess
from tests.support.processes.session_exporter import wait_for

JOB = {"persona": "hurried buyer"}


class Server:
    """A server in this process, on a free port."""

    def __init__(self, **settings: object) -> None:
        self.calls = CallServer(**settings)  # type: ignore[arg-type]

    async def __aenter__(self) -> "Server":
        self._server = await self.calls.start("127.0.0.1", 0)
        await self._server.__aenter__()
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.__aexit__(*error)  # type: ignore[arg-type]

    async def listed(self) -> list[dict[str, str | None]]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{self.port}/sessions")
        found: list[dict[str, str | None]] = answer.raise_for_status().json()["sessions"]
        return found


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.01)


async def test_a_call_waits_then_is_active_then_ended_and_forgotten() -> None:
    async with Server() as server:
        page = await front_end.open_page(server.url, "anna")
        await until(server.calls.memory.all, "it is connected")
        (waiting,) = await server.listed()
        assert (waiting["state"], waiting["streamId"]) == ("waiting", None)
        assert waiting["client"] == "anna"
        call = await front_end.start_call(page, JOB)
        (active,) = await server.listed()
        assert (active["id"], active["state"]) == (call, "active") == (waiting["id"], "active")
        assert active["streamId"]
        await front_end.hang_up(page)
        assert await server.listed() == []


async def test_a_front_end_hears_that_its_call_has_ended_before_it_is_cleaned_up() -> None:
    async with Server() as server:
        page = await front_end.open_page(server.url, "anna")
        await front_end.start_call(page, JOB)
        (call,) = server.calls.memory.all()
        forgotten = []
        forget = server.calls.memory.forget
        server.calls.memory.forget = lambda call: forgotten.append(call.job) or forget(call)  # type: ignore[method-assign,func-returns-value]
        await front_end.send(page, type="call.end")
        heard = await front_end.receive(page, "call.status_changed")
        assert (
            heard["status"] == "ended"
            or (await front_end.receive(page, "call.status_changed"))["status"] == "ended"
        )
        await page.wait_closed()
        assert forgotten[0] == JOB  # it was still there while the front end was told
        assert call.job is None


async def test_a_message_is_a_sign_of_life_and_a_pong_is_none() -> None:
    async with Server(ping_interval=0.02) as server:
        page = await front_end.open_page(server.url, "anna")
        await front_end.start_call(page, JOB)
        (before,) = await server.listed()
        (call,) = server.calls.memory.all()
        answered = await call.front_end.ping()
        assert await answered >= 0  # the client answers
        (after,) = await server.listed()
        assert after["lastMessageAt"] == before["lastMessageAt"]
        await front_end.talk(page, "good morning")
        (spoken,) = await server.listed()
        moments = [datetime.fromisoformat(each["lastMessageAt"] or "") for each in (before, spoken)]
        assert moments[0] < moments[1]
        await front_end.unload(page)


async def test_practising_again_closes_the_old_connection_and_begins_from_idle() -> None:
    async with Server() as server:
        old = await front_end.open_page(server.url, "anna")
        await front_end.start_call(old, JOB)
        new = await front_end.open_page(server.url, "anna")
        while (await front_end.receive(old, "call.status_changed"))["status"] != "ended":
            pass
        await old.wait_closed()
        await until(server.calls.memory.all, "the new one is connected")
        (call,) = await server.listed()
        assert (call["state"], call["streamId"]) == ("waiting", None)
        other_job = {"persona": "silent buyer"}
        assert await front_end.start_call(new, other_job) == call["id"]
        assert [each.job for each in server.calls.memory.all()] == [other_job]
        await front_end.hang_up(new)


async def test_with_the_fault_the_old_connection_stays_active_beside_the_new_one() -> None:
    async with Server(closes_old=False) as server:
        old = await front_end.open_page(server.url, "anna")
        new = await front_end.open_page(server.url, "anna")
        calls = {await front_end.start_call(each, JOB) for each in (old, new)}
        listed = await server.listed()
        assert {each["id"] for each in listed} == calls
        assert {(each["client"], each["state"]) for each in listed} == {("anna", "active")}
        await front_end.hang_up(new)
        assert len(await server.listed()) == 1
        await front_end.unload(old)


async def test_the_configuration_is_asked_for_again_until_the_call_has_a_stream() -> None:
    async with Server(ring_seconds=0.2) as server:
        page = await front_end.open_page(server.url, "anna")
        await front_end.send(page, type="job.configuration", job=JOB)
        assert (await front_end.receive(page, "job.pending", "job.configured"))["type"] == (
            "job.pending"
        )
        await front_end.start_call(page, JOB)
        assert [each.job for each in server.calls.memory.all()] == [JOB]
        await front_end.unload(page)


async def test_resetting_all_sessions_ends_and_forgets_every_call() -> None:
    async with Server() as server:
        pages = [await front_end.open_page(server.url, f"client-{each}") for each in range(10)]
        for page in pages[:5]:
            await front_end.start_call(page, JOB)
        await front_end.send(pages[9], type="resetAllSessions")
        for page in pages:
            await page.wait_closed()
        assert await server.listed() == []


async def test_rapid_connections_of_one_client_leave_one_call_and_then_none() -> None:
    async with Server() as server:
        pages = await asyncio.gather(*(front_end.open_page(server.url, "anna") for _ in range(50)))
        await until(lambda: len(server.calls.memory.all()) == 1, "one is left")
        open_ones = [each for each in pages if each.state.name == "OPEN"]
        assert len(open_ones) >= 1
        await asyncio.gather(*(front_end.unload(each) for each in pages))
        await until(lambda: not server.calls.memory.all(), "nothing is left over")


@pytest.mark.slow
def test_a_hundred_cycles_of_five_clients_keep_their_configuration_and_leave_nothing(
    tmp_path: Path,
) -> None:
    with CallServerProcess(folder=tmp_path) as server, ExitStack() as stack:
        clients = [
            stack.enter_context(server.front_end("cycles", f"client-{each}", "--number", 100))
            for each in range(5)
        ]
        calls = {event["call"] for each in clients for event in each.wait()}
        assert len(calls) == 500
        wait_for(lambda: server.sessions() == [], "nothing is left over")


@pytest.mark.slow
def test_a_killed_client_leaves_nothing_and_one_that_is_cut_off_stays_in_the_list(
    tmp_path: Path,
) -> None:
    with CallServerProcess(folder=tmp_path) as server, Proxy(server.port) as proxy:
        with (
            server.front_end("hold", "killed", "--every", 0.05) as killed,
            server.front_end("hold", "cut", "--every", 0.05, port=proxy.port) as cut,
        ):
            calls = [each.wait_for_event("active")["call"] for each in (killed, cut)]
            assert [each["id"] for each in server.sessions("active")] in (calls, calls[::-1])
            proxy.mode = Mode.SWALLOW
            killed.kill()
            cut.kill()
            wait_for(lambda: len(server.sessions()) == 1, "the killed one has gone")
        (left,) = server.sessions("active")
        assert left["client"] == "cut"
        assert server.sessions() == [left]  # it is never spoken in again


@pytest.mark.slow
def test_a_killed_server_forgets_its_calls_and_clients_come_back_with_new_ones(
    tmp_path: Path, database: EmbeddedDatabase
) -> None:
    create_table(database)
    dsn = database.dsn_for(APP)
    with ExitStack() as stack:
        first = stack.enter_context(CallServerProcess("--dsn", dsn, folder=tmp_path))
        port = first.port
        clients = [
            stack.enter_context(first.front_end("hold", f"client-{each}", "--every", 0.05))
            for each in range(3)
        ]
        old = {each.wait_for_event("active")["call"] for each in clients}
        assert states(database) == dict.fromkeys(old, "active")
        first.kill()
        second = stack.enter_context(
            CallServerProcess("--dsn", dsn, "--port", port, folder=tmp_path)
        )
        new = {each.wait_for_event("active", number=2)["call"] for each in clients}
        assert not old & new
        assert {each["id"] for each in second.sessions("active")} == new
        assert states(database) == dict.fromkeys(old | new, "active")  # the old ones are ghosts
        for each in clients:
            each.kill()
        wait_for(lambda: second.sessions() == [], "nothing is left over in memory")
        wait_for(
            lambda: states(database) == dict.fromkeys(old, "active") | dict.fromkeys(new, "ended"),
            "the new ones have ended in the table",
        )


def create_table(database: EmbeddedDatabase) -> None:
    script = Path(schemas.__file__).with_name("practice_calls.sql")
    with database.connect(APP) as connection:
        connection.execute(script.read_bytes())


def states(database: EmbeddedDatabase) -> dict[str, str]:
    with database.connect() as connection:
        rows = connection.execute("SELECT id::text, state FROM practice_calls.calls").fetchall()
    return dict(rows)
