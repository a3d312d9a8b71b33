"""Automatic recovery in any order of starts, signs of life, ends, crashes, outages, restarts and
clocks that are set, by two exporters: who lives is never closed, and who is lost is in the end.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.declarations import settings_of
from tests.support.recovery.automatic.trust import trust
from tests.support.recovery.chats import SOURCE, Chats
from tests.support.recovery.worlds.acts import ACTS, IDS, PRESENCES, SETTINGS
from tests.support.recovery.worlds.turned_clock import CLOCK, SEARCH, Act, Recoverer, World

#: The threshold lies between two whole minutes, and a time to come is no sign of life.
AUTO = (
    SOURCE.replace("10m", "630s\n  every: 1m\n  future_tolerance: 30s")
    .replace("10 minutes", "630 seconds")
    .replace("  recovery:\n", "  recovery:\n    mode: auto\n    pause: 1ms\n")
)

#: Who runs, after how many minutes, and what happens before the lock and before the write.
runs = st.tuples(
    st.just("run"),
    st.integers(0, 1),
    st.sampled_from([0, 1, 6]),
    st.lists(ACTS, max_size=2),
    st.lists(PRESENCES, max_size=1),
)
#: All are opened again and forgotten, and found; something happens; and they are closed, or not.
closings = st.tuples(
    st.just("closing"),
    st.integers(0, 1),
    st.lists(ACTS, max_size=1),
    st.booleans(),
    st.sampled_from([0, 1, 6]),
    st.lists(ACTS, max_size=1),
    st.lists(PRESENCES, max_size=1),
)
steps = st.one_of(
    st.tuples(st.just("start"), IDS),
    ACTS,
    st.tuples(st.just("crash"), IDS),
    st.just(("outage",)),
    st.tuples(st.just("elapse"), st.sampled_from([1, 5, 12])),
    st.tuples(st.just("turn"), st.sampled_from([12, -6, -15])),
    st.tuples(st.just("restart"), st.integers(0, 1)),
    runs,
    *[closings] * 12,
)


@pytest.fixture
def chats(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    with database.connect() as connection:
        connection.execute(CLOCK.encode())
        connection.execute(SEARCH.format(database.name).encode())
    application = Chats(database, tmp_path, source=AUTO)
    yield application
    application.close()


@pytest.mark.slow  # test_auto_interleavings has one exporter in such worlds
@settings(SETTINGS, max_examples=3)
@given(st.lists(steps, min_size=4, max_size=12))
def test_nobody_alive_is_closed_and_every_orphan_is_in_the_end(
    chats: Chats, happened: list[Act]
) -> None:
    live_through(chats, happened)


@pytest.mark.slow
@settings(SETTINGS, max_examples=25)
@given(st.lists(steps, min_size=4, max_size=12))
def test_nobody_alive_is_closed_in_many_more_worlds(chats: Chats, happened: list[Act]) -> None:
    live_through(chats, happened)


def live_through(chats: Chats, happened: list[Act]) -> None:
    ours = "session_exporter.recovery, session_exporter.stop, session_exporter.observation"
    chats.do(f"TRUNCATE chats, messages, presence, {ours}")
    with chats.application() as application:
        world = World(chats, application)
        for id_ in (0, 1, 2, 3):
            world.start(id_)
        asyncio.run(live(world, happened))


async def live(world: World, happened: list[Act]) -> None:
    """Let all of it happen, and then let the application work and the exporters go on."""
    source = world.chats.source
    await trust(settings_of(world.chats.database.dsn), source)
    exporters = [Recoverer(world, source), Recoverer(world, source)]
    world.elapse(6)  # past their grace
    try:
        for name, *values in happened:
            match name, values:
                case "run", [int(who), int(minutes), list(first), list(then)]:
                    world.elapse(minutes)
                    await exporters[who].run(first, then)
                case "closing", [int(who), list(meanwhile), bool(is_down), int(minutes), *_]:
                    world.is_down = False
                    for id_ in (1, 2, 3):
                        world.reopen(id_)
                    world.elapse(12)
                    await exporters[who].run()
                    for act in meanwhile:
                        world.act(*act)
                    world.is_down = is_down
                    world.elapse(minutes)
                    await exporters[who].run(*within(values))
                case "restart", [int(who)]:
                    await exporters[who].close()
                    exporters[who] = Recoverer(world, source)
                case _:
                    world.act(name, *values)
        await everybody_lost_is_closed(world, exporters[0])
    finally:
        for each in exporters:
            await each.close()


def within(values: list[object]) -> tuple[list[Act], list[Act]]:
    """What happens before the lock and before the write."""
    first, then = values[-2:]
    assert isinstance(first, list)
    assert isinstance(then, list)
    return first, then


async def everybody_lost_is_closed(world: World, exporter: Recoverer) -> None:
    """The application is up, and nobody but chat 0 is heard of again.

    A person resumes what has stopped, and what was closed too often was long ago.
    """
    await exporter.run()
    world.do("UPDATE session_exporter.recovery SET at = at - interval '8 days'")
    world.do(
        "INSERT INTO session_exporter.stop (source, at, brake, why, resumed_at, rule)"
        " SELECT 'chats', now(), 'budget', 'a test', now(), rule FROM session_exporter.observation"
    )
    world.is_down = False
    world.reopen(0)
    latest = max(max(each.shown, *each.told, each.shown) for each in world.known.values())
    world.elapse(max(1, latest + 11 - world.now))
    for _ in range(10):
        world.elapse(1)
        await exporter.run()
    active = [id_ for id_, session in world.known.items() if session.by is None]
    assert active == [0]
