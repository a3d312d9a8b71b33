"""Answers that look complete and are a part make no session a ghost that is closed."""

from itertools import count
from random import Random
from typing import Any

import pytest

from tests.support.evidence.asked import AskedList


@pytest.mark.parametrize("each", [1, 2, 7], ids=lambda each: f"{each} sessions each")
@pytest.mark.parametrize("stays", [0.0, 0.5], ids=["by chance", "for a while"])
def test_servers_behind_one_url_that_answer_in_turn_make_no_ghost(each: int, stays: float) -> None:
    dice = Random(1)
    servers = [{f"{name}{number}" for number in range(each)} for name in "ab"]
    asked, server, verdict = AskedList(*sorted(servers[0] | servers[1])), 0, None
    for _ in range(400):
        if dice.random() >= stays:
            server = dice.randrange(2)
        verdict = asked.round(servers[server])
        assert verdict.ghosts - verdict.never_listed_ghosts == frozenset()
    assert verdict is not None
    assert "does one URL lead to several servers?" in verdict.blind


def test_one_turn_blinds_nothing_and_two_do_for_a_quarter_of_an_hour() -> None:
    asked = AskedList("a", "b", "c")
    for held in ({"a", "c"}, {"b"}, {"a", "c"}):
        assert "take turns" not in asked.round(held).blind
    assert "take turns" in asked.round({"b"}).blind
    for _ in range(60):
        verdict = asked.round({"a", "b", "c"})
    assert verdict.blind == ""


@pytest.mark.parametrize(("kept", "rounds"), [(set[str](), 17), ({"1"}, 5)])
def test_what_leaves_as_all_others_do_waits_longer_than_what_leaves_alone(
    kept: set[str], rounds: int
) -> None:
    """Another server may have answered, or one that has started again."""
    asked = AskedList("1", "2", "new")
    asked.round({"1", "2"})
    needed = next(each for each in count(1) if "2" in asked.round({"new"} | kept).ghosts)
    assert needed == rounds


def newest(asked: AskedList, size: int) -> set[str]:
    """The first page of the rows, newest first."""
    return set(list(asked.rows)[-size:])


@pytest.mark.parametrize("settings", [{}, {"request": {"next_page": "`null`"}}])
def test_what_leaves_a_list_that_stays_as_long_as_a_page_is_no_ghost(
    settings: dict[str, Any],
) -> None:
    asked = AskedList(*(str(number) for number in range(20)), **settings)
    asked.round(newest(asked, 20))
    asked.rows |= {"new 1": asked.now, "new 2": asked.now}
    for _ in range(40):
        verdict = asked.round(newest(asked, 20))
    if settings:  # it says that there is one page
        assert (verdict.ghosts, verdict.blind) == (frozenset("01"), "")
        return
    assert verdict.ghosts == frozenset()
    assert verdict.blind == (
        "list live: store x: it still holds 20 sessions, as a page may, and 2 that are active have "
        "left it: does it have pages? See next_page"
    )
    del asked.rows["new 1"]
    assert asked.round(newest(asked, 18)).blind == ""
    for _ in range(5):
        verdict = asked.round(newest(asked, 17))
    assert {"0", "1"} <= verdict.ghosts


def test_what_ends_in_time_and_what_moves_to_another_store_leaves_no_page() -> None:
    two: dict[str, Any] = {"urls": {"x": "http://x", "y": "http://y"}}
    rows = [str(number) for number in range(20)]
    asked = AskedList(*rows, **two)
    asked.round(rows[:10], rows[10:])
    del asked.rows["0"]
    asked.rows["new"] = asked.now
    verdict = asked.round([*rows[1:9], "new", rows[19]], [rows[9], *rows[10:19]])
    assert verdict.blind == ""


def test_a_ghost_that_no_answer_has_had_is_told_apart() -> None:
    asked = AskedList("1", "2", "3")
    asked.round({"1", "3"})
    for _ in range(8):
        verdict = asked.round({"3"})
    assert verdict.ghosts == {"1", "2"}
    assert verdict.never_listed_ghosts == {"2"}
    asked.answer({"2", "3"})  # no collection in between
    for _ in range(8):
        verdict = asked.round({"3"})
    assert verdict.ghosts == {"1", "2"}
    assert verdict.never_listed_ghosts == frozenset()
