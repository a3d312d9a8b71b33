"""Any order of starts, signs of life, ends, crashes, outages and clock jumps, against an oracle.

A crash is an end that never comes; in an outage nobody shows life; and a clock that jumps is as if
every row had been written earlier, or later. The threshold lies between two whole minutes, and
time here is told in whole minutes, so that no row is ever on the boundary.
"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.collection.declarations import source_of
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.worlds.acts import ACTS, IDS, PRESENCES, SETTINGS
from tests.support.recovery.worlds.shifted_rows import EVERY_OTHER_MINUTE, Step, World

recoveries_meanwhile = st.tuples(
    st.just("recover"),
    st.sampled_from([0, 12]),
    st.lists(ACTS, min_size=1, max_size=3),
    st.lists(PRESENCES, max_size=2),
)
steps = st.one_of(
    st.tuples(st.just("start"), IDS),
    ACTS,
    st.tuples(st.just("jump"), st.sampled_from([3, 8, 12, 30, -6, -15])),
    recoveries_meanwhile,
    recoveries_meanwhile,
)


@settings(SETTINGS, max_examples=7)
@given(st.lists(steps, min_size=5, max_size=20))
def test_nobody_alive_is_closed_and_every_orphan_is_in_the_end(
    recoveries: Recoveries, tmp_path: Path, happened: list[Step]
) -> None:
    live_through(recoveries, tmp_path, happened)


@pytest.mark.slow
@settings(SETTINGS, max_examples=80)
@given(st.lists(steps, min_size=5, max_size=20))
def test_nobody_alive_is_closed_in_many_more_worlds(
    recoveries: Recoveries, tmp_path: Path, happened: list[Step]
) -> None:
    live_through(recoveries, tmp_path, happened)


def live_through(recoveries: Recoveries, tmp_path: Path, happened: list[Step]) -> None:
    chats = recoveries.chats
    tables = "public.chats, public.messages, public.presence, session_exporter.recovery"
    chats.do(f"TRUNCATE {tables}")
    with chats.application() as application:
        minutely = recoveries.on(source_of(tmp_path, EVERY_OTHER_MINUTE))
        world = World(minutely, application)
        for id_ in (1, 2):
            world.start(id_)
        for name, *values in happened:
            getattr(world, name)(*values)
        latest = max(session.last_sign for session in world.known.values())
        world.jump(max(0, latest + 11 - world.now))
        world.recover(0, [], [])
        assert all(session.by is not None for session in world.known.values())
