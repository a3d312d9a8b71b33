"""How many orphaned sessions return: those of the last day, and since a person has resumed."""

import json
from dataclasses import replace
from math import inf

import pytest

from exporter.recovery.audit.written_watch import read_watch, written_orphans, written_returns
from exporter.recovery.decision.observation import Returns
from exporter.recovery.decision.watch import DAY, MOST_FOLLOWED, SLOT, Watch, find_whole

#: The begin of a slot.
NOW = 100 * DAY
HOUR = 3600.0


def watch(*moments: float, now: float = NOW) -> Watch:
    """Sessions that became orphaned then, named by number."""
    return Watch().count({str(n): at for n, at in enumerate(moments)}, [], now)


def test_a_session_is_counted_once_and_its_return_once() -> None:
    first = watch(NOW - 2, NOW - 1)
    assert first.find_gone({"1": NOW - 1}) == ["0"]
    again = first.count(first.known, [], NOW + 1)
    gone = again.count({"1": NOW - 1}, ["0"], NOW + 2)
    assert gone.returns(since=-inf, now=NOW + 2) == Returns(2, 1)
    assert gone.find_gone({"1": NOW - 1}) == []


def test_what_is_orphaned_otherwise_than_by_its_age_is_so_since_it_was_found() -> None:
    orphans = {"0": NOW - 1, "opened again": NOW - 500, "new": NOW + 1}
    later = watch(NOW - 1).count(orphans, [], NOW + 2)
    assert later.known == orphans | {"opened again": NOW + 2}
    assert later.returns(since=-inf, now=NOW + 2).orphaned == 3
    assert later.count(orphans, [], NOW + 3).known == later.known


@pytest.mark.parametrize(
    ("closed", "since"), [(NOW - 61, NOW - 500), (NOW - 59, NOW + 2), (NOW + 1, NOW + 2)]
)
def test_what_recovery_has_closed_since_the_last_run_was_opened_again(
    closed: float, since: float
) -> None:
    """Its transaction may have begun a minute before it was committed."""
    first = Watch().count({"0": NOW - 500}, [], NOW)
    later = first.count({"0": NOW - 500}, [], NOW + 2, closed={"0": closed})
    assert later.known == {"0": since}
    assert later.returns(since=-inf, now=NOW + 2) == Returns(1)
    beaten = first.count({"0": NOW + 1}, [], NOW + 2, closed={"0": closed})
    assert beaten.known == {"0": NOW + 1}


def test_a_session_that_lived_between_two_runs_became_orphaned_later() -> None:
    assert watch(NOW - 500).count({"0": NOW + 1}, [], NOW + 2).known == {"0": NOW + 1}


def test_before_the_first_run_the_age_alone_tells() -> None:
    assert watch(NOW - 500).known == {"0": NOW - 500}


def test_what_is_not_followed_may_have_been_orphaned_before() -> None:
    full = watch(*range(MOST_FOLLOWED))
    assert full.count({**full.known, "old": -5.0}, [], NOW + 1).known["old"] == -5.0


@pytest.mark.parametrize(
    ("moments", "wave"),
    [([], 0), ([5.0], 1), ([0.0, 10.0], 2), ([0.0, 10.1], 1), ([30.0, 0.0, 9.0, 21.0, 3.0], 3)],
)
def test_a_wave_is_the_most_of_any_half(moments: list[float], wave: int) -> None:
    assert watch(*moments).wave(10.0, since=-inf) == wave


def test_a_wave_counts_from_a_moment_on() -> None:
    assert watch(1.0, 2.0, 3.0).wave(10.0, since=1.0) == 2


@pytest.mark.parametrize(("age", "orphaned"), [(DAY, 1), (DAY + SLOT, 0)])
def test_a_day_is_counted(age: float, orphaned: int) -> None:
    assert watch(NOW - age).returns(since=-inf, now=NOW).orphaned == orphaned


@pytest.mark.parametrize(("age", "counts"), [(DAY - SLOT, (1, 1)), (2 * DAY, (1, 1))])
def test_a_return_counts_when_it_is_seen(age: float, counts: tuple[int, int]) -> None:
    gone = watch(NOW - age).count({}, ["0"], NOW)
    assert gone.returns(since=-inf, now=NOW) == Returns(*counts)
    assert gone.returns(since=-inf, now=NOW + DAY / 2).returned == 1
    assert gone.returns(since=-inf, now=NOW + DAY + SLOT).returned == 0


