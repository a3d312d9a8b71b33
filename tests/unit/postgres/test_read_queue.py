"""Which reads share a message, and which are sent alone."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from exporter.errors import ConnectFailed, Locked, SourceError
from exporter.postgres.read_queue import MOST_TOGETHER, SLOW_SECONDS, ReadQueue
from exporter.postgres.simple_query import Request, Result

RESULTS = [Result([(1,)], ())]


class Messages:
    """What a queue sends. What becomes of a request is decided by its name."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.queue = ReadQueue(self._send)
        self.fails: dict[str, SourceError] = {}
        self.fails_in_company: dict[str, SourceError] = {}
        self.seconds: dict[str, float] = {}
        self.network_seconds = 0.0
        self.is_down: SourceError | None = None

    async def _send(self, take: Callable[[], Sequence[Request]], _user: str) -> None:
        if self.is_down is not None:
            raise self.is_down
        requests = take()
        self.sent.append([request.name for request in requests])
        for request in requests:
            request.seconds = self.seconds.get(request.name, 0.001)
            request.network_seconds = self.network_seconds
            errors = self.fails | (self.fails_in_company if len(requests) > 1 else {})
            if request.name in errors:
                request.fail(errors[request.name])
                return
            request.results = RESULTS

    async def run(self, *names: str) -> list[object]:
        """Ask for reads at the same moment; return for each its results or its error."""
        requests = [Request(name, "UTC", 5.0, ["SELECT 1"]) for name in names]
        return await asyncio.gather(*map(self.queue.run, requests), return_exceptions=True)


async def test_reads_of_the_same_moment_share_a_message() -> None:
    messages = Messages()
    assert await messages.run("a", "b", "c") == [RESULTS] * 3
    assert messages.sent == [["a", "b", "c"]]


async def test_a_message_has_a_limit() -> None:
    messages = Messages()
    names = [str(number) for number in range(2 * MOST_TOGETHER + 1)]
    assert await messages.run(*names) == [RESULTS] * len(names)
    assert [len(sent) for sent in messages.sent] == [MOST_TOGETHER, MOST_TOGETHER, 1]
    assert [name for sent in messages.sent for name in sent] == names


async def test_a_read_without_a_name_is_sent_alone() -> None:
    messages = Messages()
    await messages.run("", "a", "b", "")
    assert sorted(messages.sent) == [[""], [""], ["a", "b"]]


async def test_one_that_fails_in_company_only_is_sent_again_and_succeeds() -> None:
    messages = Messages()
    messages.fails_in_company["b"] = Locked("for a moment")
    assert await messages.run("a", "b", "c", "d") == [RESULTS] * 4
    assert messages.sent[0] == ["a", "b", "c", "d"]
    assert sorted(messages.sent[1:]) == [["b"], ["c", "d"]]


async def test_one_that_failed_is_alone_until_it_has_succeeded() -> None:
    messages = Messages()
    error = Locked("for ever")
    messages.fails["b"] = error
    assert await messages.run("a", "b", "c") == [RESULTS, error, RESULTS]
    messages.sent.clear()
    assert await messages.run("a", "b", "c") == [RESULTS, error, RESULTS]
    assert sorted(messages.sent) == [["a", "c"], ["b"]]
    messages.fails.clear()
    await messages.run("a", "b", "c")
    messages.sent.clear()
    await messages.run("a", "b", "c")
    assert messages.sent == [["a", "b", "c"]]


async def test_one_that_was_slow_is_alone_until_it_is_quick() -> None:
    messages = Messages()
    messages.seconds["b"] = 2 * SLOW_SECONDS
    for _ in range(3):
        assert await messages.run("a", "b") == [RESULTS] * 2
    messages.seconds["b"] = SLOW_SECONDS / 2
    for _ in range(2):
        await messages.run("a", "b")
    assert [sorted(messages.sent[n : n + 2]) for n in (1, 3, 5)] == [[["a"], ["b"]]] * 3
    assert messages.sent[0] == messages.sent[7] == ["a", "b"]


async def test_where_nothing_can_be_sent_each_reports_what_it_found_itself() -> None:
    messages = Messages()
    messages.is_down = ConnectFailed("refused")
    outcomes = await messages.run("a", "b", "c")
    assert outcomes == [messages.is_down] * 3
    messages.is_down = None
    assert await messages.run("a", "b", "c") == [RESULTS] * 3


async def test_a_read_whose_task_is_cancelled_is_not_sent_and_the_others_are() -> None:
    messages = Messages()
    a, b = (Request(name, "UTC", 5.0, ["SELECT 1"]) for name in ("a", "b"))
    first, second = (
        asyncio.create_task(messages.queue.run(a)),
        asyncio.create_task(messages.queue.run(b)),
    )
    asyncio.get_running_loop().call_soon(first.cancel)
    assert await second == RESULTS
    with pytest.raises(asyncio.CancelledError):
        await first
    assert messages.sent == [["b"]]


async def test_a_bug_while_sending_is_raised_by_every_read_in_the_message() -> None:
    messages = Messages()
    messages.seconds = None  # type: ignore[assignment] # the bug
    outcomes = await messages.run("a", "b")
    assert [type(outcome) for outcome in outcomes] == [AttributeError] * 2


async def test_a_bug_that_one_meets_is_not_that_of_the_others_in_its_message() -> None:
    messages = Messages()
    send = messages.queue._send

    async def send_with_bug(take: Callable[[], Sequence[Request]], user: str) -> None:
        taken = list(take())
        if any(request.name == "b" for request in taken):
            raise ValueError("the rows of b")
        await send(lambda: taken, user)

    messages.queue._send = send_with_bug
    a, b, c = await messages.run("a", "b", "c")
    assert (a, c) == (RESULTS, RESULTS)
    assert isinstance(b, ValueError)


async def test_slow_is_what_takes_long_beside_its_way_through_the_network() -> None:
    messages = Messages()
    messages.seconds["b"] = 2 * SLOW_SECONDS
    messages.network_seconds = 1.9 * SLOW_SECONDS
    for _ in range(2):
        await messages.run("a", "b")
    assert messages.sent == [["a", "b"]] * 2


async def test_closing_cancels_what_waits() -> None:
    never = asyncio.Event()

    async def send(_take: Callable[[], Sequence[Request]], _user: str) -> None:
        await never.wait()

    queue = ReadQueue(send)
    waiting = asyncio.create_task(queue.run(Request("a", "UTC", 5.0, ["SELECT 1"])))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await queue.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
