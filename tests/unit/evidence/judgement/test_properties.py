"""What holds for any answers whatever."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.evidence.answers import Unknown
from tests.support.evidence.asked import LATE, AskedList, AskedOwners

IDS = st.frozensets(st.sampled_from("abcdefgh"))
AFTER = st.sampled_from([1.0, 15.0, 30.0, 200.0])

OWNER_ROUNDS = st.lists(st.tuples(AFTER, IDS | st.none(), IDS), max_size=40)
LIST_ROUNDS = st.lists(st.tuples(AFTER, IDS | st.none(), IDS | st.none()), max_size=40)


@settings(deadline=None)
@given(OWNER_ROUNDS, st.frozensets(st.sampled_from("abcdefgh"), min_size=1))
def test_an_owner_that_was_in_the_last_answer_is_never_dead(
    rounds: list[tuple[float, frozenset[str] | None, frozenset[str]]], held: frozenset[str]
) -> None:
    owners = AskedOwners(*held)
    last = frozenset[str]()
    for after, alive, ended in rounds:
        if alive is None:
            state = owners.fail(after)
        else:
            last = alive
            state = owners.ask(*alive, ended=ended, after=after)
        assert not state.dead & last
        assert state.dead <= state.missing.keys() <= held
        assert not (state.unknown and state.dead)
        assert not state.alive & state.missing.keys()


@settings(deadline=None)
@given(OWNER_ROUNDS)
def test_an_owner_that_is_in_every_other_answer_is_never_dead(
    rounds: list[tuple[float, frozenset[str] | None, frozenset[str]]],
) -> None:
    owners = AskedOwners(*"abcdefgh")
    for number, (_, alive, _) in enumerate(rounds):
        answer = {*(alive or ()), *("a" if number % 2 else ())}
        assert "a" not in owners.ask(*answer).dead


@settings(deadline=None)
@given(LIST_ROUNDS, IDS)
def test_a_ghost_is_an_active_row_that_no_store_lists(
    rounds: list[tuple[float, frozenset[str] | None, frozenset[str] | None]], rows: frozenset[str]
) -> None:
    asked = AskedList(*rows, urls={"x": "http://x", "y": "http://y"})
    for after, *stores in rounds:
        given_: list[frozenset[str] | Unknown] = [LATE if s is None else s for s in stores]
        verdict = asked.round(*given_, after=after)
        assert verdict.ghosts <= rows
        assert not verdict.ghosts & verdict.listed.keys()
        held = [each for each in stores if each is not None]
        assert frozenset[str]().union(*held) <= verdict.listed.keys()
        assert verdict.at <= verdict.list_at <= asked.now


@settings(deadline=None)
@given(LIST_ROUNDS, IDS)
def test_a_session_that_shows_life_within_ghost_after_is_no_ghost(
    rounds: list[tuple[float, frozenset[str] | None, frozenset[str] | None]], rows: frozenset[str]
) -> None:
    asked = AskedList(*rows, "a", urls={"x": "http://x", "y": "http://y"})
    for after, *stores in rounds:
        asked.rows["a"] = asked.now - 50
        given_: list[frozenset[str] | Unknown] = [LATE if s is None else s for s in stores]
        assert "a" not in asked.round(*given_, after=min(after, 9.0)).ghosts
