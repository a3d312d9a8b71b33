"""The small drawings and what they say to those who do not see them."""

from exporter.daemon.pages.overview.values import DayOverview, SilenceBucket
from exporter.daemon.pages.status.drawings import Bar, draw_days, draw_silences


def test_silences_are_bars_with_those_beyond_the_threshold_told_apart() -> None:
    buckets = [SilenceBucket(*each) for each in ((60.0, 8), (300.0, 0), (600.0, 4), (None, 2))]
    drawing = draw_silences(buckets, 300.0, is_age=False)
    assert drawing is not None
    assert drawing.bars == (
        Bar(0, 0, 36, "bar"),
        Bar(20, 18, 18, "orphaned"),
        Bar(30, 27, 9, "orphaned"),
    )
    assert drawing.limit == 19
    assert drawing.words == (
        "Silence of 14 active sessions: 8 up to 1m, 4 up to 10m, 2 over 10m; orphaned after 5m"
    )


def test_ages_are_drawn_where_silence_is_not_known_and_each_row_has_a_threshold() -> None:
    drawing = draw_silences([SilenceBucket(60.0, 1)], None, is_age=True)
    assert drawing is not None
    assert drawing.words == "Ages of 1 active session: 1 up to 1m"
    assert drawing.limit is None


def test_of_no_sessions_there_is_no_drawing() -> None:
    assert draw_silences([SilenceBucket(60.0, 0)], 300.0, is_age=False) is None
    assert draw_silences([], 300.0, is_age=False) is None
    assert draw_days([]) is None
    assert draw_days([DayOverview("2026-03-08", 0, 0, 0, 0, 0, None)]) is None


def test_days_are_bars_oldest_first_with_those_still_active_told_apart() -> None:
    days = [
        DayOverview("2026-03-08", 1000, 990, 9, 9, 1, None),
        DayOverview("2026-03-07", 500, 500, 0, 0, 0, 1.0),
    ]
    drawing = draw_days(days)
    assert drawing is not None
    assert drawing.bars == (Bar(0, 18, 18, "bar"), Bar(10, 0, 36, "bar"), Bar(10, 34, 2, "active"))
    assert drawing.words == (
        "By day of the start: 2026-03-07 500 started, 0 still active; "
        "2026-03-08 1000 started, 1 still active"
    )
