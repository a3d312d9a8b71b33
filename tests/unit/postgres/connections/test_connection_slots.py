"""Places for connections are given out in order, never too many, and none is lost."""

import asyncio

import pytest

from exporter.errors import NoAnswer
from exporter.postgres.connections import connection_slots
from exporter.postgres.connections.abandoned_socket import AbandonedSocket
from exporter.postgres.connections.connection_slots import ConnectionSlots


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Left(AbandonedSocket):
    """A socket whose backend is gone when the test says so; counts how often it is closed."""

    is_held = True

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Connecting:
    """Somebody who takes a place, and has it until told otherwise."""

    def __init__(self, places: ConnectionSlots, user: str = "") -> None:
        self.task = asyncio.create_task(places.acquire(user))

    @property
    def has_place(self) -> bool:
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None


async def test_places_are_given_out_in_the_order_of_asking() -> None:
    places = ConnectionSlots(2)
    first, second, third, fourth = (Connecting(places) for _ in range(4))
    await settle()
    assert [each.has_place for each in (first, second, third, fourth)] == [True, True, False, False]
    places.release()
    await settle()
    assert (third.has_place, fourth.has_place) == (True, False)
    places.release()
    await fourth.task


@pytest.mark.parametrize("is_given_back_before", [False, True])
async def test_who_stops_waiting_takes_no_place_along(is_given_back_before: bool) -> None:
    places = ConnectionSlots(1)
    await places.acquire()
    leaving, staying = Connecting(places), Connecting(places)
    await settle()
    if is_given_back_before:
        places.release()  # it is told that it has the place, and is cancelled in the same moment
        leaving.task.cancel()
    else:
        leaving.task.cancel()
        places.release()
    await settle()
    assert leaving.task.cancelled()
    assert staying.has_place


async def test_a_lost_place_comes_back_when_its_time_is_over_and_its_backend_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_slots, "CHECK_EVERY", 0.0)
    places, left = ConnectionSlots(1), Left()
    await places.acquire()
    places.abandon(0.0, [left])
    await settle()
    with pytest.raises(NoAnswer, match=r"all connections of max_connections \(1\) are taken"):
        await places.acquire()
    assert left.closed == 0
    left.is_held = False
    await settle()
    assert left.closed == 1
    await places.acquire()


async def test_who_waits_is_told_when_the_last_place_is_lost() -> None:
    places = ConnectionSlots(2)
    await places.acquire()
    await places.acquire()
    waiting = Connecting(places)
    places.abandon(0.0, [Left()])
    await settle()
    assert not waiting.task.done()  # one place may still come back
    places.abandon(0.0, [Left()])
    await settle()
    assert isinstance(waiting.task.exception(), NoAnswer)
    await places.close()


async def test_closing_forgets_what_was_lost() -> None:
    places, left = ConnectionSlots(1), Left()
    await places.acquire()
    places.abandon(60.0, [left])
    await places.close()
    assert left.closed == 1


async def test_a_user_has_one_place_at_a_time_and_lets_others_pass_while_it_waits() -> None:
    places = ConnectionSlots(3)
    first, again, other = (Connecting(places, user) for user in ("a", "a", "b"))
    await settle()
    assert [each.has_place for each in (first, again, other)] == [True, False, True]
    places.release("a")
    await settle()
    assert again.has_place


async def test_slow_users_leave_one_place_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ConnectionSlots(2)
    monkeypatch.setattr(connection_slots, "SLOW_SECONDS", 0.0)  # all that end now are slow
    for user in ("a", "b"):
        await places.acquire(user)
        places.release(user)
    monkeypatch.undo()
    a, b, quick = (Connecting(places, user) for user in ("a", "b", "quick"))
    await settle()
    assert [each.has_place for each in (a, b, quick)] == [True, False, True]
    places.release("quick")
    await settle()
    assert not b.has_place
    places.release("a")
    await b.task
    again = Connecting(places, "a")
    await settle()
    assert not again.has_place  # although it was quick the last time


async def test_a_user_whose_backend_is_stuck_gets_no_other_place() -> None:
    places = ConnectionSlots(3, "max_recovery_connections")
    await places.acquire("a")
    waiting = Connecting(places, "a")
    places.abandon(0.0, [Left()], "a")
    await settle()
    assert isinstance(waiting.task.exception(), NoAnswer)
    with pytest.raises(NoAnswer, match="the connection that a may have is taken by backends"):
        await places.acquire("a")
    await places.acquire("b")
    await places.close()


async def test_the_only_place_is_not_kept_from_a_slow_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_slots, "SLOW_SECONDS", 0.0)
    places = ConnectionSlots(1)
    for _ in range(2):
        await places.acquire("a")
        places.release("a")


async def test_a_request_that_stops_waiting_is_forgotten() -> None:
    places = ConnectionSlots(1)
    await places.acquire("a")
    leaving, staying = Connecting(places, "b"), Connecting(places, "c")
    await settle()
    leaving.task.cancel()
    await settle()
    places.release("a")
    await settle()
    assert staying.has_place
    places.release("c")
    assert places.open == 0
