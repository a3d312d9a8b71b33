"""The contents of the stores of a list: their last usable answers combined."""

from collections.abc import Mapping
from dataclasses import replace

from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer, Unknown


class Stores:
    """The last usable answer of each store, unless it is too old."""

    def __init__(self, longest_gap: float) -> None:
        self.longest_gap = longest_gap
        self._answers: dict[str, StoreAnswer] = {}
        self._fresh: dict[str, StoreAnswer] = {}
        self.failures: dict[str, str] = {}
        """Of the last round: why a store gave no usable answer."""

    def observe(self, answer: ListAnswer) -> None:
        """Take in a round."""
        self.failures = {}
        self._fresh = {}
        for store, given in answer.stores.items():
            last = self._answers.get(store)
            if isinstance(given, Unknown):
                self.failures[store] = given.message
            elif last is not None and given.at <= last.at:
                self.failures[store] = "the answer is not newer than the last one"
            else:
                self._fresh[store] = given if last is None else _sharing_ids(given, last)
        self._answers |= self._fresh

    def forget(self, now: float) -> bool:
        """Forget answers too old to prove that a session lives; return whether there were any."""
        kept = {
            store: answer
            for store, answer in self._answers.items()
            if now - answer.at <= self.longest_gap
        }
        known, self._answers = self._answers, kept
        return len(kept) < len(known)

    @property
    def fresh(self) -> Mapping[str, StoreAnswer]:
        """The usable answers of the last round."""
        return self._fresh

    @property
    def at(self) -> float:
        """When the oldest of the answers that count was asked for; 0 where there is none."""
        return min((each.at for each in self._answers.values()), default=0.0)

    @property
    def newest_at(self) -> float:
        """When the newest of them was asked for; 0 where there is none."""
        return max((each.at for each in self._answers.values()), default=0.0)

    def held(self) -> dict[str, Mapping[str, ListedSession]]:
        """The sessions of each store whose answer counts."""
        return {store: answer.sessions for store, answer in self._answers.items()}

    def union(self) -> Mapping[str, ListedSession]:
        """The sessions that any of them holds, each with its newest sign of life."""
        first, *others = [each.sessions for each in self._answers.values()] or [{}]
        if not others:
            return first
        merged = dict(first)
        for sessions in others:
            for key, session in sessions.items():
                known = merged.get(key)
                merged[key] = session if known is None else _newer(known, session)
        return merged

    def disputed(self) -> frozenset[str] | None:
        """What one store of the last round holds and another lacks; None with fewer than two."""
        if len(self._fresh) < 2:
            return None
        held = [frozenset(each.sessions) for each in self._fresh.values()]
        return frozenset[str].union(*held) - frozenset[str].intersection(*held)


def _sharing_ids(answer: StoreAnswer, last: StoreAnswer) -> StoreAnswer:
    """Return the answer with the texts of the last one as ids: of 100,000 that are 8 MB less."""
    sessions = dict(last.sessions)
    sessions.update(answer.sessions)  # an equal key stays the object that it is
    for gone in last.sessions.keys() - answer.sessions.keys():
        del sessions[gone]
    return replace(answer, sessions=sessions)


def _newer(one: ListedSession, other: ListedSession) -> ListedSession:
    """Return the session with the later sign of life, or start where neither has one."""
    return max(one, other, key=_newest)


def _newest(session: ListedSession) -> tuple[float, float]:
    never = float("-inf")
    seen, started = session.last_seen_at, session.started_at
    return (never if seen is None else seen, never if started is None else started)
