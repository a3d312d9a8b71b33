"""Which brakes are on: the same for automatic recovery, for the plan, and for `check --live`."""

from dataclasses import replace

import pytest

from exporter.recovery.decision.brakes import BRAKES, find_brakes
from exporter.recovery.decision.observation import (
    Control,
    Observation,
    Owner,
    Record,
    Resume,
    Returns,
    SessionCounts,
    Stop,
)
from tests.support.recovery.worlds.simulation.exporter import SETTINGS

HOUR = 3600.0
WEEK = 7 * 24 * HOUR

CALM = Observation(at=0.0, now=0.0, server="a", counts=SessionCounts(live=100), beating=100)


def brakes_of(
    live: int = 100, wave: int = 0, *, quiet: int = 0, earlier: int = 0, **others: object
) -> set[str]:
    """The brakes of a wave of orphans, and of `earlier` ones."""
    counts = SessionCounts(live=live, quiet=quiet, ready=wave + earlier)
    observation = replace(CALM, counts=counts, wave=wave, beating=live, **others)  # type: ignore[arg-type]
    return set(find_brakes(observation, SETTINGS))


@pytest.mark.parametrize(
    ("live", "wave", "brakes"),
    [
        (90, 10, set()),
        (89, 11, {"share"}),
        (1, 3, set()),
        (1, 4, {"share"}),
        (10_000, 200, set()),
        (10_000, 201, {"count"}),
        (201, 201, {"share", "count"}),
    ],
)
def test_a_wave_is_more_than_three_and_more_than_a_share_or_a_count(
    live: int, wave: int, brakes: set[str]
) -> None:
    assert brakes_of(live, wave) == brakes


@pytest.mark.parametrize(("orphaned", "brakes"), [(10_000, set()), (10_001, {"count"})])
def test_more_orphans_than_are_followed_are_for_a_person(orphaned: int, brakes: set[str]) -> None:
    assert brakes_of(earlier=orphaned) == brakes
    assert brakes_of(earlier=orphaned, left_alone=1) == set()


@pytest.mark.parametrize(("quiet", "brakes"), [(6, set()), (7, {"share"})])
def test_silent_sessions_are_the_rest_of_a_growing_wave(quiet: int, brakes: set[str]) -> None:
    assert brakes_of(100 - 4 - quiet, 4, quiet=quiet) == brakes
    assert brakes_of(100 - 3 - quiet, 3, quiet=quiet) == set()


def test_the_sentence_of_a_wave_counts_the_silent_ones_apart_where_there_are_any() -> None:
    def sentence(quiet: int) -> str:
        counts = SessionCounts(live=10, quiet=quiet, ready=20)
        return find_brakes(replace(CALM, counts=counts, wave=20), SETTINGS)["share"]

    share = "more than max_share (10%)"
    assert sentence(0) == f"share: 20 of 30 sessions became orphaned together, {share}"
    together = "20 of 32 sessions became orphaned together and 2 more are silent"
    assert sentence(2) == f"share: {together}, {share}"


@pytest.mark.parametrize(
    ("resumed_ago", "wrong", "wave"),
    [(0.0, 0, 20), (0.0, 5, 15), (0.0, 25, 0), (WEEK, 0, 20), (WEEK + 1, 0, 0)],
    ids=["now", "some wrong", "all wrong", "a week ago", "longer ago"],
)
def test_a_wave_that_a_person_has_let_be_closed_is_no_surprise_for_a_week(
    resumed_ago: float, wrong: int, wave: int
) -> None:
    resume = Resume(at=-resumed_ago, stop_at=-resumed_ago - HOUR, wave=20)
    assert Control(resume=resume).accepted_wave(0.0, wrong) == wave


@pytest.mark.parametrize(
    ("accepted", "largest"),
    [(0, 3), (1, 4), (6, 13), (9, 18), (100, 200)],  # more than three make a wave
)
def test_chance_may_make_larger_waves_than_a_person_has_seen(accepted: int, largest: int) -> None:
    record = Record(accepted_wave=accepted)
    assert brakes_of(1, largest, record=record) == set()
    assert brakes_of(1, largest + 1, record=record) >= {"share"}


