"""Which connection makes room for a new one, and what is logged of many refusals."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from exporter.daemon import http_connections
from exporter.daemon.http_connections import CONNECTIONS, TIMEOUT, HttpConnections, limit_of


@dataclass(eq=False)
class Open:
    """A connection in one state."""

    is_idle: bool = True
    is_stuck: bool = False
    evicted: list[bool] = field(default_factory=list)

    def evict(self) -> None:
        self.evicted.append(True)


IDLE, BUSY, STUCK = (True, False), (False, False), (False, True)


@pytest.mark.parametrize(
    ("states", "evicted"),
    [
        ([IDLE, IDLE], 0),
        ([BUSY, IDLE], 1),
        ([STUCK, IDLE], 1),
        ([BUSY, STUCK], 1),
        ([STUCK, STUCK], 0),
        ([BUSY, BUSY], 2),
    ],
)
async def test_the_oldest_that_does_nothing_makes_room(
    states: list[tuple[bool, bool]], evicted: int
) -> None:
    connections = HttpConnections(most=2)
    opened = [Open(*state) for state in (*states, IDLE)]
    for each in opened:
        connections.add(each, "192.0.2.1")
    assert [number for number, each in enumerate(opened) if each.evicted] == [evicted]
    assert (connections.count, connections.rejected[CONNECTIONS]) == (2, 1)
    for each in opened:
        connections.remove(each)
    assert connections.count == 0


@pytest.mark.parametrize(
    ("files", "databases", "most"),
    [(65_536, 4, 256), (1024, 4, 256), (256, 4, 188), (100, 4, 32), (64, 4, 1), (1024, 4000, 1)],
)
def test_files_are_left_for_databases_and_all_else(files: int, databases: int, most: int) -> None:
    assert limit_of(files, databases) == most


async def test_the_first_of_many_refusals_is_logged_and_their_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connections, "QUIET", 0.05)
    caplog.set_level(logging.INFO, logger="session_exporter")
    connections = HttpConnections()

    async def reject(count: int) -> None:
        for _ in range(count):
            connections.reject(TIMEOUT, "192.0.2.1")
        while "http_rejecting_ended" not in caplog.messages:  # noqa: ASYNC110 - a line is no event
            await asyncio.sleep(0.01)

    for count in (3, 1):
        await reject(count)
        assert caplog.messages == ["http_rejecting", "http_rejecting_ended"]
        first, last = (vars(record)["fields"] for record in caplog.records)
        assert first == {"reason": "timeout", "client": "192.0.2.1"}
        assert last == {"count": count}
        caplog.clear()
