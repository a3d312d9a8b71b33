"""Whether collections have read the active rows lately."""

import pytest

from exporter.evidence.judgement.comparison import Comparison


def test_before_the_first_collection_the_rows_are_not_known() -> None:
    comparison = Comparison(15, 5)
    assert comparison.doubt(1000.0) == "no collection has read the active sessions yet"
    comparison.note(1000.0)
    assert comparison.doubt(1000.0) == ""


@pytest.mark.parametrize(("gap", "longest"), [(10.0, 50.0), (15.0, 50.0), (60.0, 185.0)])
def test_they_are_known_for_three_intervals_and_the_time_that_a_collection_may_take(
    gap: float, longest: float
) -> None:
    """What takes long is collected more rarely than declared."""
    comparison = Comparison(15, 5)
    comparison.note(1000.0)
    comparison.note(1000.0 + gap)
    last = 1000.0 + gap
    assert comparison.doubt(last + longest) == ""
    why = f"no collection has read the active sessions for {longest + 1:.0f} s"
    assert comparison.doubt(last + longest + 1) == why
