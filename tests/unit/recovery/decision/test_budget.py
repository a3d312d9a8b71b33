"""How many sessions a day may be closed automatically."""

import pytest

from exporter.recovery.decision.budget import day_limit
from exporter.recovery.decision.observation import (
    ClosedDay,
    Control,
    Observation,
    Record,
    Resume,
    Returns,
    SessionCounts,
)

WEEK = 7 * 86400.0


def limit(
    *days: ClosedDay, returns: tuple[int, int] = (0, 0), resumed_ago: float | None = None
) -> int | None:
    resume = None if resumed_ago is None else Resume(WEEK - resumed_ago, 0.0)
    return day_limit(
        Observation(
            at=0.0,
            now=WEEK,
            server="a",
            counts=SessionCounts(),
            returns=Returns(*returns),
            record=Record(days=days),
            control=Control(resume=resume),
        )
    )


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], 3),
        ([ClosedDay(1, 0)], 3),
        ([ClosedDay(2, 0)], 4),
        ([ClosedDay(3, 0), ClosedDay(40, 0), ClosedDay(6, 0)], 80),
        ([ClosedDay(40, 1)], 78),  # one is an accident
        ([ClosedDay(40, 2)], 76),  # 5 %
        ([ClosedDay(40, 3)], 3),
        ([ClosedDay(40, 3), ClosedDay(20, 0)], 40),
        ([ClosedDay(1, 1)], 3),
        ([ClosedDay(3, 1)], 4),
    ],
)
def test_a_day_earns_twice_what_it_closed_rightly(days: list[ClosedDay], expected: int) -> None:
    assert limit(*days) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (ClosedDay(3, 0, by_hand=3), 6 + 7),
        (ClosedDay(50, 0, by_hand=50), 100 + 30),
        (ClosedDay(50, 0, by_hand=2), 100 + 6),
        (ClosedDay(40, 2, by_hand=40), 76 + 26),
        (ClosedDay(40, 3, by_hand=40), 3),
    ],
)
def test_chance_may_have_lost_few_on_the_day_on_which_a_person_decides(
    day: ClosedDay, expected: int
) -> None:
    assert limit(day) == expected


@pytest.mark.parametrize(
    ("returns", "expected"), [((1, 1), 80), ((5, 2), 0), ((8, 2), 80), ((100, 12), 0)]
)
def test_nothing_is_closed_while_sessions_return_often(
    returns: tuple[int, int], expected: int
) -> None:
    assert limit(ClosedDay(40, 0), returns=returns) == expected


@pytest.mark.parametrize(("ago", "expected"), [(0.0, None), (WEEK - 1, None), (WEEK, 3)])
def test_a_person_who_resumes_lifts_the_limit_for_a_week(ago: float, expected: int | None) -> None:
    assert limit(resumed_ago=ago) == expected
    assert limit(resumed_ago=ago, returns=(3, 3)) == 0
