"""The sessions that the stores list, and whether the absence of a session proves anything."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from exporter.config.evidence import ListSource
from exporter.evidence.answers import ListAnswer, ListedSession
from exporter.evidence.judgement.absence import Absence, lost
from exporter.evidence.judgement.partial import PartialAnswers
from exporter.evidence.judgement.presence import NEVER
from exporter.evidence.judgement.stores import Stores
from exporter.sessions.verdict import ListedTimes


@dataclass(frozen=True, slots=True)
class ListState:
    """The present knowledge about one list."""

    sessions: Mapping[str, ListedSession]
    """The sessions that any store holds, each with its newest sign of life. If a store gives no
    usable answer, its last answer counts for three intervals."""
    live: Mapping[str, int | None]
    """How many each store holds; None: unknown."""
    disagreeing: frozenset[str] | None
    """With `stores: all`: the sessions that one store held and another lacked in two answers. None:
    unknown, or `stores: any`."""
    unknown: str
    """Why absence proves nothing at present, as a sentence; empty where every store answered."""
    at: float
    """When the oldest answer that counts was asked for, by the monotonic clock; 0: never."""
    round: float
    """When the newest answer was asked for: it tells two rounds apart."""


class ListHistory:
    """All answers of one list so far (where it reads a database: of one database)."""

    def __init__(self, settings: ListSource) -> None:
        self.settings = settings
        self.longest_gap = 3 * settings.every + settings.timeout
        self.absence = Absence(settings, self.longest_gap)
        self.partial = PartialAnswers(settings)
        self._stores = Stores(self.longest_gap)
        self._names: tuple[str, ...] = ()
        self._sessions: Mapping[str, ListedSession] = {}
        self._timed: Mapping[str, ListedSession] = self._sessions
        self._times = ListedTimes({})
        self._disputed: frozenset[str] | None = None
        self._disagreeing: frozenset[str] | None = None
        self._lost = frozenset[str]()
        self._lost_at = NEVER
        self._newest_at = NEVER
        self._returned = 0
        self._returned_at = NEVER

    def adjust(self, settings: ListSource) -> None:
        """Continue with settings that change neither the requests nor the meaning of an answer."""
        self.settings = settings
        self.longest_gap = 3 * settings.every + settings.timeout
        self.absence.adjust(settings, self.longest_gap)
        self.partial.adjust(settings)
        self._stores.longest_gap = self.longest_gap

    def observe(self, answer: ListAnswer, now: float) -> ListState:
        """Return the state after this round."""
        self._names = tuple(answer.stores)
        self._forget(now)
        before = {store: held.keys() for store, held in self._stores.held().items()}
        self._stores.observe(answer)
        if self._stores.fresh:
            self._take(before, [each.at for each in self._stores.fresh.values()])
        return self.state(now)

    def state(self, now: float) -> ListState:
        """Return the present state, between two rounds."""
        self._forget(now)
        live = {name: len(held) for name, held in self._stores.held().items()}
        return ListState(
            self._sessions,
            {name: live.get(name) for name in self._names},
            self._disagreeing,
            self._doubt(),
            self._stores.at,
            self._stores.newest_at,
        )

    def times(self) -> ListedTimes:
        """Return the last sign of life of each session: the same object for all sources."""
        if self._sessions is not self._timed:
            self._timed = self._sessions
            self._times = ListedTimes(
                {key: each.newest_life for key, each in self._sessions.items()}
            )
        return self._times

    def instability(self) -> str:
        """Return why complete answers are not trusted, as a sentence; empty where they are."""
        is_recent = self._is_recent(self._returned_at)
        what = f"{self._returned} sessions were absent and came back, so absence is no loss"
        return self.partial.turns() or (what if is_recent else "")

    def lost(self) -> frozenset[str]:
        """Return the sessions that a store lost at once, as long as that is recent."""
        return self._lost if self._is_recent(self._lost_at) else frozenset()

    def _take(self, before: Mapping[str, Set[str]], asked: Sequence[float]) -> None:
        """Add a round in which at least one store gave a usable answer, with the time of each."""
        known, self._sessions = self._sessions, self._stores.union()
        # A session that left the list between two rounds is in no answer of a complete round.
        is_complete = not self._stores.failures and min(asked) > self._newest_at
        at, self._newest_at = min(asked), max(asked)
        after = {store: each.sessions.keys() for store, each in self._stores.fresh.items()}
        self.partial.observe(before, after, self.absence.returning(self._sessions.keys()), at)
        returned = self.absence.observe(
            known.keys(), self._sessions.keys(), at, is_complete=is_complete
        )
        if returned >= 3:
            self._returned, self._returned_at = returned, at
        if gone := lost(before, self._sessions.keys()):
            self._lost, self._lost_at = self.lost() | gone, at
        if self.settings.stores == "all":
            self._compare(self._stores.disputed())

    def _compare(self, disputed: frozenset[str] | None) -> None:
        """Add the sessions on which the stores of a round differ; None: fewer than two answered."""
        known = self._disputed
        self._disagreeing = None if disputed is None or known is None else disputed & known
        self._disputed = known if disputed is None else disputed

    def _forget(self, now: float) -> None:
        """Forget stores that have given no usable answer for too long."""
        if self._stores.forget(now):
            self._sessions = self._stores.union()

    def _is_recent(self, at: float) -> bool:
        return self.absence.at - at < self.settings.ghost_after

    def _doubt(self) -> str:
        """Return why absence proves nothing, as a sentence; empty where it may."""
        failures = self._stores.failures
        if failures:
            return "; ".join(f"store {name}: {failures[name]}" for name in sorted(failures))
        if not self._stores.held():
            return "no store has answered yet"
        return self.instability()
