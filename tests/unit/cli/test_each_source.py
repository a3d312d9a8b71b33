"""The value of an option that takes a duration."""

import pytest

from exporter.cli.options import duration
from exporter.errors import UsageError


@pytest.mark.parametrize("text", ["0", "0s", "0ms", " 0 "])
def test_no_pause_at_all_can_be_asked_for(text: str) -> None:
    assert duration("--pause", text, may_be_zero=True) == 0


@pytest.mark.parametrize("text", ["0", "0s"])
def test_where_nothing_is_no_length_of_time_it_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--pause: "):
        duration("--pause", text)


@pytest.mark.parametrize(("text", "seconds"), [("10ms", 0.01), ("100s", 100), (None, None)])
def test_other_lengths_are_read_as_everywhere(text: str | None, seconds: float | None) -> None:
    assert duration("--pause", text, may_be_zero=True) == seconds
