"""ReadQueue: reads of one database that come together are sent together, in one message.

Ten small transactions in one message take a thirtieth of the processor time of ten messages, and a
fifth of the time. In a shared message a read has little time, so that it cannot delay the others: a
read that does not end within it, or fails, is sent again alone with its full time limit, and only
that attempt counts. It is sent alone until it has succeeded quickly once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from exporter.errors import SourceError
from exporter.postgres.lookup import hand_out, join_lookups
from exporter.postgres.simple_query import Request, Result

#: Transactions in one message.
MOST_TOGETHER = 16

#: The statement_timeout of a read in a shared message, in seconds, and the limit of a slow read.
TIMEOUT_IN_COMPANY = 0.25
SLOW_SECONDS = 0.05


class ReadQueue:
    """The reads that wait for a connection. Needs a running event loop."""

    def __init__(
        self, send: Callable[[Callable[[], Sequence[Request]], str], Awaitable[None]]
    ) -> None:
        """`send` sends what it takes, and raises SourceError where it got no connection for it.

        It gets the user of a read that is sent alone, too.
        """
        self._send = send
        self._waiting: deque[tuple[Request, asyncio.Future[bool]]] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        #: The names of reads that are sent alone: they failed or were slow the last time.
        self._alone: set[str] = set()

    async def run(self, request: Request) -> list[Result]:
        """Run a read, in company or alone, and return its results. Raises SourceError."""
        is_alone = not (request.name and request.shares_messages) or request.name in self._alone
        while not is_alone and not request.is_done:
            is_alone = await self._in_company(request)
        if not request.is_done:
            await self._send(lambda: [request], request.user)
        is_slow = request.seconds - request.network_seconds > SLOW_SECONDS
        if request.error is not None or is_slow:
            self._alone.add(request.name)
        else:
            self._alone.discard(request.name)
        if request.results is None:
            raise request.error or AssertionError("a request was sent and has no outcome")
        return request.results

    async def close(self) -> None:
        """Send nothing more; reads that wait are cancelled."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        for _, sent in self._waiting:
            sent.cancel()

    async def _in_company(self, request: Request) -> bool:
        """Send it with other waiting reads; return whether it has to be sent alone now."""
        sent: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, sent))
        if len(self._waiting) % MOST_TOGETHER == 1:
            # One message for as many reads as it holds. It is built later: when all reads that are
            # due together have been requested, and a connection is free.
            task = asyncio.create_task(self._send_waiting())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await sent

    async def _send_waiting(self) -> None:
        taken: list[tuple[Request, asyncio.Future[bool]]] = []
        joined: list[Request] = []

        def take() -> list[Request]:
            while self._waiting and len(taken) < MOST_TOGETHER:
                each = self._waiting.popleft()
                if not each[1].done():  # or its task was cancelled
                    taken.append(each)
            joined[:] = join_lookups([request for request, _ in taken if not request.is_done])
            return joined

        try:
            await self._send(take, "")
            hand_out(joined)
            failed = [request for request, _ in taken if request.error and not request.hangs]
            alone = failed if len(taken) > 1 else []
        except SourceError as error:
            # There was no connection. The first read reports it; each of the others is sent alone,
            # and reports its own error.
            hand_out(joined)
            take()
            undone = [request for request, _ in taken if not request.is_done]
            for request in undone[:1]:
                request.fail(error)
            alone = undone[1:]
        except Exception as error:  # noqa: BLE001 - its job logs it with a traceback
            # A bug, perhaps with the values of one of them: sent alone, each reports its own.
            hand_out(joined)
            if len(taken) == 1 and not taken[0][1].done():
                taken[0][1].set_exception(error)
            alone = [request for request, _ in taken if request.results is None]
        except BaseException:
            for _, sent in taken:
                sent.cancel()
            raise
        for request in alone:
            request.error, request.seconds = None, 0.0
        for request, sent in taken:
            if not sent.done():
                sent.set_result(request in alone)
