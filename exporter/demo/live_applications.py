"""The applications that hold sessions in memory, at work: servers, their clients, and faults."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import psycopg
import uvicorn
from websockets.exceptions import WebSocketException

from exporter.daemon.process import Server
from exporter.demo.applications.practice_calls import front_end
from exporter.demo.applications.practice_calls.server import CallServer
from exporter.demo.applications.practice_calls.table import CallTable
from exporter.demo.applications.roleplay_api.api import PREFIX, RolePlayApi

HOST = "127.0.0.1"

#: Seconds at pace 1.
SERVER_LIVES = 150.0  # then it is killed
SERVER_IS_DOWN = 8.0
REPORTS_EVERY = 3.0
AGREE, DISAGREE = 60.0, 45.0  # how long the stores of the role plays do

LOST = 0.05  # the share of calls that the server forgets without ending them
FAILURES = (OSError, TimeoutError, WebSocketException, httpx.HTTPError)


@asynccontextmanager
async def serving(
    dsn: str, *, pace: float = 1.0, dice: Random | None = None
) -> AsyncIterator[dict[str, str]]:
    """Serve and use both applications; yields the variables that the config names.

    `dsn` is that of the database of calls. `pace` 10 is ten times as fast.
    """
    calls = _Calls(dsn, _free_port(), pace, dice or Random())
    plays = _RolePlays(pace, dice or Random())
    with socket.create_server((HOST, 0)) as sock:
        config = uvicorn.Config(plays.api.app(), log_config=None, access_log=False, ws="none")
        server = Server(config)
        url = f"http://{HOST}:{sock.getsockname()[1]}"
        answering = asyncio.create_task(server.serve(sockets=[sock]))
        working = asyncio.gather(calls.run(), calls.use(), plays.fail(), plays.use(url))
        try:
            yield {"CALLS_URL": f"http://{HOST}:{calls.port}", "ROLE_PLAYS_URL": url}
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            server.should_exit = True
            await answering


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as sock:
        return int(sock.getsockname()[1])


async def _keep_starting(
    life: Callable[[], Coroutine[Any, Any, None]], dice: Random, least: float, most: float
) -> NoReturn:
    async def try_() -> None:
        with suppress(*FAILURES):
            await life()

    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(try_())
            await asyncio.sleep(dice.uniform(least, most))


class _Calls:
    """Practice calls: every few minutes the server is killed, and now and then it loses one."""

    def __init__(self, dsn: str, port: int, pace: float, dice: Random) -> None:
        self.port = port
        self._dsn = dsn
        self._pace = pace
        self._dice = dice
        self._server: CallServer | None = None

    async def run(self) -> NoReturn:
        while True:
            with suppress(psycopg.Error, OSError):
                await self._live()
            await asyncio.sleep(SERVER_IS_DOWN / self._pace)

    async def _live(self) -> None:
        async with CallTable(self._dsn, str(uuid4())) as table:
            self._server = calls = CallServer(table=table)
            async with await calls.start(HOST, self.port):
                for _ in range(int(SERVER_LIVES / REPORTS_EVERY)):
                    await table.report()
                    await asyncio.sleep(REPORTS_EVERY / self._pace)
                self._server = None
                calls.lose(*calls.memory.all())

    async def use(self) -> None:
        await _keep_starting(self._call, self._dice, 1 / self._pace, 4 / self._pace)

    async def _call(self) -> None:
        page = await front_end.open_page(f"ws://{HOST}:{self.port}", f"client-{uuid4().hex[:6]}")
        call_id = await front_end.start_call(page, {"topic": "prices"})
        for _ in range(self._dice.randint(2, 8)):
            await front_end.talk(page, "What would that cost me?")
            await asyncio.sleep(self._dice.uniform(1, 5) / self._pace)
        if self._dice.random() < LOST and self._server is not None:
            self._server.lose(*(each for each in self._server.memory.all() if each.id == call_id))
        await front_end.unload(page)


class _RolePlays:
    """Role plays: now and then each endpoint has its own store, and no error says so."""

    def __init__(self, pace: float, dice: Random) -> None:
        self.api = RolePlayApi()
        self._pace = pace
        self._dice = dice

    async def fail(self) -> NoReturn:
        while True:
            await asyncio.sleep(AGREE / self._pace)
            self.api.split()
            await asyncio.sleep(DISAGREE / self._pace)
            self.api.share()

    async def use(self, url: str) -> None:
        async with httpx.AsyncClient(base_url=f"{url}{PREFIX}", timeout=5) as client:
            await _keep_starting(
                lambda: self._play(client), self._dice, 4 / self._pace, 10 / self._pace
            )

    async def _play(self, client: httpx.AsyncClient) -> None:
        play = {"id": uuid4().hex[:8]}
        await client.post("/start", json=play)
        for _ in range(self._dice.randint(3, 8)):
            await asyncio.sleep(self._dice.uniform(1, 5) / self._pace)
            await client.post("/respond", json=play)
        await client.post("/end", json=play)
