"""Which sources a page shows."""

import pytest

from exporter.daemon.pages.status.selection import SourceFilter, select
from tests.support.pages.overviews import EVERY_STANDING, a_source, an_overview

OVERVIEW = an_overview(*EVERY_STANDING)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["conversations", "coaching", "training", "calls", "transcripts"]),
        ({"q": "TRA"}, ["training", "transcripts"]),
        ({"q": " tra app "}, ["training", "transcripts"]),
        ({"q": "tra other"}, []),
        ({"q": "app"}, ["conversations", "coaching", "training", "calls", "transcripts"]),
        ({"only": "problems"}, ["conversations", "coaching", "training"]),
        ({"only": "nonsense"}, ["conversations", "coaching", "training", "calls", "transcripts"]),
        ({"only": "problems", "q": "tra"}, ["training"]),
        ({"source": "calls"}, ["calls"]),
        ({"source": "call"}, []),
        ({"source": "calls", "database": "other"}, []),
    ],
)
def test_sources_are_chosen_by_the_parameters_of_the_url(
    parameters: dict[str, str], names: list[str]
) -> None:
    selected = select(OVERVIEW, SourceFilter.of(parameters))
    assert [each.source for each in selected.sources] == names


def test_a_filter_is_read_to_a_limit() -> None:
    assert len(SourceFilter.of({"q": "x" * 10_000}).text) == 200


def test_a_page_is_bounded_and_says_how_many_are_left_out() -> None:
    many = an_overview(*(a_source(f"s{number}", 0) for number in range(1000)))
    selected = select(many, SourceFilter())
    assert (len(selected.sources), selected.left_out, selected.rows) == (200, 800, 5)
    one = select(many, SourceFilter(text="s999"))
    assert (len(one.sources), one.left_out, one.rows, one.is_open) == (1, 0, 1000, True)
