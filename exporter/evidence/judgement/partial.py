"""Answers that look complete and are a part: a page, or one of several servers behind one URL."""

from collections import deque
from collections.abc import Mapping, Set

from exporter.config.evidence import ListSource
from exporter.evidence.judgement.presence import NEVER

#: What applications and frameworks take as the size of a page, but 10: so many live by chance.
_PAGE_SIZES = frozenset(lead * 10**power for lead in (20, 25, 30, 50, 100) for power in range(4))

#: A list whose answers took turns twice within so many seconds is not trusted for the rest of them.
_TURNS_LAST = 900.0

#: What leaves a store as all others of its sessions do has to be absent for so many times
#: ghost_after: perhaps another server has answered. More where that was so within a day.
_PATIENCE, _MORE_PATIENCE = 4, 60
_DAY = 86_400.0


class PartialAnswers:
    """What the usable answers of the stores of one list have in common with parts."""

    def __init__(self, settings: ListSource) -> None:
        self.adjust(settings)
        self._has_pages = settings.sql is not None or settings.request.next_page is not None
        self._cut: dict[str, tuple[int, Set[str]]] = {}  # of stores: the page, and what left it
        self._switched: dict[str, float] = {}
        self._turned = deque((NEVER, NEVER), maxlen=2)  # when answers last took turns
        self._at = NEVER

    def adjust(self, settings: ListSource) -> None:
        """Go on with another ghost_after."""
        self._ghost_after = settings.ghost_after

    def observe(
        self,
        before: Mapping[str, Set[str]],
        after: Mapping[str, Set[str]],
        returned: Set[str],
        at: float,
    ) -> None:
        """Take in what stores held before and hold by their new answers.

        `returned` is what was in no store in between, and is in one again.
        """
        self._at = at
        here = frozenset[str]().union(*after.values())
        patience = _MORE_PATIENCE if at - self._turned[-1] < _DAY else _PATIENCE
        self._switched = {
            each: left
            for each, left in self._switched.items()
            if each not in here and at - left < patience * self._ghost_after
        }
        for store, held in after.items():
            last = before.get(store, frozenset())
            gone = last - here
            if gone and held and len(gone) == len(last):
                self._switched |= dict.fromkeys(gone, at)
            if 2 * len(gone) > len(last) and returned & held:
                self._turned.append(at)
            if self._has_pages or len(held) not in _PAGE_SIZES:
                self._cut.pop(store, None)
            elif len(held) == len(last):
                _, cut = self._cut.get(store, (0, frozenset()))
                self._cut[store] = len(held), (cut | gone) - here

    def turns(self) -> str:
        """Return that answers take turns, as a sentence; empty where they do not."""
        if self._at - self._turned[0] >= _TURNS_LAST:
            return ""
        return (
            "its answers take turns, so absence is no loss: does one URL lead to several servers? "
            "Name the URL of each"
        )

    def cut(self, unlisted: Set[str]) -> str:
        """Return that these sessions may be on another page, as a sentence; or an empty text."""
        for store, (size, left) in self._cut.items():
            if number := len(left & unlisted):
                return (
                    f"store {store}: it still holds {size} sessions, as a page may, and {number} "
                    "that are active have left it: does it have pages? See next_page"
                )
        return ""

    def has_switched(self, session: str) -> bool:
        """Return whether a session left its store lately as all others in it did."""
        return session in self._switched
