"""Which connection makes room for a new one, and what is logged of many refusals."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from exporter.daemon.http import connections as http_connections
from exporter.daemon.http.connections import (
    CONNECTIONS,
    MOST_UNREAD,
    NOT_READ,
    TIMEOUT,
    HttpConnections,
    limit_of,
    network_of,
)


@dataclass(eq=False)
class Open:
    """A connection in one state."""

    is_idle: bool = True
    is_stuck: bool = False
    unread: int = 0
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
    ("attacker", "evicted"),
    [
        ([IDLE, IDLE, IDLE], 0),
        ([BUSY, BUSY, IDLE], 2),
        ([BUSY, STUCK, BUSY], 1),
        ([BUSY, BUSY, BUSY], 2),
    ],
)
@pytest.mark.parametrize("scraper", [IDLE, BUSY, STUCK])
async def test_who_has_the_most_connections_loses_one_and_nobody_else(
    attacker: list[tuple[bool, bool]], evicted: int, scraper: tuple[bool, bool]
) -> None:
    connections = HttpConnections(most=3)
    scraping = Open(*scraper)
    connections.add(scraping, "192.0.2.1")
    attacking = [Open(*state) for state in attacker]
    for each in attacking:
        connections.add(each, "192.0.2.2")
    assert [number for number, each in enumerate(attacking) if each.evicted] == [evicted]
    assert not scraping.evicted


async def test_a_scraper_gets_in_although_another_keeps_all_connections_busy() -> None:
    connections = HttpConnections(most=2)
    attacking, scraping = [Open(*BUSY), Open(*BUSY)], Open(*IDLE)
    for each in attacking:
        connections.add(each, "192.0.2.2")
    connections.add(scraping, "192.0.2.1")
    assert ([each.evicted for each in attacking], scraping.evicted) == ([[True], []], [])


async def test_who_leaves_the_most_unread_loses_it_until_it_is_little() -> None:
    connections = HttpConnections()
    scraping = Open(*STUCK, unread=MOST_UNREAD // 2)
    attacking = [Open(*STUCK, unread=MOST_UNREAD // 4) for _ in range(4)]
    connections.add(scraping, "192.0.2.1")
    for each in attacking:
        connections.add(each, "192.0.2.2")
    connections.limit_unread()
    assert [len(each.evicted) for each in attacking] == [1, 1, 0, 0]
    assert not scraping.evicted
    assert (connections.count, connections.rejected[NOT_READ]) == (3, 2)


async def test_a_single_answer_may_be_as_large_as_it_is() -> None:
    connections = HttpConnections()
    reading, idle = Open(*STUCK, unread=2 * MOST_UNREAD), Open(*IDLE)
    for each in (reading, idle):
        connections.add(each, "192.0.2.1")
    connections.limit_unread()
    assert (reading.evicted, idle.evicted) == ([], [])


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_the_addresses_of_an_ipv6_network_are_one_client(
    one: str, other: str, is_same: bool
) -> None:
    assert (network_of(one) == network_of(other)) is is_same


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
