"""What several readers look up at the same moment is looked up by one statement."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from exporter.errors import ConnectFailed, Locked, SourceError
from exporter.postgres.lookup import Lookup
from exporter.postgres.read_queue import ReadQueue
from exporter.postgres.simple_query import Request, Result

SETTINGS = Result([("settings",)], ())


def squares(keys: Sequence[Any]) -> str:
    return " ".join(map(str, keys))


def cubes(keys: Sequence[Any]) -> str:
    return " ".join(map(str, keys))


class Server:
    """Answers each statement with the number of each key and the key; some keys fail."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.names: list[str] = []
        self.fails: dict[str, SourceError] = {}
        self.has_bug = False
        self.is_down: SourceError | None = None
        self.queue = ReadQueue(self._send)

    async def _send(self, take: Callable[[], Sequence[Request]], _user: str) -> None:
        requests = take()
        if self.is_down is not None:
            raise self.is_down
        self.sent.append([request.statements[0] for request in requests])
        for request in requests:
            self.names.append(request.name)
            keys = request.statements[0].split()
            if self.has_bug and len(keys) > 1:
                raise ValueError(keys)
            request.seconds = 0.002 * len(keys)
            failing = [self.fails[key] for key in keys if key in self.fails]
            if failing:
                request.fail(failing[0])
                return
            rows = [(number, key) for number, key in enumerate(keys)]
            request.results = [SETTINGS, Result(rows, ())]

    async def run(self, *requests: Request) -> list[Any]:
        """The row of each, or its error."""
        outcomes = await asyncio.gather(*map(self.queue.run, requests), return_exceptions=True)
        return [each[1].rows[-1][1] if isinstance(each, list) else each for each in outcomes]


def request(
    key: str,
    make: Callable[[Sequence[Any]], str] = squares,
    *,
    timezone: str = "UTC",
    timeout: float = 5.0,
) -> Request:
    return Request(f"source {key}", timezone, timeout, [Lookup(make, key)])


async def test_what_is_looked_up_at_the_same_moment_is_one_statement() -> None:
    server = Server()
    requests = [request(key) for key in "abc"]
    assert await server.run(*requests) == ["a", "b", "c"]
    assert server.sent == [["a b c"]]
    assert server.names == ["source a, source b, source c"]
    assert [each.seconds for each in requests] == pytest.approx([0.002] * 3)


async def test_a_lookup_of_one_key_is_its_own_statement() -> None:
    server = Server()
    assert await server.run(request("a")) == ["a"]
    assert server.sent == [["a"]]


async def test_other_statements_and_those_in_another_zone_are_not_joined() -> None:
    server = Server()
    other = Request("d", "UTC", 5.0, ["d"])
    requests = [request("a"), request("b", cubes), request("c", timezone="Asia/Tokyo"), other]
    assert await server.run(*requests, request("e")) == ["a", "b", "c", "d", "e"]
    assert server.sent == [["a e", "b", "c", "d"]]


async def test_the_shortest_time_of_those_joined_is_that_of_the_statement() -> None:
    limits: list[float] = []

    async def send(take: Callable[[], Sequence[Request]], _user: str) -> None:
        for each in take():
            limits.append(each.timeout)
            each.results = [SETTINGS, Result([(0, "x"), (1, "x")], ())]

    queue = ReadQueue(send)
    await asyncio.gather(queue.run(request("a", timeout=3.0)), queue.run(request("b", timeout=2.0)))
    assert limits == [2.0]


async def test_what_fails_one_lookup_does_not_fail_those_it_was_joined_with() -> None:
    server = Server()
    error = server.fails["b"] = Locked("for ever")
    assert await server.run(*map(request, "abc")) == ["a", error, "c"]
    assert server.sent[0] == ["a b c"]
    assert sorted(server.sent[1:]) == [["a"], ["b"], ["c"]]
    # It goes alone until it has succeeded; the others are joined.
    server.sent.clear()
    assert await server.run(*map(request, "abc")) == ["a", error, "c"]
    assert sorted(server.sent) == [["a c"], ["b"]]


async def test_a_bug_of_the_joined_statement_does_not_fail_the_lookups() -> None:
    server = Server()
    server.has_bug = True
    assert await server.run(*map(request, "abc")) == ["a", "b", "c"]


async def test_where_nothing_can_be_sent_each_lookup_reports_it() -> None:
    server = Server()
    server.is_down = ConnectFailed("refused")
    assert await server.run(*map(request, "abc")) == [server.is_down] * 3
    server.is_down = None
    assert await server.run(*map(request, "abc")) == ["a", "b", "c"]
