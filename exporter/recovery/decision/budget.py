"""The earned budget: how many sessions automatic recovery may close in a day."""

from math import sqrt

from exporter.recovery.decision.brakes import RETURNED_SHARE, return_often
from exporter.recovery.decision.observation import RESUMED_FOR, ClosedDay, Observation

#: The number of sessions that may be closed on a day without earlier closures.
FIRST = 3


def day_limit(observation: Observation) -> int | None:
    """The most sessions of a day; None where only `per_hour` limits them.

    If more sessions were closed on a day, none of them wrongly, twice as many are plausible. A wave
    caused by an accident is larger.
    """
    resume = observation.control.resume
    if return_often(observation.returns):
        return 0
    if resume is not None and observation.now - resume.at < RESUMED_FOR:
        return None
    return max([FIRST, *map(_next_limit, observation.record.days)])


def left_today(observation: Observation) -> int | None:
    """How many more sessions may be closed today; None where only `per_hour` limits them."""
    limit = day_limit(observation)
    return None if limit is None else max(0, limit - observation.record.spent)


def _next_limit(day: ClosedDay) -> int:
    """Twice what was closed rightly. One that is wrong is an accident, which never takes it back.

    A person decides once, on a day on which chance may have lost few: three standard deviations of
    what that person has closed are allowed for.
    """
    if day.wrong > 1 and day.wrong > RETURNED_SHARE * day.closed:
        return 0
    right = day.closed - day.wrong
    return 2 * right + int(3 * sqrt(2 * min(day.by_hand, right)))
