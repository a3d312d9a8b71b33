"""The query of a request to the API: each wrong one gets a sentence, and none costs anything."""

import pytest
from starlette.datastructures import QueryParams

from exporter.daemon.pages.api.parameters import (
    NotFoundError,
    Parameters,
    parse_parameters,
    require_known,
)
from exporter.errors import UsageError

PAIRS = [("chat", "app"), ("chat", "eu"), ("calls", "app")]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", Parameters()),
        ("source=chat&database=app", Parameters("chat", "app")),
        ("limit=1&offset=0", Parameters(limit=1)),
        ("limit=1000&offset=1000000", Parameters(limit=1000, offset=1_000_000)),
        ("limit=007", Parameters(limit=7)),
    ],
)
def test_a_query_is_read(query: str, parameters: Parameters) -> None:
    assert parse_parameters(QueryParams(query)) == parameters


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "limit: expected a number from 1 to 1000, got '0'"),
        ("limit=1001", "limit: expected a number from 1 to 1000, got '1001'"),
        ("limit=1e3", "limit: expected a number from 1 to 1000, got '1e3'"),
        ("limit=1_0", "limit: expected a number from 1 to 1000, got '1_0'"),
        ("limit=%D9%A1", r"limit: expected a number from 1 to 1000, got '\u0661'"),
        ("limit=-1", "limit: expected a number from 1 to 1000, got '-1'"),
        ("limit=", "limit: expected a number from 1 to 1000, got ''"),
        ("offset=1000001", "offset: expected a number from 0 to 1000000, got '1000001'"),
        (f"offset={'9' * 4000}", f"from 0 to 1000000, got '{'9' * 60}...'"),
        ("limit=1&limit=2", "limit: expected once, got several"),
        ("sort=id", "unknown parameter 'sort'; known are source, database, limit, offset"),
        ("%3Cb%3E=1", "unknown parameter '<b>'"),
        ("%0D%0Ax=1", r"unknown parameter '\r\nx'"),
    ],
)
def test_a_wrong_query_gets_a_sentence(query: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_parameters(QueryParams(query))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (Parameters("cat"), "source: there is no 'cat'; there are: chat, calls"),
        (Parameters(database="us"), "database: there is no 'us'; there are: app, eu"),
        (Parameters("calls", "eu"), "source 'calls' is not in 'eu'"),
        (Parameters("x" * 999), f"source: there is no '{'x' * 60}...'"),
    ],
)
def test_a_filter_that_matches_nothing_is_not_found(parameters: Parameters, sentence: str) -> None:
    with pytest.raises(NotFoundError) as error:
        require_known(parameters, PAIRS)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "parameters", [Parameters(), Parameters("chat"), Parameters("chat", "eu"), Parameters("calls")]
)
def test_a_filter_that_matches_is_taken(parameters: Parameters) -> None:
    require_known(parameters, PAIRS)


@pytest.mark.parametrize(
    ("limit", "offset", "page", "following"),
    [(2, 0, [1, 2], 2), (2, 2, [3], None), (3, 0, [1, 2, 3], None), (1, 9, [], None)],
)
def test_a_page_says_where_the_next_one_begins(
    limit: int, offset: int, page: list[int], following: int | None
) -> None:
    head, found = Parameters(limit=limit, offset=offset).page([1, 2, 3])
    assert found == page
    assert (head["total_count"], head["next_offset"]) == (3, following)
