"""How many ids would match if they were written in another way."""

import pytest

from exporter.check.evidence.spelling_hint import spelling_hint

UUIDS = [f"0000000{digit}-aaaa-4000-8000-00000000000{digit}" for digit in "abcde"]


@pytest.mark.parametrize(
    ("present", "how"),
    [
        ([each.replace("-", "") for each in UUIDS], "without dashes"),
        ([each.upper() for each in UUIDS], "in lower case"),
        ([each.upper().replace("-", "") for each in UUIDS], "in lower case and without dashes"),
        ([f"{{{each}}}" for each in UUIDS], "without braces"),
        ([f" {each} " for each in UUIDS], "without blanks around them"),
        ([f"call:{each}" for each in UUIDS], "without 'call:' in front of those of the answer"),
        ([f"{each}@a" for each in UUIDS], "without '@a' after those of the answer"),
        ([each.replace("-", "%2D") for each in UUIDS], "with the escapes of URLs resolved"),
    ],
)
def test_the_spelling_that_fits_most_is_named(present: list[str], how: str) -> None:
    assert spelling_hint(UUIDS, present) == f"5 of 5 would match {how}"
    assert spelling_hint(UUIDS, [*present[:3], "another"]) == f"3 of 5 would match {how}"


def test_bytes_are_written_with_and_without_a_prefix() -> None:
    assert spelling_hint([r"\x0a", r"\x0b"], ["0A", "0B"]) == r"2 of 2 would match without \x"


def test_what_only_the_table_has_before_its_ids_is_named() -> None:
    found = spelling_hint(["s/1", "s/2", "s/3"], ["1", "2", "4"])
    assert found == "2 of 3 would match without 's/' in front of those of the table"


def test_other_ids_are_no_spelling_of_these() -> None:
    assert spelling_hint(["1", "2"], ["11", "12", "30"]) == ""
    assert spelling_hint([], ["1"]) == ""
    assert spelling_hint(["1"], []) == ""