def test_a_session_that_returns_again_and_again_counts_once_in_a_day() -> None:
    orphans, flickering = {"0": NOW - 500}, watch(NOW - 500)
    for second in range(5):
        gone = flickering.count({}, ["0"], NOW + 2 * second)
        flickering = gone.count(orphans, [], NOW + 2 * second + 1)
        assert flickering.returns(since=-inf, now=NOW + 9) == Returns(1, 1)
    later = NOW + DAY + SLOT
    gone = flickering.count(orphans, [], later - 1).count({}, ["0"], later)
    assert gone.returns(since=-inf, now=later) == Returns(1, 1)


def test_a_return_before_a_person_has_resumed_counts_again_afterwards() -> None:
    gone = watch(NOW - 500).count({}, ["0"], NOW)
    again = gone.count({"0": NOW + SLOT}, [], NOW + SLOT, since=NOW + 1)
    later = again.count({}, ["0"], NOW + SLOT + 1, since=NOW + 1)
    assert later.returns(since=NOW + 1, now=NOW + SLOT + 1) == Returns(1, 1)
    assert later.counted_since(NOW + 1) == ["0"]


def test_what_is_written_of_a_watch_is_read_again() -> None:
    first = Watch().count({"0": NOW - 5, "1": NOW - 4}, [], NOW)
    gone = first.count({"1": NOW - 4}, ["0"], NOW + 1)
    orphans, returns = json.loads(written_orphans(gone)), json.loads(written_returns(gone))
    assert read_watch(NOW + 1, orphans, returns) == gone
    # An earlier release has not written which sessions have returned.
    earlier = read_watch(NOW + 1, {"1": NOW - 4}, [each[:3] for each in returns])
    assert earlier == replace(gone, counted={})


@pytest.mark.parametrize(("since", "returned"), [(NOW - 11, 1), (NOW - 10, 0)])
def test_what_was_orphaned_when_a_person_resumed_does_not_count(
    since: float, returned: int
) -> None:
    gone = watch(NOW - 10).count({}, ["0"], NOW, since=since)
    assert gone.returns(since=-inf, now=NOW).returned == returned


def test_the_slot_in_which_a_person_resumes_is_dropped() -> None:
    counted = watch(NOW + 1, NOW + SLOT + 1, now=NOW + SLOT + 2)
    assert counted.returns(since=NOW + 5, now=NOW + SLOT + 2).orphaned == 1


@pytest.mark.parametrize(
    ("keys", "is_one"),
    [
        ({"0": "ann", "1": "ann", "2": "ann"}, True),
        ({"0": "ann", "1": "bob", "2": "ann"}, False),
        ({"0": "ann", "1": "ann"}, False),  # whose the third is is not known
        ({}, False),
    ],
)
def test_returns_are_of_one_key_where_that_is_known_of_each(
    keys: dict[str, str], is_one: bool
) -> None:
    first = watch(NOW - 3, NOW - 2, NOW - 1)
    gone = first.count({}, ["0", "1", "2"], NOW + 1, keys=keys)
    for each in (gone, read_watch(NOW + 1, {}, json.loads(written_returns(gone)))):
        assert each.returns(since=-inf, now=NOW + 1) == Returns(3, 3, are_of_one_key=is_one)
        assert each.keys == keys


def test_whose_a_session_is_is_known_as_long_as_its_return_counts() -> None:
    first = watch(NOW - 3, NOW - 2).count({"1": NOW - 2}, ["0"], NOW, keys={"0": "ann"})
    second = first.count({}, ["1"], NOW + DAY / 2, keys={"1": "bob"})
    assert not second.returns(since=-inf, now=NOW + DAY / 2).are_of_one_key
    later = NOW + DAY + SLOT
    assert second.returns(since=-inf, now=later) == Returns(0, 1, are_of_one_key=True)
    assert second.count({}, [], later).keys == {"1": "bob"}


def test_an_earlier_release_reads_which_sessions_have_returned_beside_whose_they_are() -> None:
    """It takes all that follows the counts of a slot for lists of sessions."""
    gone = watch(NOW - 3).count({}, ["0"], NOW, keys={"0": "ann"})
    ((_, _, _, *more),) = [each for each in json.loads(written_returns(gone)) if each[2]]
    assert {session for each in more for session in each} == {"0"}


@pytest.mark.parametrize(
    ("stopped_ago", "until"),
    [(0.0, NOW - HOUR), (HOUR, NOW - HOUR), (HOUR + 1, NOW)],
    ids=["it may still grow", "the last may just have joined", "none can join any more"],
)
def test_a_wave_is_whole_when_none_can_join_it_any_more(stopped_ago: float, until: float) -> None:
    assert find_whole(NOW - stopped_ago, NOW, HOUR) == until
