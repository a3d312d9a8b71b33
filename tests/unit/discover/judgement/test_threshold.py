"""The threshold follows from closed rows: three times the longest usual one, and never below it."""

import pytest

from exporter.discover.judgement.threshold import (
    SessionLength,
    has_two_humps,
    percentile,
    propose_threshold,
    round_up,
)

MINUTE, HOUR = 60.0, 3600.0


def closed(*lengths: float) -> list[SessionLength]:
    return [
        SessionLength(start, start + length)
        for start, length in ((1e9 + 7000.0 * row, each) for row, each in enumerate(lengths))
    ]


def test_it_is_three_times_the_99th_percentile_rounded_up_to_a_usual_value() -> None:
    found = propose_threshold(closed(*[20 * MINUTE] * 200))
    assert (found.seconds, found.count, found.question) == (HOUR, 200, None)


def test_it_is_ten_minutes_at_least() -> None:
    assert propose_threshold(closed(*[5.0] * 200)).seconds == 10 * MINUTE


def test_few_rows_are_a_question_and_an_hour_at_least() -> None:
    found = propose_threshold(closed(*[5.0] * 99))
    assert found.seconds == HOUR
    assert "99 closed rows" in str(found.question)
    assert propose_threshold(closed(*[5.0] * 100)).question is None


def test_without_closed_rows_it_is_a_day_and_a_question() -> None:
    found = propose_threshold([])
    assert (found.seconds, found.question is None) == (86400.0, False)


def test_two_humps_are_a_question_and_no_session_of_the_longer_ones_is_orphaned() -> None:
    found = propose_threshold(closed(*[60.0] * 100, *[6 * HOUR] * 100))
    assert "two humps" in str(found.question)
    assert found.seconds > 6 * HOUR


def test_one_hump_that_is_wide_is_no_question() -> None:
    assert not has_two_humps([60.0 * 1.05**each for each in range(100)])


def test_ends_that_three_rows_share_within_a_second_do_not_count() -> None:
    cleaned = [SessionLength(1e9 + each, 1.01e9 + each / 10) for each in range(3)]
    found = propose_threshold([*closed(*[20 * MINUTE] * 200), *cleaned])
    assert (found.seconds, found.left_out) == (HOUR, 3)
    found = propose_threshold([*closed(*[20 * MINUTE] * 200), *cleaned[:2]])
    assert found.left_out == 0


def test_where_sessions_end_every_second_those_that_do_together_count() -> None:
    busy = [SessionLength(1e9 + each / 20, 1e9 + each / 20 + 600) for each in range(2000)]
    assert propose_threshold(busy).left_out == 0


def test_an_end_long_after_the_last_sign_of_life_does_not_count() -> None:
    late = SessionLength(2e9, 2e9 + 90000, seen=2e9 + 600)
    found = propose_threshold([*closed(*[20 * MINUTE] * 200), late])
    assert (found.seconds, found.left_out) == (HOUR, 1)


@pytest.mark.parametrize(
    ("seconds", "usual"),
    [(1, 600), (600, 600), (601, 900), (5401, 7200), (86401, 172800), (8e6, 93 * 86400)],
)
def test_a_value_is_rounded_up(seconds: float, usual: float) -> None:
    assert round_up(seconds) == usual


def test_a_percentile_is_the_nearest_rank() -> None:
    assert [percentile([1, 2, 3, 4], share) for share in (0.25, 0.5, 0.99)] == [1, 2, 4]
