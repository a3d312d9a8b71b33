"""A verdict as a statement: written once for each answer, and beside the event loop if long."""

import asyncio
import threading
from collections.abc import Collection

import pytest

from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer
from exporter.sessions import evidence_settings, evidence_statements
from exporter.sessions.orphaned import settings
from exporter.sessions.verdict import ListedTimes, Verdict
from tests.support.evidence.asked import AskedList

IDS = {f"session-{number}": number / 7 for number in range(20_000)}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which the times of a list were written."""
    threads = list[threading.Thread]()
    write = settings._times

    def counted(times: Collection[float | None]) -> str:
        threads.append(threading.current_thread())
        return write(times)

    monkeypatch.setattr(settings, "_times", counted)
    return threads


async def test_a_list_is_written_once_for_all_statements_and_sources(
    written: list[threading.Thread],
) -> None:
    listed = ListedTimes(IDS)
    verdicts = [Verdict(listed=listed, ghosts=frozenset({f"ghost-{n}"})) for n in range(4)]
    found = await asyncio.gather(*(evidence_settings(each) for each in verdicts))
    assert len(written) == 1
    assert written[0] is not threading.main_thread()
    plain = [Verdict(listed=IDS, ghosts=each.ghosts) for each in verdicts]
    assert [evidence_statements(each) for each in plain] == list(found)


async def test_each_encoding_has_its_own(written: list[threading.Thread]) -> None:
    listed = ListedTimes({"caf\u00e9": None, "\u0436": 1.0})
    latin = await evidence_settings(Verdict(listed=listed), "LATIN1")
    whole = await evidence_settings(Verdict(listed=listed), "UTF8")
    assert ("\u0436" in latin[0], "\u0436" in whole[0]) == (False, True)
    assert len(written) == 2


async def test_a_short_one_needs_no_thread(written: list[threading.Thread]) -> None:
    await evidence_settings(Verdict(listed={"a": None}))
    assert written == [threading.main_thread()]


async def test_nothing_that_is_known_is_no_statement() -> None:
    assert await evidence_settings(Verdict(listed=ListedTimes({}))) == ()


def test_what_is_listed_is_no_ghost() -> None:
    (statement,) = evidence_statements(Verdict(listed={"a": None}, ghosts=frozenset("ab")))
    assert "ghosts', '{\"b\"}'" in statement


def test_the_times_of_a_list_are_new_with_each_answer_and_no_sooner() -> None:
    asked = AskedList("a")
    asked.answer({"a"})
    history = asked.history
    first = history.times()
    assert (first, history.times() is first) == ({"a": None}, True)
    asked.now += 15
    answer = StoreAnswer({"a": ListedSession(None, 9.0)}, asked.now)
    history.observe(ListAnswer({"x": answer}), asked.now)
    assert history.times() == {"a": 9.0}
