"""The values of --id: a session's id as it is, or as the audit has it."""

import pytest

from exporter.cli.options.limits import plain_ids
from exporter.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", "7"),
        ('["7"]', "7"),
        ("[7]", "7"),
        ("[ 1.50 ]", "1.50"),
        ("[12345678901234567890123]", "12345678901234567890123"),
        ('["[7]"]', "[7]"),
        ('["a \\u00e9"]', "a é"),
        ("", ""),
        ("[", "["),
        ("[1,2)", "[1,2)"),  # a range
        ("{7}", "{7}"),
        ('"7"', '"7"'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_an_id_is_the_text_or_the_element_of_a_json_array(text: str, value: str) -> None:
    assert plain_ids([text, value if text[:1] != "[" else text]) == (value,)


def test_an_array_with_several_elements_has_one_for_each_column() -> None:
    assert plain_ids(['["a", 0]', '["a","0"]', "[1.50, 2]"]) == (("a", "0"), ("1.50", "2"))


@pytest.mark.parametrize(
    "text", ["[]", '["a", null]', "[null]", "[true]", "[[7]]", '[{"id": 7}]', "[NaN]"]
)
def test_another_array_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--id: expected a value, or a JSON array with a text"):
        plain_ids([text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [('["\\ud800"]', "text in UTF-8"), ('["\\u0000"]', "without a zero byte")],
)
def test_a_text_that_postgresql_cannot_hold_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=f"--id: expected text.*{expected[-9:]}"):
        plain_ids([text])
