"""How long a session has been absent from every store, over complete rounds."""

from collections import deque
from collections.abc import Mapping, Set

from exporter.config.evidence import ListSource
from exporter.evidence.judgement.presence import NEVER


class Absence:
    """The unbroken series of complete rounds, and when each session left the list.

    The series restarts after a gap, and when many absent sessions have returned (more than half of
    them, or several at once that are more than a quarter). Then absence does not prove loss, as
    with a store that gives partial answers, or with two stores that answer in turn.
    """

    def __init__(self, settings: ListSource, longest_gap: float) -> None:
        self.adjust(settings, longest_gap)
        self._rounds = deque[float]()
        self._left: dict[str, float] = {}

    def adjust(self, settings: ListSource, longest_gap: float) -> None:
        """Continue with another longest time between two rounds."""
        self._longest_gap = longest_gap
        self._kept = settings.ghost_after + longest_gap

    @property
    def at(self) -> float:
        """When the last complete round was asked for."""
        return self._rounds[-1] if self._rounds else NEVER

    def observe(self, before: Set[str], after: Set[str], at: float, *, is_complete: bool) -> int:
        """Add a round; return how many sessions came back if that restarts the series."""
        if self._rounds and at - self._rounds[-1] > self._longest_gap:
            self._rounds.clear()
        back = self.returning(after)
        is_unstable = (4 if len(back) > 1 else 2) * len(back) > len(self._left)
        if is_unstable:
            self._rounds.clear()
        self._left = {
            each: left
            for each, left in self._left.items()
            if each not in back and at - left <= self._kept
        } | dict.fromkeys(before - after, at)
        if is_complete:
            self._rounds.append(at)
        while self._rounds and at - self._rounds[0] > self._kept:
            self._rounds.popleft()
        return len(back) if is_unstable else 0

    def returning(self, after: Set[str]) -> Set[str]:
        """Return what of the next round has left the list lately."""
        return self._left.keys() & after

    def since(self, session: str, seen: float) -> float | None:
        """Return the first complete round that lacked a session, last seen otherwise at `seen`.

        If the session was in the list, it is a round since the session left. None: there is none.
        """
        earliest = max(seen, self._left.get(session, NEVER))
        return next((each for each in self._rounds if each >= earliest), None)

    def left(self, session: str) -> float:
        """Return when a session last left the list; NEVER where that is long ago or unknown."""
        return self._left.get(session, NEVER)


def lost(before: Mapping[str, Set[str]], after: Set[str]) -> frozenset[str]:
    """Return the sessions lost by stores that lost more than half of their sessions.

    A session that another store holds now is not lost.
    """
    found = set[str]()
    for held in before.values():
        gone = held - after
        if 2 * len(gone) > len(held):
            found |= gone
    return frozenset(found)
