"""JSON that every parser takes, and times that PostgreSQL has and Python has not."""

import json

import pytest

from exporter.daemon.pages.api.encoding import document, dumps, seconds
from exporter.text import iso

INFINITY, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1772331300.1239, "2026-03-01T02:15:00.123Z"),
        (-0.5, "1969-12-31T23:59:59.500Z"),
        (253402300799.5, "9999-12-31T23:59:59.500Z"),
        (253402300800.0, "+010000-01-01T00:00:00.000Z"),
        (-62135596800.0, "0001-01-01T00:00:00.000Z"),
        (-62167219200.0, "0000-01-01T00:00:00.000Z"),
        (-62167219201.0, "-000001-12-31T23:59:59.000Z"),
        (-210866803200.0, "-004713-11-24T00:00:00.000Z"),
        (9224318015999.5, "+294276-12-31T23:59:59.500Z"),
        (INFINITY, None),
        (-INFINITY, None),
        (NAN, None),
        (None, None),
    ],
)
def test_a_time_is_in_utc_and_has_a_form_for_each_year(
    timestamp: float | None, text: str | None
) -> None:
    assert iso(timestamp) == text


@pytest.mark.parametrize(
    ("number", "shown"),
    [(1.23456, 1.235), (0.0, 0.0), (INFINITY, None), (-INFINITY, None), (NAN, None), (None, None)],
)
def test_a_length_of_time_is_a_number_or_unknown(number: float | None, shown: float | None) -> None:
    assert seconds(number) == shown


def test_a_text_cannot_end_a_script_or_leave_ascii() -> None:
    text = '</script><!--\u2028\u2029"\\\x00\x1b\U0001f600'
    encoded = dumps({text: [text]})
    assert encoded.isascii()
    assert not set("<>") & set(encoded)
    assert json.loads(encoded) == {text: [text]}


@pytest.mark.parametrize("number", [NAN, INFINITY, -INFINITY])
def test_no_number_is_written_that_json_has_not(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps(number)


@pytest.mark.parametrize("items", [[], [1], [{"a": None}, {"b": "<"}]])
def test_a_list_that_is_encoded_one_by_one_is_one_document(items: list[object]) -> None:
    encoded = document({"limit": 1}, "rows", items)
    assert json.loads(encoded) == {"limit": 1, "rows": items}
    assert encoded.endswith(b"\n")