@pytest.mark.parametrize(
    ("by_hand", "held", "brakes"), [(7, 0, set()), (6, 0, {"returned"}), (7, 1, {"returned"})]
)
def test_a_person_who_closes_more_than_return_has_judged_the_threshold(
    by_hand: int, held: int, brakes: set[str]
) -> None:
    stop = Stop(-HOUR, "returned", "3 of 12 returned")
    control = Control(stop=stop, held=held, closed_by_hand=by_hand)
    assert brakes_of(returns=Returns(109, 6), control=control) == brakes


def test_earlier_orphans_neither_make_a_wave_nor_hide_one() -> None:
    assert brakes_of(90, 10, earlier=300) == set()
    assert brakes_of(89, 11, earlier=300) == {"share"}


@pytest.mark.parametrize(("largest", "brakes"), [(150, set()), (149, {"share", "count"})])
def test_twice_the_largest_wave_that_was_right_is_no_surprise(
    largest: int, brakes: set[str]
) -> None:
    assert brakes_of(1, 300, record=Record(largest_wave=largest)) == brakes


A, B = Owner(active=3, live=0, orphaned=1), Owner(active=9, live=1, orphaned=0)


@pytest.mark.parametrize(
    ("owners", "is_on"),
    [
        ({"a": A, "b": B}, True),
        ({"a": replace(A, active=2), "b": B}, False),
        ({"a": replace(A, live=1), "b": B}, False),
        ({"a": replace(A, orphaned=0), "b": B}, False),
        ({"a": replace(A, is_dead=True), "b": B}, False),
        ({"a": A, "b": replace(B, live=0)}, False),
        ({"a": A}, False),
    ],
)
def test_an_owner_that_falls_silent_while_others_live(
    owners: dict[str, Owner], is_on: bool
) -> None:
    assert brakes_of(owners=owners) == ({"owner"} if is_on else set())


@pytest.mark.parametrize(
    ("orphaned", "returned", "is_on"),
    [
        (3, 2, False),  # two are too few to stop
        (3, 3, True),
        (13, 3, False),  # 5 % are 0.65, and chance is 2.4
        (12, 3, True),
        (100, 11, False),
        (100, 12, True),
        (1000, 71, False),
        (1000, 72, True),
    ],
)
def test_more_sessions_return_than_by_chance(orphaned: int, returned: int, is_on: bool) -> None:
    brakes = brakes_of(returns=Returns(orphaned, returned))
    assert brakes == ({"returned"} if is_on else set())
    assert brakes_of(returns=Returns(orphaned, returned, are_of_one_key=True)) == set()


@pytest.mark.parametrize(
    ("counts", "beating", "is_on"),
    [
        (SessionCounts(live=2), 0, False),
        (SessionCounts(live=3), 0, True),  # starts alone prove no heartbeat
        (SessionCounts(live=3), 1, False),
        (SessionCounts(unknown=2, backlog=1), 0, True),
    ],
)
def test_no_heartbeat_in_three_sessions_is_the_application(
    counts: SessionCounts, beating: int, is_on: bool
) -> None:
    observation = replace(CALM, counts=counts, beating=beating)
    assert set(find_brakes(observation, SETTINGS)) == ({"silent"} if is_on else set())


def test_every_brake_has_a_sentence() -> None:
    observation = replace(
        CALM,
        counts=SessionCounts(ready=300),
        wave=300,
        beating=0,
        owners={"a": A, "b": B},
        returns=Returns(10, 10),
        blind="permission denied",
    )
    brakes = find_brakes(observation, SETTINGS, has_moved_clock=True, is_in_grace=True)
    assert list(brakes) == list(BRAKES)
    assert [sentence.partition(": ")[0] for sentence in brakes.values()] == list(BRAKES)
