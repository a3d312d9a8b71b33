"""What a terminal shows, and what it is spared."""

import json
import math
from typing import Any

import pytest

from exporter import text
from exporter.cli.output.orphans import orphan_json, orphan_table
from exporter.cli.output.sessions import more_lines
from exporter.cli.output.terminal.table import table
from exporter.sessions.orphan_list import Orphan, OrphanList
from tests.support.collection.declarations import FULL, LoadSources


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("naïve 日本 🙂", "naïve 日本 🙂"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("bell\x07 nul\x00 del\x7f", r"bell\x07 nul\x00 del\x7f"),
        ("a\tb\nc\r", r"a\tb\nc\r"),
        ("csi \x9b", r"csi \x9b"),
        ("bidi \u202e\u2066\u200f", r"bidi \u202e\u2066\u200f"),
        ("zero\u200bwidth \ufeff", r"zero\u200bwidth \ufeff"),
        ("line \u2028 \x85", r"line \u2028 \x85"),
        ("lone \ud800", r"lone \ud800"),
        ("private \U000f0000", r"private \U000f0000"),
    ],
)
def test_nothing_invisible_reaches_the_terminal(value: str, shown: str) -> None:
    assert text.printable(value) == shown
    assert text.printable(value).isprintable()


def test_lines_stay_lines_where_they_are_ours() -> None:
    assert text.printable_lines("one\ntwo\x1b\n") == "one\ntwo\\x1b\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1m 0s"),
        (61, "1m 1s"),
        (3599, "59m 59s"),
        (3600, "1h 0m"),
        (86399.9, "1d 0h"),
        (90061, "1d 1h"),
        (444 * 3600, "18d 12h"),
        (-1, "in the future"),
        (-0.4, "0s"),
        (math.inf, "for ever"),
        (-math.inf, "in the future"),
    ],
)
def test_an_age_is_its_two_biggest_units(seconds: float | None, shown: str) -> None:
    assert text.age(seconds) == shown


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        (0.0, "1970-01-01 00:00:00Z"),
        (1700000000.9, "2023-11-14 22:13:20Z"),
        (-1.0, "1969-12-31 23:59:59Z"),
        (253402300800.0, "10000-01-01 00:00:00Z"),
        (-62135596800.0, "0001-01-01 00:00:00Z"),
        (-62135596801.0, "0001-12-31 23:59:59Z BC"),
        (-63517132800.0, "0044-03-23 00:00:00Z BC"),
        (math.inf, "infinity"),
        (-math.inf, "-infinity"),
    ],
)
def test_an_instant_is_in_utc_and_in_any_year_that_postgresql_has(
    timestamp: float, shown: str
) -> None:
    assert text.instant(timestamp) == shown


def test_columns_of_a_table_stand_below_each_other() -> None:
    assert table(["id", "name"], [["1", "a"], ["1234", "b"]]).splitlines() == [
        "id    name",
        "1     a",
        "1234  b",
    ]


def test_wide_and_combining_characters_take_the_room_that_they_take() -> None:
    rows = [["日本", "x"], ["e\u0301e", "x"], ["abcd", "x"]]
    assert table(["name", "at"], rows).splitlines() == [
        "name  at",
        "日本  x",
        "e\u0301e    x",
        "abcd  x",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(["id", "name"], []) == "id  name"


def test_a_cell_is_as_wide_as_what_is_shown_of_it() -> None:
    assert table(["a", "b"], [["\x1b", "x"]]).splitlines() == ["a     b", r"\x1b  x"]


def orphan(**changes: Any) -> Orphan:
    values: dict[str, Any] = {
        "id": "7",
        "last_seen": 1700000000.0,
        "age": 7260.0,
        "silence": 7230.0,
        "show": {"user_id": "u"},
    }
    return Orphan(**(values | changes))


def test_orphans_are_listed_with_what_may_be_shown(load_sources: LoadSources) -> None:
    source = load_sources(chats={**FULL, "show": ["user_id"]}).sources["chats"]
    found = OrphanList(3, (orphan(), orphan(id=None, age=None, show={"user_id": None})))
    assert orphan_table(source, "app", found, 7200.0).splitlines() == [
        "chats (app): orphaned_count 3, not seen for more than 2h",
        "id  last seen             silent for  age    user_id",
        "7   2023-11-14 22:13:20Z  2h 0m       2h 1m  u",
        "-   2023-11-14 22:13:20Z  2h 0m       -      -",
        "… and 1 more; --limit 3 shows all",
    ]


def test_a_list_says_how_many_rows_it_can_show() -> None:
    assert more_lines(5, 5) == []
    assert more_lines(100_000, 100) == ["… and 99900 more; --show 100000 shows all"]
    assert more_lines(100_001, 100) == ["… and 99901 more; --show shows 100000 at most"]


def test_a_long_value_is_whole_in_a_pipe(load_sources: LoadSources) -> None:
    source = load_sources(chats={**FULL, "show": ["note"]}).sources["chats"]
    found = OrphanList(1, (orphan(show={"note": "x" * 200}),))
    assert f"  {'x' * 200}" in orphan_table(source, "app", found, 7200.0)
    assert "x" * 200 in text.as_json(orphan_json(source, "app", found, 7200.0))


def test_no_orphans_are_one_line(load_sources: LoadSources) -> None:
    source = load_sources(chats=FULL).sources["chats"]
    title = orphan_table(source, "app", OrphanList(0, ()), 5400.0)
    assert title == "chats (app): orphaned_count 0, not seen for more than 1h30m"


def test_json_has_no_infinities(load_sources: LoadSources) -> None:
    """JSON has no word for them, and Python's own output could not be read by others."""
    source = load_sources(chats=FULL).sources["chats"]
    endless = orphan(last_seen=-math.inf, silence=math.inf, age=math.inf, show={})
    printed = text.as_json(orphan_json(source, "app", OrphanList(1, (endless,)), 7200.0))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads(printed, parse_constant=refuse)
    assert read["orphans"] == [
        {
            "id": "7",
            "last_seen_at": None,
            "silence_seconds": None,
            "age_seconds": None,
            "orphaned_after_seconds": 7200.0,
            "show": {},
        }
    ]
    with pytest.raises(ValueError, match="not JSON compliant"):
        text.as_json(math.nan)


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1700000000.9996, "2023-11-14T22:13:20.999Z"),
        (-1.5, "1969-12-31T23:59:58.500Z"),
        (253402300800.0, "+010000-01-01T00:00:00.000Z"),
        (-62167219201.0, "-000001-12-31T23:59:59.000Z"),
        (math.inf, None),
        (math.nan, None),
        (None, None),
    ],
)
def test_a_time_for_programs_is_in_utc_and_in_any_year(
    timestamp: float | None, shown: str | None
) -> None:
    assert text.iso(timestamp) == shown
