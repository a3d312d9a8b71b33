from datetime import UTC, datetime, timedelta
from random import Random

from exporter.demo.history import rhythm

NOW = datetime(2026, 11, 20, 22, 47, tzinfo=UTC)


def test_the_same_dice_give_the_same_sessions() -> None:
    one, two = (rhythm.finished(Random(1), NOW, 50, minutes=7) for _ in range(2))
    assert one == two


def test_finished_sessions_are_over_and_within_the_days() -> None:
    for start, end in rhythm.finished(Random(1), NOW, 500, minutes=60):
        assert NOW - timedelta(days=rhythm.DAYS) <= start < end < NOW


def test_starts_are_ordered_and_distinct() -> None:
    starts = rhythm.starts(Random(1), NOW - timedelta(days=1), NOW, 200)
    assert starts == sorted(set(starts))
    assert len(starts) == 200


def test_a_working_morning_is_busier_than_a_night_and_a_weekend() -> None:
    friday, saturday = NOW.replace(hour=10), NOW.replace(hour=10) + timedelta(days=1)
    assert rhythm.busyness(friday) > rhythm.busyness(saturday) > 0
    assert rhythm.busyness(friday) > rhythm.busyness(NOW.replace(hour=3))


def test_half_of_the_sessions_are_shorter_than_the_median() -> None:
    dice = Random(1)
    lengths = sorted(rhythm.length(dice, 7) for _ in range(2001))
    assert timedelta(minutes=6) < lengths[1000] < timedelta(minutes=8)
    assert lengths[-1] > timedelta(minutes=20)
