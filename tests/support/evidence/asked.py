"""Owners and lists that are asked every 15 s, with what a collection found in between."""

from collections.abc import Iterable, Mapping
from typing import Any

from exporter.config.evidence import ListSource, OwnerSource
from exporter.evidence.answers import (
    ListAnswer,
    ListedSession,
    OwnersAnswer,
    StoreAnswer,
    Unknown,
)
from exporter.evidence.judgement.lists import ListHistory, ListState
from exporter.evidence.judgement.owners import HeldSessions, OwnerHistory, OwnersState
from exporter.evidence.judgement.source import ComparedRows, SourceEvidence
from exporter.sessions.verdict import Verdict

EVERY = 15.0
LATE = Unknown("timeout", "no answer within 5 s")
START = 1000.0


class AskedOwners:
    """An owner source, and the owners that hold a session each; `a` is the one without a fault."""

    def __init__(self, *held: str, **settings: Any) -> None:
        defaults = {"unique_per_start": True, "grace": "2m", "every": "15s", "sql": "TABLE a"}
        declared = OwnerSource.model_validate({"name": "servers"} | defaults | settings)
        self.history = OwnerHistory(declared)
        self.held: dict[str, HeldSessions] | None = dict.fromkeys(held, HeldSessions(1, 0.0))
        self.reported: dict[str, float] = {}
        self.now = START - EVERY

    def ask(self, *alive: str, ended: Iterable[str] = (), after: float = EVERY) -> OwnersState:
        self.now += after
        answer = OwnersAnswer(frozenset(alive), self.now, frozenset(ended), self.reported)
        return self.history.observe(answer, self.held, self.now)

    def fail(self, after: float = EVERY) -> OwnersState:
        self.now += after
        return self.history.observe(LATE, self.held, self.now)

    def ask_for(self, seconds: float, *alive: str) -> OwnersState:
        """Ask as often as fits into so many seconds, at their end as well."""
        for _ in range(int(seconds / EVERY)):
            state = self.ask(*alive)
        return state


class AskedList:
    """A list and the rows of one source; each round and each collection is 15 s after the last."""

    def __init__(self, *rows: str, seen: float = 0.0, **settings: Any) -> None:
        defaults = {"urls": {"x": "http://x"}, "ghost_after": "1m", "every": "15s"}
        declared = ListSource.model_validate({"name": "live"} | defaults | settings)
        self.history = ListHistory(declared)
        self.source = SourceEvidence(None, self.history)
        self.rows = dict.fromkeys(rows, seen)
        self.now = START - EVERY

    def answer(self, *stores: Iterable[str] | Unknown, after: float = EVERY) -> ListState:
        """One round: what each store, x, y and z, holds."""
        self.now += after
        answers: Mapping[str, StoreAnswer | Unknown] = {
            name: held
            if isinstance(held, Unknown)
            else StoreAnswer(dict.fromkeys(held, ListedSession()), self.now)
            for name, held in zip("xyz", stores, strict=False)
        }
        return self.history.observe(ListAnswer(answers), self.now)

    def collect(self, after: float = 1.0) -> Verdict:
        """Compare the rows with the list; return the verdict that is known then."""
        at = self.now + after
        verdict = self.source.verdict(at)
        unlisted = {key: seen for key, seen in self.rows.items() if key not in verdict.listed}
        untracked = frozenset(verdict.listed.keys() - self.rows.keys())
        listed = len(self.rows) - len(unlisted)
        self.source.observe(
            ComparedRows(verdict.list_at, at, len(self.rows), listed, unlisted, untracked)
        )
        return self.source.verdict(at)

    def round(self, *stores: Iterable[str] | Unknown, after: float = EVERY) -> Verdict:
        """A round, and a collection right after it."""
        self.answer(*stores, after=after)
        return self.collect()
