"""Tables on terminals of several widths, and in a pipe."""

import re

import pytest

from exporter.cli.output.terminal.screen import Screen
from exporter.cli.output.terminal.table import LONGEST_VALUE, Above, Id, table
from exporter.text import columns_of

PIPE, NARROW, WIDE = Screen(), Screen(width=80), Screen(width=200)

UUID = "a73c3334-a1eb-42f8-9d3f-df5457cd1bbc"
HEADERS = ["id", "last seen", "silent for", "note"]
NOTE = "the browser was closed while the call was still being set up by the other side"


def rows(id_: str = UUID, note: str = NOTE) -> list[list[str]]:
    return [[Id(id_), "2026-11-14 22:13:20Z", "2h 0m", note]]


def widest(text: str) -> int:
    return max(map(columns_of, text.splitlines()))


def test_in_a_pipe_each_row_is_a_line_and_complete() -> None:
    long = "x" * 10_000
    assert table(HEADERS, rows(note=long), PIPE).splitlines()[1].endswith(f"  {long}")


def test_a_table_that_fits_is_the_same_on_a_terminal_and_in_a_pipe() -> None:
    assert table(HEADERS, rows(), WIDE) == table(HEADERS, rows(), PIPE)


def test_a_wider_one_is_wrapped_at_words() -> None:
    assert table(HEADERS, rows(), NARROW).splitlines() == [
        "id                                    last seen   silent for  note",
        "a73c3334-a1eb-42f8-9d3f-df5457cd1bbc  2026-11-14  2h 0m       the browser was",
        "                                      22:13:20Z               closed while the",
        "                                                              call was still",
        "                                                              being set up by",
        "                                                              the other side",
    ]


@pytest.mark.parametrize("screen", [NARROW, WIDE, Screen(width=40), Screen(width=61)])
@pytest.mark.parametrize(
    "note", [NOTE, "x" * 300, "日本語 " * 40, "日本語" * 40, "a\u0301" * 90, ""]
)
def test_it_is_not_wider_than_the_terminal(screen: Screen, note: str) -> None:
    assert screen.width is not None
    text = table(HEADERS, rows(id_="4711", note=note), screen)
    assert widest(text) <= screen.width
    assert re.sub(r"\s", "", note) in re.sub(r"\s|22:13:20Z", "", text)


def test_an_id_is_never_cut_or_broken() -> None:
    long = "id-" + "0123456789" * 30
    for screen in (PIPE, NARROW, WIDE):
        assert long in table(HEADERS, rows(id_=long), screen)


def test_where_the_columns_do_not_fit_each_row_is_a_block() -> None:
    long = "0123456789" * 9
    assert table(HEADERS, rows(id_=long) + rows(note="-"), NARROW).splitlines() == [
        f"id          {long}",
        "last seen   2026-11-14 22:13:20Z",
        "silent for  2h 0m",
        "note        the browser was closed while the call was still being set up by the",
        "            other side",
        "",
        f"id          {UUID}",
        "last seen   2026-11-14 22:13:20Z",
        "silent for  2h 0m",
        "note        -",
    ]


def test_many_columns_become_blocks_too() -> None:
    headers = [f"column {number}" for number in range(40)]
    text = table(headers, [["value"] * 40], NARROW)
    assert len(text.splitlines()) == 40
    assert widest(text) <= 80


def test_a_value_of_any_length_does_not_fill_the_terminal() -> None:
    text = table(HEADERS, rows(id_="1", note="word " * 10_000), NARROW)
    assert text.endswith("…")
    assert len(text.splitlines()) < LONGEST_VALUE / 10
    assert "…" not in table(HEADERS, rows(id_="1", note="word " * 10_000), PIPE)


def test_control_and_bidi_characters_are_text_in_every_form() -> None:
    hostile = "\x1b[2J\u202eevil\nline\r\u2066"
    for screen in (PIPE, NARROW, WIDE, Screen(width=40)):
        text = table(HEADERS, [[Id(hostile), "x", "y", hostile]], screen)
        assert r"\x1b[2J\u202eevil\nline\r\u2066" in text
        assert all(character.isprintable() or character == "\n" for character in text)


def test_what_is_above_its_limit_is_red_where_there_are_colours() -> None:
    cells = [[Above("7"), "x"]]
    assert table(["n", "b"], cells, Screen(width=80, has_colours=True)).endswith(
        "\n\x1b[31m7\x1b[0m  x"
    )
    assert table(["n", "b"], cells, Screen(width=80)).endswith("\n7  x")
    assert table(["n", "b"], cells, PIPE).endswith("\n7  x")


def test_colours_take_no_room() -> None:
    screen = Screen(width=80, has_colours=True)
    lines = table(["number", "z"], [[Above("7"), "x"], ["1", "y"]], screen).splitlines()
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
    assert plain == ["number  z", "7       x", "1       y"]


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), ("❤\ufe0f", 1), ("🙂", 2), ("", 0), ("ｱ", 1)],
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text: str, width: int) -> None:
    assert columns_of(text) == width
