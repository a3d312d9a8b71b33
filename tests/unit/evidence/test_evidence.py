"""Whether owners and lists are up: what is said of them beside the rows of their sources."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.config import Config, load_config
from exporter.evidence.answers import ListAnswer, ListedSession, OwnersAnswer, StoreAnswer
from exporter.evidence.evidence import AskedKey, Evidence
from exporter.evidence.judgement.owners import HeldSessions

FILE = """\
databases: {app: {dsn: ""}}
owners: {pods: {unique_per_start: true, http: {url: "http://a/pods"}}}
lists: {calls: {urls: {main: "http://a/calls"}, started_at: at}}
sources:
  rows:
    table: public.calls
    active: is_open
    started_at: started
    id: id
    orphaned_after: 2h
    every: 30s
    list: calls
    owner: {of: pod, in: pods}
"""
PAIR = ("app", "rows")
LIST, OWNERS = AskedKey("calls", ""), AskedKey("pods", "")


class Told:
    """Evidence that is answered every 15 s, at a time of the test."""

    def __init__(self, config: Config) -> None:
        self.now = 1000.0
        self.evidence = Evidence(config, Clock(lambda: self.now, lambda: 0.0))

    def answer(self, *, after: float = 15.0, collects: bool = True) -> None:
        self.now += after
        sessions = {"1": ListedSession(), "2": ListedSession()}
        self.evidence.take_list(LIST, ListAnswer({"main": StoreAnswer(sessions, self.now)}))
        if collects:
            self.evidence.note_collection(PAIR, self.now)
            self.evidence.take_held(PAIR, {"a": HeldSessions(2, self.now, self.now)})
        self.evidence.take_owners(OWNERS, OwnersAnswer(frozenset("a"), self.now))


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], Told]:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return lambda: Told(load_config(path, {}))


def test_they_are_down_while_no_collection_reads_the_rows_that_recovery_is_braked_by(
    told: Callable[[], Told],
) -> None:
    it = told()
    it.answer()
    assert it.evidence.up() == {"calls": True, "pods": True}
    for _ in range(9):
        it.answer(collects=False)
    assert it.evidence.verdict(*PAIR).blind == (
        "no collection has read the active sessions for 135 s"
    )
    assert it.evidence.up() == {"calls": False, "pods": False}
    assert it.evidence.why_down(LIST) == "no collection has read the active sessions for 135 s"
    it.answer()
    assert it.evidence.up() == {"calls": True, "pods": True}


def test_before_the_first_collection_they_are_starting(told: Callable[[], Told]) -> None:
    it = told()
    it.answer(collects=False)
    assert it.evidence.up() == {"calls": False, "pods": False}
    assert it.evidence.is_starting(LIST)
    assert it.evidence.is_starting(OWNERS)
    it.answer()
    assert not it.evidence.is_starting(LIST)
